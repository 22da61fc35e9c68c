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
  /** Words of fetchmail's configuration language for the server, behind its port. */
  readonly server: string;
  /** Such words for the user. */
  readonly options: string;
  /** Where its state is kept, and the mail delivered. */
  readonly folder: string;
  /** The exit status to expect; 1 means that there was no mail. */
  readonly status?: number;
}

async function runFetchmail(run: FetchmailRun): Promise<string> {
  const { port, server, options, folder, status = 0 } = run;
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
poll 127.0.0.1 service ${port} ${server}
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

const TRUST = `sslcertck sslcertfile "${certificates}/ca.pem" sslcommonname "localhost"`;
const IN_THE_CLEAR = `sslproto ""`;
const USER = "protocol pop3 auth password";

/** The methods that fetchmail uses with POP3: it knows EXTERNAL for IMAP only. */
const CASES: [
  name: string,
  listener: "plain" | "tls",
  dialogue: RegExp,
  server: string,
  options: string,
][] = [
  ["USER and PASS", "plain", /POP3> USER alice/, USER, IN_THE_CLEAR],
  ["USER and PASS over TLS", "tls", /POP3> USER alice/, USER, `ssl ${TRUST}`],
  ["after STLS", "plain", /POP3> STLS[^]*POP3> USER/, USER, `sslproto "TLS1.2+" ${TRUST}`],
  ["APOP", "plain", /POP3> APOP alice/, "protocol apop", IN_THE_CLEAR],
  ["CRAM-MD5", "plain", /POP3> AUTH CRAM-MD5/, "protocol pop3 auth cram-md5", IN_THE_CLEAR],
];

peerTest(["fetchmail"], "fetchmail downloads every message byte for byte", async (t) => {
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  for (const [name, listener, dialogue, server, options] of CASES) {
    await t.step(name, async () => {
      await using folder = await TempFolder.make();
      const output = await runFetchmail({
        port: program.port(listener),
        server,
        options: `fetchall keep ${options}`,
        folder: folder.path,
      });
      assert.match(output, dialogue);
      checkDelivered(folder.path);
    });
  }
  await program.stop();
});

peerTest(["fetchmail"], "fetchmail takes each message once, and empties the mailbox", async () => {
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  const maildir = maildirOf(program.folder, "alice");
  await using folder = await TempFolder.make();
  const run = { port: program.port("plain"), server: `${USER} uidl`, folder: folder.path };
  await runFetchmail({ ...run, options: `keep ${IN_THE_CLEAR}` });
  checkDelivered(folder.path);
  await runFetchmail({ ...run, options: `keep ${IN_THE_CLEAR}`, status: 1 });
  checkDelivered(folder.path);

  await Deno.remove(`${folder.path}/mail`, { recursive: true });
  await runFetchmail({ ...run, options: `fetchall nokeep ${IN_THE_CLEAR}` });
  checkDelivered(folder.path);
  assert.deepEqual(listMailbox(maildir), { new: [], cur: [] });
  await program.stop();
});
