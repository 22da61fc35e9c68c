import assert from "node:assert/strict";
import { digestOf, listMailbox, makeMessages, writeMailbox } from "../support/mailbox.ts";
import { peerTest } from "../support/peers.ts";
import { certificates, maildirOf, Program, runCommand, TempFolder } from "../support/program.ts";

const messages = makeMessages();

interface MpopRun {
  readonly port: number;
  readonly settings: string;
  readonly delivery: "maildir" | "exchange";
  /** Where the state of one account is kept, between runs too. */
  readonly folder: string;
}

async function runMpop({ port, settings, delivery, folder }: MpopRun): Promise<void> {
  const config = `account default
host 127.0.0.1
port ${port}
user alice
password "wonder land"
received_header off
tls_trust_file ${certificates}/ca.pem
uidls_file ${folder}/uidls
delivery ${delivery} ${folder}/mail
${settings}
`;
  await Deno.mkdir(`${folder}/mail`, { recursive: true });
  if (delivery === "maildir") {
    for (const part of ["cur", "new", "tmp"]) {
      await Deno.mkdir(`${folder}/mail/${part}`, { recursive: true });
    }
  }
  await Deno.writeTextFile(`${folder}/mpoprc`, config, { mode: 0o600 });
  const { code, stdout, stderr } = await runCommand("mpop", ["-C", `${folder}/mpoprc`, "-d"]);
  assert.equal(code, 0, (new TextDecoder().decode(stdout) + stderr).slice(-3000));
}

/** What mpop wrote, in the order in which it came: its file names count the messages. */
function delivered(run: MpopRun): Uint8Array[] {
  const folder = `${run.folder}/mail${run.delivery === "maildir" ? "/new" : ""}`;
  const count = (name: string) => Number(/P\d+Q(\d+)/.exec(name)![1]);
  return [...Deno.readDirSync(folder)].map((entry) => entry.name)
    .sort((a, b) => count(a) - count(b))
    .map((name) => Deno.readFileSync(`${folder}/${name}`));
}

/** mpop writes LF line ends into a Maildir, and CRLF for Exchange. */
function expected(wire: Uint8Array, delivery: MpopRun["delivery"]): Uint8Array {
  if (delivery === "exchange") return wire;
  return wire.filter((byte, i) => byte !== 0x0d || wire[i + 1] !== 0x0a);
}

async function checkRun(run: MpopRun): Promise<void> {
  await runMpop(run);
  const files = delivered(run);
  assert.equal(files.length, messages.length);
  for (const [i, { wire }] of messages.entries()) {
    const want = expected(wire, run.delivery);
    assert.equal(files[i]!.length, want.length, `Length of message ${i + 1}`);
    assert.equal(digestOf(files[i]!), digestOf(want), `Message ${i + 1}`);
  }
}

const CASES: [string, "plain" | "tls", MpopRun["delivery"], string][] = [
  ["USER and PASS, pipelining", "plain", "maildir", "tls off\nauth user\npipelining on"],
  ["APOP, no pipelining", "plain", "exchange", "tls off\nauth apop\npipelining off"],
  ["CRAM-MD5, what CAPA says", "plain", "exchange", "tls off\nauth cram-md5\npipelining auto"],
  ["PLAIN after STLS", "plain", "maildir", "tls on\ntls_starttls on\nauth plain\npipelining on"],
  ["USER and PASS over TLS", "tls", "exchange", "tls on\ntls_starttls off\nauth user"],
  ["whatever it chooses over TLS", "tls", "maildir", "tls on\ntls_starttls off\nauth on"],
  [
    "EXTERNAL by a client certificate",
    "tls",
    "exchange",
    `tls on\ntls_starttls off\nauth external\ntls_cert_file ${certificates}/alice.pem\n` +
    `tls_key_file ${certificates}/alice.key`,
  ],
];

peerTest(["mpop"], "mpop downloads every message byte for byte", async (t) => {
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  for (const [name, listener, delivery, settings] of CASES) {
    await t.step(name, async () => {
      await using folder = await TempFolder.make();
      await checkRun({
        port: program.port(listener),
        settings: `keep on\n${settings}`,
        delivery,
        folder: folder.path,
      });
    });
  }
  await program.stop();
});

peerTest(["mpop"], "mpop takes each message once, and empties the mailbox", async () => {
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  const maildir = maildirOf(program.folder, "alice");
  await using folder = await TempFolder.make();
  const run: MpopRun = {
    port: program.port("plain"),
    settings: "tls off\nauth user\nkeep on",
    delivery: "exchange",
    folder: folder.path,
  };
  await checkRun(run);
  // Its file of ids knows all of them, whatever folder and flags they have by now.
  assert.equal(listMailbox(maildir).new.length, 0);
  await checkRun(run);
  await checkRun({ ...run, settings: "tls off\nauth user\nkeep off" });
  assert.deepEqual(listMailbox(maildir), { new: [], cur: [] });
  await program.stop();
});
