/**
 * The kinds of sessions there are in a soak run: polite ones, careless ones and hostile ones.
 *
 * @module
 */
import { userOf } from "../message.ts";
import { SoakClient } from "./soak_client.ts";
import { connect, Visit, type Visitor } from "./visit.ts";

/** A mailbox keeps so many messages, so that the next session has something to read. */
const KEPT = 3;
/** How long a stalling client waits, in usual waits: some lose patience before the server does. */
const LONG_WAIT = { usual: 3, longer: 12, part: 0.3 } as const;

/** One kind of session. */
export interface Kind {
  readonly name: string;
  /** How often it is chosen, relative to the others. */
  readonly weight: number;
  readonly play: (visitor: Visitor) => Promise<void>;
}

/** All kinds. */
export const KINDS: readonly Kind[] = [
  { name: "fetch", weight: 20, play: fetchAll },
  { name: "fetch pipelined", weight: 8, play: fetchPipelined },
  { name: "poll", weight: 18, play: poll },
  { name: "delete", weight: 16, play: deleteSome },
  { name: "reset", weight: 4, play: deleteAndReset },
  { name: "delete and vanish", weight: 6, play: deleteAndVanish },
  { name: "delete, quit and vanish", weight: 4, play: quitAndVanish },
  { name: "half a command", weight: 4, play: halfCommand },
  { name: "half a reply", weight: 5, play: halfReply },
  { name: "shut down in a message", weight: 4, play: shutDown },
  { name: "reset the connection", weight: 4, play: resetConnection },
  { name: "garbage", weight: 3, play: garbage },
  { name: "change user", weight: 5, play: changeUser },
  { name: "reconnect at once", weight: 4, play: reconnect },
  { name: "second session", weight: 4, play: secondSession },
  { name: "no login", weight: 3, play: noLogin },
  { name: "half a handshake", weight: 4, play: halfHandshake },
];

/** Every octet of every message. */
async function fetchAll(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await visitor.think();
  for (let number = 1; number <= visit.uids.length; number++) await visit.read(number);
  await visitor.think();
  await visit.quit();
}

async function fetchPipelined(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await visitor.think();
  const commands = visit.uids.map((_, at) => `RETR ${at + 1}\r\n`).join("");
  await visit.client.send(`${commands}QUIT\r\n`);
  for (let number = 1; number <= visit.uids.length; number++) await visit.take(number);
  await visit.tookQuit();
}

async function poll(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await visitor.think();
  await visit.client.ok("NOOP");
  await visitor.think();
  await visit.quit();
}

async function deleteSome(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await visitor.think();
  await deleteOld(visitor, visit);
  // There may have been nothing to delete, and two waits together are too long.
  await visit.client.ok("NOOP");
  await visitor.think();
  await visit.quit();
}

/** Some of all but the newest; those that stay are not always the same. */
async function deleteOld({ random }: Visitor, visit: Visit): Promise<void> {
  for (let number = 1; number <= visit.uids.length - KEPT; number++) {
    if (random() < 0.3) await visit.read(number);
    if (random() < 0.9) await visit.delete(number);
  }
}

async function deleteAndReset(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await deleteOld(visitor, visit);
  await visitor.think();
  await visit.reset();
  await visit.quit();
}

async function deleteAndVanish(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await deleteOld(visitor, visit);
  await visitor.think();
}

async function quitAndVanish(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await deleteOld(visitor, visit);
  await visitor.think();
  await visit.quitAndGo();
}

/** Goes on with the command, goes away, or waits until the server loses patience. */
async function halfCommand(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await visit.client.send("ST");
  const chosen = visitor.random();
  if (chosen < 0.3) return await waitForEnd(visitor, visit.client);
  await visitor.think();
  if (chosen < 0.6) return;
  await visit.client.send("AT\r\n");
  const { status } = await visit.client.answer("STAT");
  if (!status.startsWith(`+OK ${visit.uids.length} `)) throw new Error(`STAT: ${status}`);
  await visit.quit();
}

/** Asks for everything, reads nothing for a time, and then all of it, or goes away. */
async function halfReply(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await visit.client.send(visit.uids.map((_, at) => `RETR ${at + 1}\r\n`).join(""));
  await visitor.think();
  if (visitor.random() < 0.4) return;
  for (let number = 1; number <= visit.uids.length; number++) await visit.take(number);
  await visit.quit();
}

/** Half-closes with a RETR and a DELE on their way: nothing is deleted. */
async function shutDown(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await visitor.think();
  if (visit.uids.length === 0) return await visit.quit();
  await visit.client.send("RETR 1\r\nDELE 1\r\n");
  if (visitor.random() < 0.5) await visit.client.peek();
  await visit.client.shutdown();
  if (visitor.random() < 0.5) await readToEnd(visit.client);
}

/** Answers that nobody reads make an RST of a close. */
async function resetConnection(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await visit.client.send("CAPA\r\nUIDL\r\nLIST\r\n");
  await visitor.think();
}

/** Ten bad commands in a row end the connection, before a login and after it. */
async function garbage(visitor: Visitor): Promise<void> {
  using visit = visitor.random() < 0.5 ? await Visit.begin(visitor) : undefined;
  const client = visit?.client ?? (await connect(visitor)).client;
  try {
    await visitor.think(visit === undefined ? 100 : undefined);
    for (let line = 0; line < 10; line++) {
      const bytes = Array.from(
        { length: 1 + Math.floor(visitor.random() * 600) },
        () => String.fromCharCode(Math.floor(visitor.random() * 128)),
      );
      await client.send(`\x01${bytes.join("").replaceAll(/[\r\n]/g, "?")}\r\n`);
    }
    let lines = 0;
    for (let line = await client.line(); line !== undefined; line = await client.line()) {
      if (!line.startsWith("-ERR")) throw new Error(`Garbage: ${line}`);
      lines++;
    }
    if (lines !== 10) throw new Error(`Garbage: ${lines} answers`);
  } finally {
    client.close();
  }
}

/** USER of another, a wrong password, and then the right ones, on one connection. */
async function changeUser(visitor: Visitor): Promise<void> {
  const { job, mailbox } = visitor;
  const { client } = await connect(visitor);
  try {
    await client.ok(`USER ${userOf((mailbox + 1) % job.mailboxes)}`);
    await client.ok(`USER ${userOf(mailbox)}`);
    const { status } = await client.command(`PASS not-${job.password}`);
    if (!status.startsWith("-ERR [AUTH]")) throw new Error(`A wrong password: ${status}`);
    await client.ok(`USER nobody${mailbox}`);
  } catch (error) {
    client.close();
    throw error;
  }
  using visit = await Visit.login(visitor, client);
  await visit.look();
  await visitor.think();
  await visit.quit();
}

/** Comes and goes, and comes again while the server may not yet have seen it go. */
async function reconnect(visitor: Visitor): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    if (turn % 2 === 0) (await SoakClient.raw(visitor.job.ports.plain, visitor.figures)).close();
    else (await Visit.begin(visitor))[Symbol.dispose]();
  }
  await poll(visitor);
}

/** One session a mailbox: another one is told so, and the first goes on. */
async function secondSession(visitor: Visitor): Promise<void> {
  const { job, mailbox } = visitor;
  using visit = await Visit.begin(visitor);
  await visit.look();
  const { client } = await connect(visitor);
  try {
    await client.ok(`USER ${userOf(mailbox)}`);
    const { status } = await client.command(`PASS ${job.password}`);
    if (!status.startsWith("-ERR [IN-USE]")) throw new Error(`A second session: ${status}`);
    await client.ok("QUIT");
  } finally {
    client.close();
  }
  await visitor.think();
  await visit.quit();
}

/** Connected, and perhaps with a name, but no more. */
async function noLogin(visitor: Visitor): Promise<void> {
  const { client } = await connect(visitor);
  try {
    if (visitor.random() < 0.5) await client.ok(`USER ${userOf(visitor.mailbox)}`);
    await waitForEnd(visitor, client);
  } finally {
    client.close();
  }
}

/** A handshake that does not go on, from the first byte or behind STLS. */
async function halfHandshake(visitor: Visitor): Promise<void> {
  const { job: { ports }, figures, random } = visitor;
  const behindStls = random() < 0.5;
  const client = await SoakClient.raw(behindStls ? ports.plain : ports.tls, figures);
  try {
    if (behindStls) {
      await client.line();
      await client.ok("STLS");
    }
    if (random() < 0.7) {
      await client.send("\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03half a hello");
    }
    await waitForEnd(visitor, client);
  } finally {
    client.close();
  }
}

/** Waits until the server ends the connection, or for a long time. What comes does not matter. */
async function waitForEnd(visitor: Visitor, client: SoakClient): Promise<void> {
  const waits = visitor.random() < LONG_WAIT.part ? LONG_WAIT.longer : LONG_WAIT.usual;
  const bored = (async () => {
    for (let wait = 0; wait < waits; wait++) await visitor.think();
  })();
  await Promise.race([readToEnd(client), bored]);
  client.close();
}

async function readToEnd(client: SoakClient): Promise<void> {
  try {
    while (await client.line() !== undefined) { /* only the end matters */ }
  } catch {
    // A reset is an end, too.
  }
}
