import assert from "node:assert/strict";
import {
  baseName,
  digestOf,
  listMailbox,
  makeMessages,
  randomNumbers,
  type TestMessage,
  writeMailbox,
} from "../support/mailbox.ts";
import { PopClient } from "../support/pop_client.ts";
import { configText, maildirOf, Program, TempFolder } from "../support/program.ts";

const TRIALS = 20;
const SEED = 2449;

/** What the client knows at the moment when the server dies. */
interface Progress {
  /** Messages that the client has asked to delete. */
  readonly asked: Set<string>;
  /** Whether QUIT was sent, so that the deletions may have been made. */
  quitSent: boolean;
  /** Whether QUIT was answered, so that they must have been. */
  quitAnswered: boolean;
}

/** Retrieves all, deletes every third message and says QUIT; ends early when the server does. */
async function readMail(port: number, progress: Progress, byId: Map<string, TestMessage>) {
  using client = await PopClient.login(port, "alice", "wonder land");
  const uidl = new TextDecoder().decode((await client.ok("UIDL")).data);
  const ids = uidl.split("\r\n").filter((line) => line !== "").map((line) => line.split(" ")[1]!);
  for (const [i, id] of ids.entries()) {
    const { data } = await client.ok(`RETR ${i + 1}`);
    const message = byId.get(id);
    if (message) assert.equal(digestOf(data!), digestOf(message.wire));
    if (i % 3 === 0) {
      progress.asked.add(id);
      await client.ok(`DELE ${i + 1}`);
    }
  }
  progress.quitSent = true;
  await client.ok("QUIT");
  progress.quitAnswered = true;
}

/** What is on disk, by the part of the name that lasts; fails on a message that is there twice. */
function onDisk(maildir: string): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const [folder, names] of Object.entries(listMailbox(maildir))) {
    for (const name of names) {
      assert(!found.has(baseName(name)), `${name} is there twice`);
      found.set(baseName(name), Deno.readFileSync(`${maildir}/${folder}/${name}`));
    }
  }
  return found;
}

function assertNothingLost(
  maildir: string,
  messages: readonly TestMessage[],
  idOf: Map<string, string>,
  progress: Progress,
): TestMessage[] {
  const found = onDisk(maildir);
  const left = messages.filter((message) => {
    const base = baseName(message.file);
    const bytes = found.get(base);
    const asked = progress.asked.has(idOf.get(base) ?? "");
    if (bytes === undefined) {
      assert(asked && progress.quitSent, `${message.file} is lost`);
      return false;
    }
    assert(!(asked && progress.quitAnswered), `${message.file} is still there after QUIT`);
    assert.equal(digestOf(bytes), digestOf(message.disk), message.file);
    return true;
  });
  assert.equal(found.size, left.length);
  return left;
}

/** The unique ids as a fresh session reports them, in the order of the messages. */
async function readIds(port: number): Promise<string[]> {
  using client = await PopClient.login(port, "alice", "wonder land");
  const uidl = new TextDecoder().decode((await client.ok("UIDL")).data);
  await client.ok("QUIT");
  return uidl.split("\r\n").filter((line) => line !== "").map((line) => line.split(" ")[1]!);
}

/** One life of the server: a client reads its mail until the server is killed. Returns what is left. */
async function liveAndDie(
  program: Program,
  maildir: string,
  delay: number,
): Promise<{ ids: string[]; milliseconds: number | undefined }> {
  const messages = makeMessages({ count: 90, ordinaryOnly: true });
  writeMailbox(maildir, messages);
  const ids = await readIds(program.port("plain"));
  const idOf = new Map(messages.map((message, i) => [baseName(message.file), ids[i]!]));
  const byId = new Map(messages.map((message, i) => [ids[i]!, message]));

  const progress: Progress = { asked: new Set(), quitSent: false, quitAnswered: false };
  const start = performance.now();
  const reading = readMail(program.port("plain"), progress, byId)
    .then(() => ({ milliseconds: performance.now() - start }), (fault: unknown) => ({ fault }));
  await new Promise((resolve) => setTimeout(resolve, delay));
  await program.kill();
  const { milliseconds, fault } = { milliseconds: undefined, fault: undefined, ...await reading };
  // The connection's end is what this is about; a wrong answer is not.
  if (fault instanceof assert.AssertionError) throw fault;
  const left = assertNothingLost(maildir, messages, idOf, progress);
  return { ids: left.map((message) => idOf.get(baseName(message.file))!), milliseconds };
}

Deno.test("the program can be killed at any moment without losing mail or leaving a lock", async () => {
  await using folder = await TempFolder.make();
  const maildir = maildirOf(folder.path, "alice");
  const random = randomNumbers(SEED);
  let program = await Program.start({ folder: folder.path, config: configText() });
  try {
    let usual = 100;
    for (let trial = 0; trial < TRIALS; trial++) {
      await Deno.remove(`${folder.path}/ms`, { recursive: true }).catch(() => {});
      // Up to a little after the end of a whole session, so that QUIT's work is met as well.
      const { ids, milliseconds } = await liveAndDie(program, maildir, random() * usual * 1.3);
      usual = milliseconds ?? usual * 1.1;
      program = await Program.start({ folder: folder.path });
      assert.deepEqual(
        await readIds(program.port("plain")),
        ids,
        `The ids after trial ${trial} (seed ${SEED})`,
      );
    }
    await program.stop();
  } finally {
    await program.kill();
  }
});
