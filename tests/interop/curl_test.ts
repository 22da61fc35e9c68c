import assert from "node:assert/strict";
import { digestOf, makeMessages, type TestMessage, writeMailbox } from "../support/mailbox.ts";
import { peerTest } from "../support/peers.ts";
import {
  certificates,
  configText,
  maildirOf,
  Program,
  runCommand,
  TempFolder,
} from "../support/program.ts";

const CERTIFICATES = ["--cacert", `${certificates}/ca.pem`];
const CLIENT_CERTIFICATE = [
  ...["--cert", `${certificates}/alice.pem`],
  ...["--key", `${certificates}/alice.key`],
];

/** curl needs a URL a message; it uses one connection for all. */
async function download(
  url: string,
  messages: readonly TestMessage[],
  args: readonly string[],
): Promise<void> {
  await using folder = await TempFolder.make();
  const lines = messages.map(({ number }) =>
    `url = "${url}/${number}"\noutput = "${folder.path}/${number}"\nuser = "alice:wonder land"\n`
  );
  const { code, stderr } = await runCommand("curl", ["-q", "-sSv", "-K", "-", ...args], {
    input: lines.join(""),
  });
  assert.equal(code, 0, stderr.slice(-2000));
  assert.equal(stderr.match(/Connected to/g)?.length, 1, "curl had to connect again");
  for (const { number, wire } of messages) {
    // curl cannot tell an empty message from an empty line: it writes CRLF for both.
    const expected = wire.length === 0 ? new Uint8Array([13, 10]) : wire;
    const got = await Deno.readFile(`${folder.path}/${number}`);
    assert.equal(got.length, expected.length, `Length of message ${number}`);
    assert.equal(digestOf(got), digestOf(expected), `Message ${number}`);
  }
}

peerTest(["curl"], "curl downloads every message byte for byte", async (t) => {
  const messages = makeMessages();
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  const plain = `pop3://127.0.0.1:${program.port("plain")}`;
  const tls = `pop3s://127.0.0.1:${program.port("tls")}`;
  await t.step("in the clear", () => download(plain, messages, []));
  await t.step(
    "after STLS",
    () => download(plain, messages, ["--ssl-reqd", ...CERTIFICATES]),
  );
  await t.step("over TLS from the start", () => download(tls, messages, CERTIFICATES));
  await t.step(
    "over TLS 1.2",
    () => download(tls, messages.slice(0, 40), [...CERTIFICATES, "--tls-max", "1.2"]),
  );
  await program.stop();
});

peerTest(["curl"], "curl logs in by every method", async (t) => {
  const messages = makeMessages({ count: 3, ordinaryOnly: true });
  await using program = await Program.start({
    config: configText({
      more: `
[[pop3server.listeners]]
name = "userpass"
interface = "127.0.0.1"
port = 0
[pop3server.listeners.server]
authtypes = "USERPASS"
`,
    }),
    listeners: ["plain", "tls", "userpass"],
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  const listing = messages.map(({ number, wire }) => `${number} ${wire.length}\r\n`).join("");
  const url = (scheme: string, listener: string) =>
    `${scheme}://127.0.0.1:${program.port(listener)}/`;
  const clear = url("pop3", "plain");
  const cases: [name: string, sent: RegExp, args: string[]][] = [
    ["USER and PASS", /^> USER alice\r?\n[^]*^> PASS/m, [url("pop3", "userpass")]],
    ["APOP", /^> APOP alice [0-9a-f]{32}/m, [clear, "--login-options", "AUTH=+APOP"]],
    ["PLAIN", /^> AUTH PLAIN\r?$/m, [clear, "--login-options", "AUTH=PLAIN"]],
    [
      "PLAIN with an initial response",
      /^> AUTH PLAIN \S+/m,
      [clear, "--login-options", "AUTH=PLAIN", "--sasl-ir"],
    ],
    ["CRAM-MD5", /^> AUTH CRAM-MD5\r?$/m, [clear, "--login-options", "AUTH=CRAM-MD5"]],
    [
      "PLAIN after STLS",
      /^> STLS[^]*^> AUTH PLAIN/m,
      [clear, "--login-options", "AUTH=PLAIN", "--ssl-reqd", ...CERTIFICATES],
    ],
    [
      "EXTERNAL by a client certificate",
      /^> AUTH EXTERNAL\r?$/m,
      [url("pop3s", "tls"), "--login-options", "AUTH=EXTERNAL", ...CERTIFICATES]
        .concat(CLIENT_CERTIFICATE),
    ],
    [
      "EXTERNAL with an initial response, after STLS",
      /^> STLS[^]*^> AUTH EXTERNAL \S+/m,
      [clear, "--login-options", "AUTH=EXTERNAL", "--sasl-ir", "--ssl-reqd", ...CERTIFICATES]
        .concat(CLIENT_CERTIFICATE),
    ],
  ];
  for (const [name, sent, args] of cases) {
    await t.step(name, async () => {
      // Given a password, curl would not use EXTERNAL.
      const user = name.startsWith("EXTERNAL") ? "alice:" : "alice:wonder land";
      const outcome = await runCommand("curl", ["-q", "-sSv", "-u", user, ...args]);
      assert.equal(outcome.code, 0, outcome.stderr);
      assert.match(outcome.stderr, sent);
      assert.equal(new TextDecoder().decode(outcome.stdout), listing);
    });
  }
  await t.step("a wrong password is refused", async () => {
    const outcome = await runCommand("curl", ["-q", "-sSv", "-u", "bob:wonder land", clear]);
    assert.equal(outcome.code, 67, outcome.stderr);
    assert.match(outcome.stderr, /^< -ERR \[AUTH\] /m);
  });
  await t.step("a certificate of an unknown authority is as good as none", async () => {
    const outcome = await runCommand("curl", [
      ...["-q", "-sSv", "-u", "alice:", url("pop3s", "tls"), "--login-options", "AUTH=EXTERNAL"],
      ...[...CERTIFICATES, "--cert", `${certificates}/rogue_alice.pem`],
      ...["--key", `${certificates}/rogue_alice.key`],
    ]);
    assert.equal(outcome.code, 67, outcome.stderr);
    assert.match(outcome.stderr, /^< SASL PLAIN CRAM-MD5\r?$/m);
  });
  await program.stop();
});
