import assert from "node:assert/strict";
import { join } from "node:path";
import { parseCommandLine } from "../../lib/cli/arguments.ts";
import { runCheck } from "../../lib/cli/check.ts";
import { importCommand, runImport } from "../../lib/cli/import.ts";
import { type Config, loadConfig } from "../../lib/config/config.ts";
import { UserError } from "../../lib/errors.ts";
import { capture, type Captured } from "./capture.ts";

const fixtures = new URL("../fixtures/", import.meta.url);
const xmlFile = (name: string): string => new URL(`mailismus/${name}.xml`, fixtures).pathname;

const run = (...args: string[]): Promise<Captured> =>
  capture(() => runImport(parseCommandLine(args, importCommand.flags, { command: "import" })));

/** The files that the fixtures name, with the PEM files that the commands would make. */
const FILES: Readonly<Record<string, string>> = {
  "ms_users": "mailismus/ms_users",
  "ms_local_domains": "mailismus/ms_local_domains",
  "ms_aliases": "mailismus/ms_aliases",
  "tls/mail_host.pem": "tls/server.pem",
  "tls/mail_host.key": "tls/server.key",
  "tls/mail_host-2.pem": "tls/server.pem",
  "tls/mail_host-2.key": "tls/server.key",
  "tls/trusted.pem": "tls/ca.pem",
  "tls/trusted-2.pem": "tls/ca.pem",
  "tls/client-authorities.pem": "tls/ca.pem",
  "tls/anna.pem": "tls/alice.pem",
  "tls/anna.key": "tls/alice.key",
};

/** Does `use` with a folder that has these files in `conf`. */
async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "import-" }));
  try {
    await Deno.mkdir(join(folder, "conf/tls"), { recursive: true });
    for (const [name, from] of Object.entries(FILES)) {
      const content = await Deno.readFile(new URL(from, fixtures));
      await Deno.writeFile(join(folder, "conf", name), content, { mode: 0o600 });
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Imports a fixture into a folder, lets `check` look at the result, and gives the config. */
async function imported(folder: string, name: string): Promise<Config> {
  const file = join(folder, "config.toml");
  const { status } = await run(xmlFile(name), "--output", file);
  assert.equal(status, 0);
  const errors: string[] = [];
  const checked = await runCheck({
    configFile: file,
    write: () => {},
    writeError: (text) => errors.push(text),
  });
  assert.equal(checked, 0, errors.join("\n"));
  return (await loadConfig(file)).config!;
}

Deno.test("import carries over all settings of the manual", () =>
  inFolder(async (folder) => {
    const config = await imported(folder, "manual");
    assert.deepEqual(config.directory, {
      users: join(folder, "conf/ms_users"),
      domains: join(folder, "conf/ms_local_domains"),
      aliases: join(folder, "conf/ms_aliases"),
      plainpass: true,
    });
    assert.deepEqual(config.message_store, {
      userpath: join(folder, "var/mail"),
      mailpath: "Maildir",
      filename_colon: "+",
      filename_comma: ",",
      exclusive: false,
      dotstuffing: true,
    });
    const [first, second] = config.pop3server!.listeners;
    assert.deepEqual(
      { ...first, server: undefined },
      {
        name: "POP3",
        port: 2110,
        interface: "127.0.0.1",
        maxservers: 1000,
        backlog: 512,
        server: undefined,
      },
    );
    const { transcript, greet, ...server } = first!.server;
    assert.deepEqual(transcript, {
      file: join(folder, "var/logs/transcripts/pop3server-%DT%.log"),
      rot: "DAILY",
      buffer: 16384,
      flush: 60_000,
    });
    assert.match(greet, / is ready & willing$/);
    assert.deepEqual(server, {
      authtypes: ["USERPASS", "APOP", "SASL_PLAIN", "SASL_CRAM_MD5"],
      authtypes_ssl: [],
      timeout: 5_400_000,
      expire: 30,
    });
    assert.equal(second!.server.expire, 30);
    const { audit, transcript: dialogue, timeout, delay_start, clients } = config.pop3download!;
    assert.equal(audit!.rot, "MONTHLY");
    assert.equal(dialogue!.maxfile, 10 * 1024 * 1024);
    assert.deepEqual([timeout, delay_start], [240_000, 1500]);
    const [byMail, asFiles] = clients;
    assert.deepEqual(byMail!.server, {
      host: "pop.example.org",
      port: 1110,
      username: "12345",
      password: 'p<ss "w\\rd#',
      authtypes: ["SASL_PLAIN", "USERPASS"],
      initrsp: true,
    });
    assert.deepEqual(
      [byMail!.freq, byMail!.runs, byMail!.preserve, byMail!.capa, byMail!.omitreceivedheader],
      [600_000, 3, true, true, true],
    );
    assert.equal(asFiles!.downloads_directory, "/srv/mail/%U%");
    assert.deepEqual([asFiles!.server.host, asFiles!.server.port], ["2001:db8::1", 995]);
    assert.equal(asFiles!.ssl!.latent, false);
  }));

Deno.test("import takes older spellings, and keeps what is disabled so", () =>
  inFolder(async (folder) => {
    const config = await imported(folder, "older");
    // Mailismus' default is the wire's form, ours is not.
    assert.equal(config.message_store!.dotstuffing, false);
    assert.deepEqual(
      config.pop3server!.listeners.map(({ name, port, ssl }) => [name, port, ssl]),
      [["POP3-2", 2110, undefined], ["LAN", 2113, undefined]],
    );
    assert.equal(config.pop3server!.listeners[0]!.server.greet, "Admins only");
    assert.equal(config.pop3download!.transcript, undefined);
    assert.deepEqual(
      config.pop3download!.clients.map(({ id, recip, freq, preserve, server }) => ({
        id,
        recip,
        freq,
        preserve,
        host: server.host,
        port: server.port,
      })),
      [{
        id: "anna-pop.example.org-2",
        recip: "anna",
        freq: 3_600_000,
        preserve: true,
        host: "pop.example.org",
        port: 1110,
      }],
    );
    const toml = await Deno.readTextFile(join(folder, "config.toml"));
    assert.match(toml, /^enabled = false\nid = "anna-pop\.example\.org"$/m);
    assert.match(toml, /^transcript = \{ file = .*, maxfile = "10M", enabled = false \}$/m);
  }));

Deno.test("import says what it could not carry over, with line and reason, twice", async () => {
  const { out, err } = await run(xmlFile("older"));
  assert.match(err, /^Imported 3 listeners and 3 clients of \S+older\.xml\. Not carried over/);
  const expected = [
    /line 3: application: the host name announced by SMTP/,
    /line 8: directory\/virtualusers: mailboxes of the system's own users/,
    /line 13: mta: the SMTP server and client, the queue and bounces are no part/,
    /line 17: imap: an IMAP server is no part/,
    /line 18: pop3server\/@threads: is no setting of this program/,
    /line 21: .*"ADMIN"\/server\/@class: names Java code/,
    /line 26: .*@configlink: "ADMIN" is disabled: its server section was copied here/,
    /line 32: .*transcript: "%DIRLOG%\/pop3-%TID%\.log" contains %TID%/,
    /line 32: .*transcript\/@level: is a setting of trace logs alone/,
    /line 34: .*timeout: "soon" is not allowed here; "timeout" takes a duration/,
    /line 42: pop3download\/nosmtp: is no setting/,
    /line 44: pop3download\/clients\/client: has no id; it was given "anna-pop\.example\.org"/,
    /line 62: .*"nobody": has no recip that can be used, so it is switched off/,
    /comments: the 2 comments of the XML file/,
  ];
  const comments = out.slice(out.indexOf("# Not carried over")).replace(/\n# (?!- )/g, " ");
  for (const note of expected) {
    assert.match(err, note);
    assert.match(comments, note);
  }
  assert.ok(!err.includes("secret"), "no password is told");
  assert.equal(err.split("names Java code").length, 2, "each note once");
});

Deno.test("import names the commands that make PEM files of keystores", () =>
  inFolder(async (folder) => {
    const { pop3server, pop3download } = await imported(folder, "keystores");
    assert.deepEqual(
      pop3server!.listeners.map(({ ssl }) => [ssl!.cert.slice(folder.length), ssl!.clientauth]),
      [
        ["/conf/tls/mail_host.pem", 2],
        ["/conf/tls/mail_host.pem", 1],
        ["/conf/tls/mail_host-2.pem", 2],
      ],
    );
    assert.deepEqual(
      pop3server!.listeners.map(({ ssl }) => [ssl!.latent, ssl!.mandatory, ssl!.peercert]),
      [[false, false, "alice"], [true, true, undefined], [false, false, undefined]],
    );
    assert.equal(pop3download!.clients[0]!.ssl!.peercert, "mail.example.org");
    assert.deepEqual(pop3download!.clients[0]!.server.authtypes, ["SASL_EXTERNAL"]);
    const toml = await Deno.readTextFile(join(folder, "config.toml"));
    for (
      const command of [
        'keytool -importkeystore -srckeystore "$DIRCONF/key store.jks" -srcalias "mail \\$host" ' +
        '-destkeystore "$DIRCONF/tls/mail_host.p12" -deststoretype PKCS12',
        'openssl pkcs12 -in "$DIRCONF/tls/mail_host.p12" -nokeys -out "$DIRCONF/tls/mail_host.pem"',
        'openssl pkcs12 -in "$DIRCONF/tls/mail_host.p12" -nocerts -nodes -out "$DIRCONF/tls/mail_host.key"',
        'keytool -list -rfc -keystore "trusted.jks" > "$DIRCONF/tls/trusted.pem"',
      ]
    ) assert.ok(toml.includes(`\n#   ${command}\n`), command);
    assert.equal(toml.split("-destkeystore").length, 4, "each key once");
    assert.ok(!/storesecret|keysecret/.test(toml), "passwords of keystores are left out");
  }));

Deno.test("import carries the SMTP mode over, and one destination a client", () =>
  inFolder(async (folder) => {
    const { pop3download } = await imported(folder, "smtp");
    assert.deepEqual(
      pop3download!.clients.map(({ id, smtp, downloads_directory }) => [
        id,
        smtp?.sender,
        smtp?.server.port,
        downloads_directory?.slice(folder.length),
      ]),
      [
        ["inject", "pop3downloader@localhost", 25, undefined],
        ["both", undefined, undefined, "/var/downloads/%U%"],
        ["off", undefined, undefined, "/var/downloads/%U%"],
        ["both-2", undefined, undefined, "/var/downloads/%U%"],
      ],
    );
    assert.equal(pop3download!.clients.length, 4);
  }));

Deno.test("import --output writes for the owner alone, and over nothing", () =>
  inFolder(async (folder) => {
    const file = join(folder, "new.toml");
    const { out, err } = await run(xmlFile("manual"), "-o", file);
    assert.equal(out, "");
    assert.match(err, /into \S+new\.toml/);
    assert.match(err, /\nNext: mailismus check --config \S+new\.toml\n$/);
    if (Deno.build.os !== "windows") {
      assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    }
    const before = await Deno.readTextFile(file);
    await assert.rejects(
      run(xmlFile("smtp"), "-o", file),
      (error) =>
        error instanceof UserError && error.status === 2 &&
        /new\.toml": it is there already, and is never overwritten/.test(error.message),
    );
    assert.equal(await Deno.readTextFile(file), before);
    await assert.rejects(
      run(xmlFile("smtp"), "-o", join(folder, "none/x.toml")),
      /^UserError: Cannot write ".*none\/x\.toml"/,
    );
  }));

Deno.test("import without an argument, or with two, says what it takes", async () => {
  for (const args of [[], ["a.xml", "b.xml"]]) {
    await assert.rejects(run(...args), /"import" takes one XML file/);
  }
  await assert.rejects(run("/nowhere/mailismus.xml"), /^UserError: Cannot read "\/nowhere/);
});
