import assert from "node:assert/strict";
import { join } from "node:path";
import { createAuthenticator } from "../../lib/auth/authenticator.ts";
import { createLocalHashPool } from "../../lib/auth/local_hashes.ts";
import { parseCommandLine } from "../../lib/cli/arguments.ts";
import { runCheck } from "../../lib/cli/check.ts";
import { initCommand, runInit } from "../../lib/cli/init.ts";
import { type Config, loadConfig } from "../../lib/config/config.ts";
import { parseUsers } from "../../lib/directory/users_file.ts";
import { UserError } from "../../lib/errors.ts";
import { parseAccountFlag } from "../../lib/init/account_flag.ts";
import type { Asker } from "../../lib/init/asker.ts";
import { findProvider, providerOf, PROVIDERS } from "../../lib/init/providers.ts";
import { capture, type Captured } from "./capture.ts";

const tls = new URL("../fixtures/tls/", import.meta.url).pathname;
const UNIX = Deno.build.os !== "windows";

const nobody: Asker = {
  interactive: false,
  line: () => Promise.resolve(null),
  secret: () => Promise.resolve(null),
  tell: () => {},
};

/** A person who answers the questions that contain these words, in this order. */
class Person implements Asker {
  readonly interactive = true;
  readonly told: string[] = [];
  readonly #answers: [words: string, answer: string | null][];

  constructor(...answers: [words: string, answer: string | null][]) {
    this.#answers = answers;
  }

  get left(): number {
    return this.#answers.length;
  }

  line(question: string): Promise<string | null> {
    const [words, answer] = this.#answers.shift() ?? ["no further question", null];
    assert.ok(question.includes(words), `${question} is asked, not ${words}`);
    return Promise.resolve(answer);
  }

  secret(question: string): Promise<string | null> {
    this.told.push(`unseen: ${question}`);
    return this.line(question);
  }

  tell(line: string): void {
    this.told.push(line);
  }
}

/** A folder with files that hold secrets, and one, not there yet, for the config. */
class Fixture {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "init-" }));
  readonly config: string = join(this.folder, "new/config.toml");

  secret(name: string, text: string): string {
    const path = join(this.folder, name);
    Deno.writeTextFileSync(path, text);
    return path;
  }

  async run(args: string[], asker: Asker = nobody): Promise<Captured> {
    const all = ["--config", this.config, ...args];
    const parsed = parseCommandLine(all, initCommand.flags, { command: "init" });
    return await capture(() => runInit(parsed, asker));
  }

  async fails(expected: RegExp, args: string[], asker: Asker = nobody): Promise<void> {
    await assert.rejects(this.run(args, asker), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, expected);
      return true;
    });
  }

  /** What `check` makes of the config. */
  async checked(): Promise<Config> {
    const errors: string[] = [];
    const options = { write: () => {}, writeError: (text: string) => errors.push(text) };
    assert.equal(await runCheck({ configFile: this.config, ...options }), 0, errors.join("\n"));
    return (await loadConfig(this.config)).config!;
  }

  text(name: string): string {
    return Deno.readTextFileSync(join(this.folder, "new", name));
  }

  /** All files below the new folder. */
  written(folder = join(this.folder, "new")): string[] {
    try {
      return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
        isDirectory ? this.written(join(folder, name)) : [join(folder, name)]
      ).sort();
    } catch (error) {
      assert.ok(error instanceof Deno.errors.NotFound);
      return [];
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("init by flags alone writes a config that passes check, and keeps secrets in files of their own", async () => {
  using fixture = new Fixture();
  const [secretA, secretB, secretC] = ["local-secret", "remote-secret", "refresh-secret"];
  const local = fixture.secret("a", `${secretA}\nsecond line\n`);
  const remote = fixture.secret("b", `${secretB}\r\n`);
  const refresh = fixture.secret("c", secretC);
  const { out, err, status } = await fixture.run([
    ...["--serve", "yes", "--cert", `${tls}server.pem`, "--key", `${tls}server.key`],
    ...["--interface", "127.0.0.1", "--port", "2995", "--user", `anna=${local}`],
    ...["--account", `username=anna@yahoo.com,password=${remote},mailbox=anna`],
    ...[
      "--account",
      `username=a@hotmail.com,client-id=c1,refresh-token=${refresh},smtp=a@b.example`,
    ],
    "--account",
    `username=u,host=pop.example.org,tls=stls,password=${remote},folder=%DIRVAR%/d/%U%,keep=yes,every=1h,id=x`,
  ]);
  assert.deepEqual([status, err], [0, ""]);
  const config = await fixture.checked();
  const [listener] = config.pop3server!.listeners;
  assert.deepEqual(
    [listener!.name, listener!.port, listener!.interface, listener!.ssl!.latent],
    ["POP3S", 2995, "127.0.0.1", false],
  );
  const [yahoo, outlook, isp] = config.pop3download!.clients;
  assert.deepEqual(
    [yahoo!.id, yahoo!.recip, yahoo!.server.host, yahoo!.server.port, yahoo!.server.password],
    ["anna-yahoo", "anna", "pop.mail.yahoo.com", 995, secretB],
  );
  assert.deepEqual([yahoo!.preserve, yahoo!.freq, yahoo!.ssl!.latent], [false, 600_000, false]);
  assert.deepEqual(outlook!.server.authtypes, ["SASL_XOAUTH2"]);
  assert.deepEqual(outlook!.server.oauth2, {
    token_endpoint: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    client_id: "c1",
    refresh_token_file: join(fixture.folder, "new/conf/a-outlook.refresh"),
    scope: "https://outlook.office.com/POP.AccessAsUser.All offline_access",
  });
  assert.deepEqual(outlook!.smtp!.server, { host: "localhost", port: 25 });
  assert.equal(outlook!.recip, "a@b.example");
  assert.deepEqual(
    [isp!.id, isp!.server.port, isp!.ssl!.latent, isp!.preserve, isp!.track_seen, isp!.freq],
    ["x", 110, true, true, true, 3_600_000],
  );
  assert.equal(isp!.downloads_directory, join(fixture.folder, "new/var/d/%U%"));

  const where = (secret: string): string[] =>
    fixture.written().filter((file) => Deno.readTextFileSync(file).includes(secret))
      .map((file) => file.slice(file.lastIndexOf("/") + 1));
  assert.deepEqual(where(secretA), []);
  assert.deepEqual(where(secretB), ["anna-yahoo.password", "x.password"]);
  assert.deepEqual(where(secretC), ["a-outlook.refresh"]);
  assert.ok(![secretA, secretB, secretC].some((secret) => out.includes(secret)));
  assert.equal(fixture.text("conf/a-outlook.refresh"), `${secretC}\n`);
  if (UNIX) {
    for (const file of fixture.written().filter((path) => path.includes("/conf/"))) {
      assert.equal(Deno.statSync(file).mode! & 0o777, 0o600, file);
    }
  }
  assert.equal(fixture.written().length, 5);

  const users = fixture.text("conf/users");
  assert.match(users, /^anna:\$argon2id\$\S+\n$/);
  const lines = [{ number: 1, text: users.trim() }];
  const { credentials } = parseUsers(lines, { file: "users", plainpass: false });
  const outcome = await createAuthenticator(credentials, createLocalHashPool())
    .checkPassword("anna", secretA);
  assert.equal(outcome.kind, "accepted");
});

Deno.test("init says what to do before the first run, and what to run next", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  const { out } = await fixture.run([
    ...["--serve", "yes", "--user", `anna=${password}`],
    ...["--account", `username=anna@gmail.com,password=${password},mailbox=anna`],
  ]);
  assert.match(out, /^Wrote .*conf\/users\nWrote .*anna-gmail\.password\nWrote .*config\.toml\n/);
  assert.match(out, /Before the first run, for anna@gmail\.com \(Gmail\):\n {2}- Enable POP/);
  const next = out.slice(out.indexOf("Next:")).replaceAll(fixture.config, "CONFIG");
  assert.equal(
    next,
    "Next:\n  mailismus check --config CONFIG\n" +
      "  mailismus retrieve --once --dry-run --config CONFIG\n" +
      "  mailismus serve --config CONFIG\n" +
      "Port 110 takes a right that root has, or the service that this describes:\n" +
      "  mailismus permissions --systemd --config CONFIG\n",
  );
});

Deno.test("init asks a person for all that no flag says", async () => {
  using fixture = new Fixture();
  const person = new Person(
    ["Serve mailboxes", ""],
    ["Certificate", "nowhere.pem"],
    ["Certificate", `${tls}server.pem`],
    ["private key", `${tls}server.key`],
    ["Address to listen on", ""],
    ["Port [995]", "99999"],
    ["Port [995]", " 2995 "],
    ["first user", "a/b"],
    ["first user", "anna"],
    ['Password for "anna"', ""],
    ['Password for "anna"', " one "],
    ["The same again", "two"],
    ['Password for "anna"', " one "],
    ["The same again", " one "],
    ["another user", ""],
    ["address of an account", "anna@icloud.com"],
    ["Provider [icloud]", ""],
    ["address of an account", "anna@example.net"],
    ["Provider [isp]", "yahooo"],
    ["Provider [isp]", ""],
    ["POP3 server", "pop.example.net"],
    ["Encryption", "stls"],
    ["Port [110]", ""],
    ["Password", "remote"],
    ["Deliver to", "folder"],
    ["Folder [%DIRVAR%/downloads/anna-isp]", ""],
    ["Leave the messages", "perhaps"],
    ["Leave the messages", "yes"],
    ["Time between", "often"],
    ["Time between", "90s"],
    ["another account", "anna@gmail.com"],
    ["Provider [gmail]", ""],
    ["App password", "abcd efgh ijkl mnop"],
    ["Deliver to", ""],
    ["Local user", "bert"],
    ["Leave the messages", ""],
    ["Time between", ""],
    ["another account", ""],
    ['Password for "bert"', "two"],
    ["The same again", "two"],
  );
  await fixture.run([], person);
  assert.equal(person.left, 0);
  const config = await fixture.checked();
  assert.equal(config.pop3server!.listeners[0]!.interface, undefined);
  assert.equal(config.pop3server!.listeners[0]!.port, 2995);
  assert.deepEqual(
    config.pop3download!.clients.map(({ id, server, recip, freq, preserve }) => [
      id,
      server.host,
      server.port,
      server.password,
      recip,
      freq,
      preserve,
    ]),
    [
      ["anna-isp", "pop.example.net", 110, "remote", "files", 90_000, true],
      ["anna-gmail", "pop.gmail.com", 995, "abcdefghijklmnop", "bert", 600_000, false],
    ],
  );
  assert.match(fixture.text("conf/users"), /^anna:\$argon2id\$.*\nbert:\$argon2id\$.*\n$/);
  const told = person.told.join("\n");
  for (
    const expected of [
      /Cannot find the file ".*nowhere\.pem"/,
      /99999 is not allowed/,
      /"a\/b" cannot be a user: it holds "\/"/,
      /A password is needed/,
      /not the same: once more/,
      /iCloud Mail has no POP3, only IMAP/,
      /"yahooo" is no provider known here: gmail, outlook/,
      /"perhaps" is neither yes nor no/,
      /"often" is not allowed/,
      / {2}- Enable POP in Gmail's settings/,
      /unseen: App password:/,
      /unseen: Password for "anna":/,
    ]
  ) assert.match(told, expected);
});

Deno.test("init writes nothing when the person leaves", async () => {
  using fixture = new Fixture();
  const person = new Person(["Serve mailboxes", "no"], ["address of an account", null]);
  await fixture.fails(/^Stopped before the end: nothing was written$/, [], person);
  assert.deepEqual(fixture.written(), []);
});

Deno.test("init without a terminal names the flags that are missing", async () => {
  using fixture = new Fixture();
  const cases: [string[], RegExp[]][] = [
    [[], [/flags must give all answers\. Missing: --serve yes\|no \(whether/]],
    [["--serve", "yes"], [/Missing: --user NAME=FILE/]],
    [["--serve", "yes", "--user", "anna"], [/Missing: --user anna=FILE/]],
    [
      ["--serve", "no", "--account", "provider=gmail"],
      [/--account username=USER/, /--account password=FILE/, /mailbox=USER, folder=PATH or smtp/],
    ],
    [
      ["--serve", "no", "--account", "username=a@outlook.com,folder=x"],
      [/--account client-id=ID; --account refresh-token=FILE/],
    ],
    [
      ["--serve", "no", "--account", "username=a,folder=x"],
      [/--account host=HOST; --account password=FILE/],
    ],
    [["--serve", "yes", "--cert", `${tls}server.pem`], [/--key FILE/]],
  ];
  for (const [args, expected] of cases) {
    for (const each of expected) await fixture.fails(each, args);
  }
  const password = fixture.secret("p", "x");
  await fixture.fails(/Missing: --user bert=FILE/, [
    ...["--serve", "yes", "--user", `anna=${password}`],
    ...["--account", `username=a@aol.com,password=${password},mailbox=bert`],
  ]);
  assert.deepEqual(fixture.written(), []);
});

Deno.test("init says which flag is wrong", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  const empty = fixture.secret("e", "\nx");
  const account = (text: string): string[] => ["--serve", "no", "--account", text];
  const cases: [RegExp, string[]][] = [
    [/^--serve yes\|no.*: "perhaps" is neither yes nor no$/, ["--serve", "perhaps"]],
    [/^--port N: 0 is not allowed/, ["--serve", "yes", "--port", "0"]],
    [/^--interface ADDRESS: "a b" is not allowed/, ["--serve", "yes", "--interface", "a b"]],
    [/^--cert FILE: Cannot find the file/, ["--serve", "yes", "--cert", "/nowhere"]],
    [/^--cert FILE: ".*" is no file/, ["--serve", "yes", "--cert", fixture.folder]],
    [/^--key goes with --cert only/, ["--serve", "yes", "--key", password]],
    [/^--port goes with --serve yes only/, ["--serve", "no", "--port", "110"]],
    [/^--user NAME=FILE: "a:b" cannot be a user/, ["--serve", "yes", "--user", "a:b=x"]],
    [/^--user anna=FILE.*: Cannot read "\/nowhere"/, ["--serve", "yes", "--user", "anna=/nowhere"]],
    [/: The first line of ".*" is empty/, ["--serve", "yes", "--user", `anna=${empty}`]],
    [
      /there is a user "anna" already/,
      ["--serve", "yes", "--user", `anna=${password}`, "--user", `anna=${password}`],
    ],
    [/^No mailboxes to serve and no accounts to collect from/, ["--serve", "no"]],
    [/^--account: "pasword" is unknown; did you mean "password"\?$/, account("pasword=x")],
    [/^--account: "password" needs a value/, account("password=")],
    [/^--account: "every" is given twice$/, account("every=1m,every=2m")],
    [/"hotmale" is no provider known here/, account("username=a,provider=hotmale")],
    [/iCloud Mail has no POP3, only IMAP/, account("username=a@me.com")],
    [/takes no passwords, but OAuth/, account(`username=a@live.com,password=${password}`)],
    [
      /password stands beside a token/,
      account(`username=a@gmail.com,password=${password},token=${password}`),
    ],
    [
      /refresh tokens are known for gmail, outlook, microsoft365 alone/,
      account(`username=a@aol.com,client-id=x,refresh-token=${password}`),
    ],
    [
      /mailbox stands beside folder; one destination/,
      account(`username=a@aol.com,password=${password},mailbox=a,folder=b`),
    ],
    [/no address such as/, account(`username=a@aol.com,password=${password},smtp=<a>`)],
    [/"\.\.\/x" is no id/, account(`username=a@aol.com,password=${password},mailbox=a,id=../x`)],
    [/"a\/b" cannot be a user/, account(`username=a@aol.com,password=${password},mailbox=a/b`)],
    [/"x" is none of implicit, stls and none/, account(`username=a@aol.com,tls=x`)],
  ];
  for (const [expected, args] of cases) await fixture.fails(expected, args);
  assert.deepEqual(fixture.written(), []);
});

Deno.test("init overwrites nothing, and names what is in the way", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  const args = [
    ...["--serve", "no", "--account"],
    `username=a@aol.com,password=${password},mailbox=anna`,
  ];
  for (const name of ["config.toml", "conf/users", "conf/a-aol.password"]) {
    const path = join(fixture.folder, "new", name);
    Deno.mkdirSync(join(fixture.folder, "new/conf"), { recursive: true });
    Deno.writeTextFileSync(path, "mine");
    // The first two are seen before anything is asked.
    const asker = name === "conf/a-aol.password" ? nobody : new Person();
    await fixture.fails(
      new RegExp(`${name}" is there already, and nothing is overwritten`),
      args,
      asker,
    );
    assert.deepEqual(fixture.written(), [path]);
    assert.equal(Deno.readTextFileSync(path), "mine");
    Deno.removeSync(path);
  }
  if (UNIX) {
    Deno.symlinkSync(join(fixture.folder, "elsewhere"), fixture.config);
    await fixture.fails(/config\.toml" is there already/, args);
  }
});

Deno.test("init leaves nothing behind of a config that would not work", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  await fixture.fails(/Cannot use the config .*\n.*ssl\.cert.* cannot be used/, [
    ...["--serve", "yes", "--cert", password, "--key", password, "--user", `anna=${password}`],
  ]);
  await fixture.fails(/downloads_directory.*%NONE%, which means nothing here/, [
    ...["--serve", "no", "--account"],
    `username=a@aol.com,password=${password},folder=%NONE%/x`,
  ]);
  await assert.rejects(Deno.stat(join(fixture.folder, "new")), Deno.errors.NotFound);
});

Deno.test("init gives a recipient who logs in nowhere no password", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  await fixture.run([
    ...["--serve", "no", "--account"],
    `username=a@aol.com,password=${password},mailbox=anna`,
  ]);
  assert.equal(fixture.text("conf/users"), "anna\n");
  assert.equal((await fixture.checked()).pop3server, undefined);
});

Deno.test("init sets an account up that has no token yet, and leaves it off", async () => {
  using fixture = new Fixture();
  const person = new Person(
    ["Serve mailboxes", "no"],
    ["an account", "a@hotmail.com"],
    ["Provider [outlook]", ""],
    ["Client id", "c1"],
    ["Refresh token", ""],
    ["Deliver to", "smtp"],
    ["Address", "a@example.org"],
    ["Mail server", ""],
    ["Sender", ""],
    ["Leave", ""],
    ["Time", ""],
    ["another account", ""],
  );
  const { out } = await fixture.run([], person);
  assert.match(out, /Put the refresh token into conf\/a-outlook\.refresh/);
  assert.deepEqual((await fixture.checked()).pop3download!.clients, []);
  assert.match(fixture.text("config.toml"), /^enabled = false$/m);
  Deno.mkdirSync(join(fixture.folder, "new/conf"));
  Deno.writeTextFileSync(join(fixture.folder, "new/conf/a-outlook.refresh"), "t", { mode: 0o600 });
  Deno.writeTextFileSync(
    fixture.config,
    fixture.text("config.toml").replace("enabled = false\n", ""),
  );
  assert.equal((await fixture.checked()).pop3download!.clients.length, 1);
});

Deno.test("init takes every provider that has POP3", async () => {
  for (const { id, pop3, host, port, tls: mode, login } of PROVIDERS) {
    if (!pop3) continue;
    using fixture = new Fixture();
    const secret = fixture.secret("s", "x");
    const proof = login === "OAuth" ? `client-id=c,refresh-token=${secret}` : `password=${secret}`;
    const place = host === undefined ? ",host=pop.example.org" : "";
    await fixture.run([
      ...["--serve", "no", "--account"],
      `username=a@example.org,provider=${id},${proof},folder=mail${place}`,
    ]);
    const [client] = (await fixture.checked()).pop3download!.clients;
    assert.equal(client!.server.host, host ?? "pop.example.org");
    assert.equal(client!.server.port, port);
    assert.equal(client!.ssl!.latent, mode === "stls");
  }
});

Deno.test("init takes OAuth and tokens of other programs where they are given", async () => {
  using fixture = new Fixture();
  const token = fixture.secret("s", "x");
  if (UNIX) Deno.chmodSync(token, 0o600);
  await fixture.run([
    "--serve",
    "no",
    ...["--account", `username=a@gmail.com,client-id=c,refresh-token=${token},folder=a`],
    ...["--account", `username=b@aol.com,token=${token},folder=b`],
  ]);
  const [gmail, aol] = (await fixture.checked()).pop3download!.clients;
  assert.equal(gmail!.server.oauth2!.token_endpoint, "https://oauth2.googleapis.com/token");
  assert.equal(aol!.server.token_file, token);
});

Deno.test("providerOf() knows a provider by its addresses", () => {
  const cases: [string, string | undefined][] = [
    ["a@gmail.com", "gmail"],
    ["a@GoogleMail.com", "gmail"],
    ["a@yahoo.co.uk", "yahoo"],
    ["a@yahoo.com.br", "yahoo"],
    ["a@yahoo.de", "yahoo"],
    ["a@notyahoo.de", undefined],
    ["a@yahoo.example.org", undefined],
    ["a@web.de", "web.de"],
    ["a@example.org", undefined],
    ["anna", undefined],
  ];
  for (const [address, expected] of cases) assert.equal(providerOf(address)?.id, expected, address);
  assert.equal(findProvider("GMX.com")?.host, "pop.gmx.com");
});

Deno.test("parseAccountFlag() keeps what stands behind the first equals sign", () => {
  assert.deepEqual(
    [...parseAccountFlag("username=a=b@c , password = /x y/z")],
    [["username", "a=b@c"], ["password", "/x y/z"]],
  );
});
