import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type ClientText, Collector, filesIn, lfForm } from "../support/collecting.ts";
import {
  DOVECOT_PEERS,
  type DovecotOptions,
  DovecotRemote,
  TokenJudge,
} from "../support/dovecot_remote.ts";
import { bytesOf, digestOf, makeMessages, writeMailbox } from "../support/mailbox.ts";
import { MailServer } from "../support/mail_server.ts";
import { FaultProxy } from "../support/fault_proxy.ts";
import { peerTest } from "../support/peers.ts";
import { latin1 } from "../../lib/wire/text.ts";

const PASSWORD = "Pässword with spaces & 100%";
const TOKEN = "ya29.token-that-is-good";

/** A message for each user, to see whose mail came. */
async function started(options: DovecotOptions): Promise<DovecotRemote> {
  const remote = await DovecotRemote.start(options);
  for (const user of Object.keys(options.users)) {
    remote.deliver(user, "1.only", bytesOf(`Subject: for ${user}\n\ntext\n`));
  }
  return remote;
}

function assertSame(got: readonly Uint8Array[], wanted: readonly Uint8Array[]): void {
  assert.equal(got.length, wanted.length);
  for (const [i, bytes] of wanted.entries()) {
    assert.equal(got[i]!.length, bytes.length, `Length of message ${i + 1}`);
    assert.equal(digestOf(got[i]!), digestOf(bytes), `Message ${i + 1}`);
  }
}

/** Names that sort by time, and nobody else's eyes. */
function assertPrivateFiles(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    assert.match(name, /^\d{8}T\d{6}\.\d+Z-\w+\.eml$/);
    assert.equal(Deno.statSync(`${folder}/${name}`).mode! & 0o777, 0o600);
  }
}

peerTest(
  DOVECOT_PEERS,
  "retrieve logs in at Dovecot by every password method, plain and encrypted",
  async () => {
    const methods = ["USERPASS", "APOP", "SASL_PLAIN", "SASL_CRAM_MD5"];
    const clients: Omit<ClientText, "port">[] = [];
    for (const method of methods) {
      for (const tls of ["none", "stls", "implicit"] as const) {
        // No greeting before STLS can be trusted, so APOP is impossible there.
        if (method === "APOP" && tls === "stls") continue;
        for (const initrsp of method.startsWith("SASL") ? [false, true] : [false]) {
          clients.push({
            id: `${method}-${tls}-${initrsp}`.toLowerCase(),
            ...(tls === "none" ? {} : { tls }),
            server: `authtypes = "${method}"\ninitrsp = ${initrsp}`,
          });
        }
      }
    }
    const users = Object.fromEntries(clients.map(({ id }) => [id, PASSWORD]));
    await using remote = await started({ users });
    await using collector = await Collector.make(clients.map((client) => ({
      ...client,
      port: client.tls === "implicit" ? remote.tlsPort : remote.plainPort,
      username: client.id,
      password: PASSWORD,
    })));
    const { code, all } = await collector.retrieve();
    assert.equal(code, 0, all);
    const subjects = collector.mailbox("alice").map((bytes) =>
      /^Subject: for (.*)$/m.exec(new TextDecoder().decode(bytes))![1]
    );
    assert.deepEqual(subjects.sort(), clients.map(({ id }) => id).sort());
    for (const { id } of clients) assert.equal(remote.count(id), 0, id);
    for (const line of collector.audit()) {
      const tls = /^Client=\S*-none-/.test(line) ? "no" : "yes";
      assert.match(
        line,
        new RegExp(` TLS=${tls} Mailbox=alice Message-ID=- Octets=\\d+ Sender=-$`),
      );
    }
    const answers = clients.map(({ id }) => Buffer.from(`\0${id}\0${PASSWORD}`).toString("base64"));
    const secrets = [PASSWORD, latin1(Buffer.from(PASSWORD)), ...answers];
    collector.assertNoSecrets(secrets, all);
  },
);

peerTest(
  DOVECOT_PEERS,
  "retrieve logs in at Dovecot by client certificate, and only with it",
  async () => {
    await using remote = await started({
      users: { alice: "", bob: "" },
      certificatesOnly: true,
      mechanisms: "external",
    });
    const client = { server: 'authtypes = "SASL_EXTERNAL"', port: remote.tlsPort } as const;
    await using collector = await Collector.make([
      { ...client, id: "implicit", tls: "implicit", certificate: "alice" },
      {
        ...client,
        id: "stls",
        recip: "bob",
        tls: "stls",
        port: remote.plainPort,
        certificate: "bob",
        server: `${client.server}\ninitrsp = true`,
      },
      { ...client, id: "rogue", tls: "implicit", certificate: "rogue_alice" },
    ]);
    const right = await collector.retrieve(["--once", "--client", "implicit", "--client", "stls"]);
    assert.equal(right.code, 0, right.all);
    assert.equal(collector.mailbox("alice").length, 1);
    assert.equal(collector.mailbox("bob").length, 1);
    assert.equal(remote.count("alice") + remote.count("bob"), 0);
    const wrong = await collector.retrieve(["--once", "--client", "rogue"]);
    assert.equal(wrong.code, 1, wrong.all);
  },
);

peerTest(
  DOVECOT_PEERS,
  "retrieve logs in at Dovecot with access tokens, in both forms",
  async () => {
    await using judge = new TokenJudge();
    await using remote = await started({
      users: { xoauth2: "", bearer: "", both: "", stale: "" },
      tokenInfo: judge.address,
      mechanisms: "plain xoauth2 oauthbearer",
    });
    for (const user of ["xoauth2", "bearer", "both"]) judge.tokens.set(`${TOKEN}-${user}`, user);
    const client = (id: string, authtypes: string, initrsp: boolean): ClientText => ({
      id,
      port: remote.tlsPort,
      tls: "implicit",
      username: id,
      server: `authtypes = "${authtypes}"\ninitrsp = ${initrsp}\ntoken_file = "${id}.token"`,
    });
    await using collector = await Collector.make([
      client("xoauth2", "SASL_XOAUTH2", false),
      client("bearer", "SASL_OAUTHBEARER", true),
      client("both", "SASL_OAUTHBEARER | SASL_XOAUTH2", false),
      client("stale", "SASL_XOAUTH2 | SASL_OAUTHBEARER", false),
    ], {
      files: Object.fromEntries(
        ["xoauth2", "bearer", "both", "stale"].map((id) => [`${id}.token`, `${TOKEN}-${id}\n`]),
      ),
    });
    const { code, all } = await collector.retrieve();
    assert.equal(code, 1, all);
    assert.equal(collector.mailbox("alice").length, 3);
    assert.match(all, /stale: .*no login method succeeded \(SASL_XOAUTH2: .*SASL_OAUTHBEARER: /);
    assert.equal(remote.count("stale"), 1);
    // A refused token's challenge is answered by an empty line (XOAUTH2): the session goes on.
    const lines = collector.transcript().filter((line) => line.startsWith("[stale-"));
    assert(lines.some((line) => / C: AUTH XOAUTH2$/.test(line)), lines.join("\n"));
    collector.assertNoSecrets([TOKEN, btoa(TOKEN).slice(0, 12)], all);
  },
);

peerTest(
  DOVECOT_PEERS,
  "retrieve delivers every kind of mail from Dovecot, byte for byte",
  async () => {
    // Dovecot 2.3 does not stuff a dot that begins a message.
    const messages = makeMessages({ without: ["malformed"] });
    assert(messages.length >= 200);
    await using remote = await DovecotRemote.start({ users: { much: "secret" } });
    writeMailbox(remote.maildir("much"), messages);
    remote.handOver("much");
    await using mailServer = await MailServer.start();
    const client = {
      port: remote.plainPort,
      username: "much",
      password: "secret",
    } as const;
    const keep = "preserve = true\nomitreceivedheader = true\n";
    await using collector = await Collector.make([
      { ...client, id: "mailbox", more: keep },
      { ...client, id: "files", more: `${keep}downloads_directory = "%DIRTOP%/files/%U%"` },
      {
        ...client,
        id: "smtp",
        recip: "alice@example.org",
        more: keep,
        smtp: `sender = "from@example.org"\nserver = "127.0.0.1:${mailServer.port}"`,
      },
      { ...client, id: "tls", recip: "bob", port: remote.tlsPort, tls: "implicit", more: keep },
      { ...client, id: "clean", recip: "carol" },
    ]);
    const names = ["mailbox", "files", "smtp", "tls"].flatMap((id) => ["--client", id]);
    const { code, all } = await collector.retrieve(["--once", ...names]);
    assert.equal(code, 0, all);
    const wire = messages.map(({ wire }) => wire);
    const lf = wire.map(lfForm);
    assertSame(collector.mailbox("alice"), lf);
    assertSame(collector.mailbox("bob"), lf);
    assertSame(filesIn(`${collector.path}/files/alice`), wire);
    // RFC 5321 section 2.3.8 has no CR without its LF, so it becomes a line end there.
    const lines = wire.map((bytes) => bytesOf(latin1(bytes).replace(/\r(?!\n)/g, "\r\n")));
    assertSame(mailServer.accepted.map(({ body }) => Buffer.from(body, "latin1")), lines);
    assertPrivateFiles(`${collector.path}/files/alice`);
    assert.equal(remote.count("much"), messages.length);

    const last = await collector.retrieve(["--once", "--client", "clean"]);
    assert.equal(last.code, 0, last.all);
    assert.equal(remote.count("much"), 0);
    const withHeader = collector.mailbox("carol").map((bytes) => {
      const text = latin1(bytes);
      const header =
        /^Received: from localhost \(\[[^\n]*\]\)\n\tby \S+ \(Mailismus\) with POP3\n\tfor <carol>; .*\n/;
      assert.match(text, header);
      return bytesOf(text.replace(header, ""));
    });
    assertSame(withHeader, lf);
  },
);

/** Hides a word of the server's from the client. */
function hide(word: string): (bytes: Uint8Array) => void {
  return (bytes) => {
    const at = latin1(bytes).indexOf(word);
    if (at >= 0) bytes.fill(0x58, at, at + word.length);
  };
}

peerTest(
  DOVECOT_PEERS,
  "retrieve sends commands ahead where Dovecot says that it may, and only there",
  async () => {
    const messages = makeMessages({ ordinaryOnly: true, count: 60 });
    await using remote = await DovecotRemote.start({ users: { ahead: "secret", waits: "secret" } });
    for (const user of ["ahead", "waits"]) {
      writeMailbox(remote.maildir(user), messages);
      remote.handOver(user);
    }
    await using proxy = new FaultProxy(remote.plainPort);
    proxy.rewrite = hide("PIPELINING");
    const more = "omitreceivedheader = true";
    await using collector = await Collector.make([
      { id: "ahead", port: remote.plainPort, username: "ahead", password: "secret", more },
      { id: "waits", recip: "bob", port: proxy.port, username: "waits", password: "secret", more },
    ]);
    const { code, all } = await collector.retrieve();
    assert.equal(code, 0, all);
    const wanted = messages.map(({ wire }) => lfForm(wire));
    assertSame(collector.mailbox("alice"), wanted);
    assertSame(collector.mailbox("bob"), wanted);
    assert.equal(remote.count("ahead") + remote.count("waits"), 0);
    // Two commands in a row without an answer between them.
    const sentAhead = (id: string) => {
      const lines = collector.transcript().filter((line) => line.startsWith(`[${id}-`));
      return lines.some((line, i) => / C: /.test(line) && / C: /.test(lines[i + 1] ?? ""));
    };
    assert.deepEqual(["ahead", "waits"].map(sentAhead), [true, false]);
  },
);
