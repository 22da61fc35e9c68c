import assert from "node:assert/strict";
import { digestOf, listMailbox, makeMessages, writeMailbox } from "../support/mailbox.ts";
import { peerTest } from "../support/peers.ts";
import { certificates, maildirOf, Program, runCommand, TempFolder } from "../support/program.ts";

/**
 * fetchmail is a mail transfer agent: it drops or completes messages without a
 * proper header and breaks lines longer than its buffer. All else it hands on
 * as it came, once told not to strip carriage returns.
 */
const messages = makeMessages({ without: ["malformed", "long-line"] });

interface FetchmailRun {
  readonly port: number;
  /** pop3 by default. */
  readonly protocol?: "pop3" | "apop";
  /** Words of fetchmail's configuration language. */
  readonly options: string;
  /** Where its state is kept, and the mail delivered. */
  readonly folder: string;
  /** The exit status to expect; 1 means that there was no mail. */
  readonly status?: number;
}

async function runFetchmail(run: FetchmailRun): Promise<string> {
  const { port, protocol = "pop3", options, folder, status = 0 } = run;
  await Deno.mkdir(`${folder}/mail`, { recursive: true });
  // One delivery at a time, each to the next number.
  await Deno.writeTextFile(
    `${folder}/deliver`,
    `set -e\nn=$(ls '${folder}/mail' | wc -l)\ncat >'${folder}/incoming'\n` +
      `mv '${folder}/incoming' '${folder}/mail/'$((100000 + n))\n`,
  );
  const self = new TextDecoder().decode((await runCommand("id", ["-un"])).stdout).trim();
  await Deno.writeTextFile(
    `${folder}/fetchmailrc`,
    `set no bouncemail
set invisible
poll 127.0.0.1 service ${port} protocol ${protocol} uidl
  user "alice" there with password "wonder land" is "${self}" here
  no rewrite no stripcr mda "sh ${folder}/deliver" ${options}
`,
    { mode: 0o600 },
  );
  const { code, stdout, stderr } = await runCommand("fetchmail", [
    ...["-f", `${folder}/fetchmailrc`, "--nodetach", "--nosyslog", "-v"],
    ...["--idfile", `${folder}/ids`, "--pidfile", `${folder}/pid`],
  ], { env: { FETCHMAILHOME: folder, HOME: folder } });
  const output = new TextDecoder().decode(stdout) + stderr;
  assert.equal(code, status, output.slice(-3000));
  return output;
}

function checkDelivered(folder: string): void {
  const files = [...Deno.readDirSync(`${folder}/mail`)].map((entry) => entry.name).sort();
  assert.equal(files.length, messages.length);
  for (const [i, { wire }] of messages.entries()) {
    const got = Deno.readFileSync(`${folder}/mail/${files[i]}`);
    assert.equal(got.length, wire.length, `Length of message ${i + 1}`);
    assert.equal(digestOf(got), digestOf(wire), `Message ${i + 1}`);
  }
}

const TRUST = `sslcertck sslcertfile "${certificates}/ca.pem"`;

const CASES: [name: string, listener: "plain" | "tls", dialogue: RegExp, options: string][] = [
  ["USER and PASS", "plain", /POP3> USER alice/, `auth password sslproto ""`],
  ["USER and PASS over TLS", "tls", /POP3> USER alice/, `auth password ssl ${TRUST}`],
  ["after STLS", "plain", /POP3> STLS[^]*POP3> (USER|AUTH)/, `sslproto "TLS1.2+" ${TRUST}`],
  [
    "EXTERNAL by a client certificate",
    "tls",
    /POP3> AUTH EXTERNAL/,
    `auth external ssl ${TRUST} sslcert "${certificates}/alice.pem" ` +
    `sslkey "${certificates}/alice.key"`,
  ],
];

peerTest(["fetchmail"], "fetchmail downloads every message byte for byte", async (t) => {
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  for (const [name, listener, dialogue, options] of CASES) {
    await t.step(name, async () => {
      await using folder = await TempFolder.make();
      const output = await runFetchmail({
        port: program.port(listener),
        options: `fetchall keep ${options}`,
        folder: folder.path,
      });
      assert.match(output, dialogue);
      checkDelivered(folder.path);
    });
  }
  await program.stop();
});

peerTest(["fetchmail"], "fetchmail logs in by a digest", async (t) => {
  const few = messages.slice(0, 5);
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), few),
  });
  const port = program.port("plain");
  await t.step("APOP", async () => {
    await using folder = await TempFolder.make();
    const options = `fetchall keep sslproto ""`;
    const output = await runFetchmail({ port, protocol: "apop", options, folder: folder.path });
    assert.match(output, /POP3> APOP alice/);
  });
  await t.step("CRAM-MD5", async () => {
    await using folder = await TempFolder.make();
    const options = `auth cram-md5 fetchall keep sslproto ""`;
    const output = await runFetchmail({ port, options, folder: folder.path });
    assert.match(output, /POP3> AUTH CRAM-MD5/);
  });
  await program.stop();
});

peerTest(["fetchmail"], "fetchmail takes each message once, and empties the mailbox", async () => {
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  const maildir = maildirOf(program.folder, "alice");
  await using folder = await TempFolder.make();
  const run = { port: program.port("plain"), folder: folder.path };
  const password = `auth password sslproto ""`;
  await runFetchmail({ ...run, options: `keep ${password}` });
  checkDelivered(folder.path);
  await runFetchmail({ ...run, options: `keep ${password}`, status: 1 });
  checkDelivered(folder.path);

  await Deno.remove(`${folder.path}/mail`, { recursive: true });
  await runFetchmail({ ...run, options: `fetchall nokeep ${password}` });
  checkDelivered(folder.path);
  assert.deepEqual(listMailbox(maildir), { new: [], cur: [] });
  await program.stop();
});
