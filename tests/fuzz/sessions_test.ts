/** Whole sessions from every state, with input that no client would send. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseDialogue } from "../support/dialogue.ts";
import { FakeAuthenticator } from "../support/fake_authenticator.ts";
import { FakeStore } from "../support/fake_store.ts";
import { bytesOf } from "../support/mailbox.ts";
import type { AuthOutcome } from "../../lib/auth/types.ts";
import { runSession } from "../../lib/server/session.ts";
import type { SessionOptions } from "../../lib/server/session_options.ts";
import type { Connection, Endpoint } from "../../lib/transport/connection.ts";
import { memoryPair } from "../support/memory.ts";
import { bounded, fakeHandshake, FakeLog, sessionOptions } from "../support/memory_dialogue.ts";
import { startSession, type TestClient } from "../support/memory_session.ts";
import { changed, changes, cut, cuts } from "./input.ts";
import { holds } from "./property.ts";

/** Where random input begins: what was sent before it. */
const STATES: Record<string, readonly string[]> = {
  "the greeting": [],
  "a user": ["USER alice"],
  "PLAIN's answer": ["AUTH PLAIN"],
  "CRAM-MD5's answer": ["AUTH CRAM-MD5"],
  "a failed login": ["USER alice", "PASS wrong"],
  "a login": ["USER alice", "PASS secret"],
  "a deletion": ["USER alice", "PASS secret", "RETR 1", "DELE 1"],
  "all deleted": ["USER alice", "PASS secret", "DELE 1", "DELE 2", "DELE 3", "DELE 4"],
  "a line too long": ["USER alice", "PASS secret", "x".repeat(300)],
};
const VERIFIED = "TLS and a certificate";
/** The same encrypted, behind STLS: what the client's handshake says. */
const TLS_STATES: Record<string, string> = {
  "TLS": "{}",
  [VERIFIED]: '{"commonName":"alice","trusted":true}',
  "TLS and somebody's certificate": '{"commonName":"alice","trusted":false}',
};
const MAX_LINE = 200;

/** Lines that each have one reply, known to begin in one of three ways. */
const WORDS =
  ("USER PASS APOP AUTH CAPA STAT LIST RETR DELE NOOP RSET TOP UIDL user FOO GET / * = " +
    "1 2 3 0 -1 99999999999 alice secret PLAIN CRAM-MD5 EXTERNAL AGFsaWNlAHNlY3JldA== AA== \t " +
    "\x00 \xff \xc3\xa9 . .. :").split(" ");

const word = fc.constantFrom(...WORDS, "");
const commandLine = fc.array(word, { maxLength: 4 }).map((words) => words.join(" "));
const junkLine = fc.uint8Array({ maxLength: 60 })
  .map((bytes) => String.fromCharCode(...bytes.filter((byte) => byte !== 0x0a)));
const line = fc.oneof({ weight: 6, arbitrary: commandLine }, { weight: 1, arbitrary: junkLine });

/** What the clients of the recorded dialogues say, each as one text. */
const DIALOGUES: readonly string[] = recordedDialogues();

function recordedDialogues(): string[] {
  const folder = new URL("../dialogues/", import.meta.url);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return names.filter((name) => name.endsWith(".pop3")).map((name) => {
    const { steps } = parseDialogue(name, Deno.readTextFileSync(new URL(name, folder)));
    return steps.map((step) => step.kind === "send" ? step.text : "").join("");
  });
}

const PIECES = [
  "AUTH EXTERNAL =\r\n",
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "QUIT\r\n",
  "RETR 1\r\n",
  "STLS\r\n",
  "=",
  "*\r\n",
];
/** A dialogue that something happened to, or several run into one, or octets. */
const anything = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.array(fc.constantFrom(...DIALOGUES), { minLength: 1, maxLength: 3 }),
      changes([...PIECES, ...WORDS]),
    ).map(([texts, list]) => changed(texts.join(""), list)),
  },
  { weight: 2, arbitrary: fc.array(line, { maxLength: 20 }).map((lines) => lines.join("\n")) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 3000 }).map((it) => String.fromCharCode(...it)),
  },
);

function mailboxes(): FakeStore {
  const store = new FakeStore();
  store.put("alice", "m1", "Subject: one\n\n.\nbody\n");
  store.put("alice", "m2", "");
  store.put("alice", "m3", "no header at all");
  store.put("alice", "m4", "Subject: dots\n\n" + ".\n".repeat(3000));
  return store;
}

/** The most octets of a reply to one line: message 4, stuffed, and the lines around it. */
const LARGEST_REPLY = 200 + 4 * 3000;

/** Notes whom it let in because of a certificate. */
class WatchedAuthenticator extends FakeAuthenticator {
  certificates = 0;

  override checkCertificate(commonName: string): Promise<AuthOutcome> {
    this.certificates++;
    return super.checkCertificate(commonName);
  }
}

interface Started {
  readonly client: TestClient;
  readonly store: FakeStore;
  readonly log: FakeLog;
  readonly authenticator: WatchedAuthenticator;
}

/** Starts a session and brings it into a state. */
async function sessionIn(state: string, change: Partial<SessionOptions> = {}): Promise<Started> {
  const log = new FakeLog();
  const authenticator = new WatchedAuthenticator([["alice", "secret"]]);
  const store = mailboxes();
  const settings = { ...sessionOptions().settings, maxLine: MAX_LINE };
  const hello = TLS_STATES[state];
  const tls = hello === undefined ? {} : { startTls: fakeHandshake };
  const client = startSession({ store, log, settings, authenticator, ...change, ...tls });
  await client.send(...(STATES[state] ?? ["STLS"]));
  if (hello !== undefined) {
    assert.match((await client.lines(2))[1] ?? "", /^\+OK/);
    await client.connection.write(bytesOf(`HELLO ${hello}\n`));
  }
  return { client, store, log, authenticator };
}

/** Ends a session, of which nothing may be left. */
async function assertEnded(client: TestClient, store: FakeStore, log: FakeLog): Promise<void> {
  await client.hangUp();
  assert.ok(store.allClosed, "a maildrop is still open");
  const faults = log.lines.filter((text) => text.includes("internal error"));
  assert.deepEqual(faults, []);
  const quit = store.events.includes("update alice");
  if (!quit) assert.equal(store.left("alice").length, 4, "something is deleted without QUIT");
}

/** The first lines of all replies, by taking the server's words apart. */
function statusLines(text: string): string[] {
  const lines: string[] = [];
  for (let rest = text; rest !== "";) {
    const end = rest.indexOf("\r\n");
    assert(end >= 0, `The last line has no end: ${JSON.stringify(rest)}`);
    const status = rest.slice(0, end);
    assert.match(status, /^(\+OK |-ERR |\+ )/);
    lines.push(status);
    rest = rest.slice(end + 2);
    if (!isMultiLine(status)) continue;
    const data = rest.startsWith(".\r\n") ? 0 : rest.indexOf("\r\n.\r\n") + 2;
    assert(data !== 1, `A reply has no end: ${status}`);
    rest = rest.slice(data + 3);
  }
  return lines;
}

function isMultiLine(status: string): boolean {
  return /^\+OK (Capabilities|Mechanisms|Unique ids|Top follows|\d+ octets|\d+ messages)/
    .test(status);
}

holds({
  name: "a session survives any octets in any state, and each reply is one",
  runs: 400,
  input: fc.record({
    state: fc.constantFrom(...Object.keys(STATES), ...Object.keys(TLS_STATES)),
    text: anything,
    at: cuts,
    tls: fc.boolean(),
  }),
  run: async ({ state, text, at, tls }) => {
    const { client, store, log, authenticator } = await sessionIn(
      state,
      tls ? { startTls: fakeHandshake } : {},
    );
    const input = bytesOf(text);
    for (const piece of cut(input, at)) await client.connection.write(piece).catch(() => {});
    client.connection.shutdown();
    const output = await client.rest();
    const replies = statusLines(output);
    // The greeting, and no more than a reply to each line and to the one that has no end.
    const lines = (STATES[state]?.length ?? 1) + text.split("\n").length;
    assert(replies.length <= lines + 1, `${replies.length} replies to ${lines} lines`);
    assert(output.length <= LARGEST_REPLY * (lines + 1), "replies without measure");
    // Without a certificate that verified EXTERNAL is not even asked for.
    if (state !== VERIFIED) assert.equal(authenticator.certificates, 0);
    await assertEnded(client, store, log);
  },
});

holds({
  name: "a session answers every line with one reply, whatever it says",
  runs: 300,
  input: fc.record({
    lines: fc.array(line, { maxLength: 30 }),
    login: fc.boolean(),
    size: fc.constantFrom(1, 2, 5, 100, 100_000),
  }),
  run: async ({ lines, login, size }) => {
    const log = new FakeLog();
    const store = mailboxes();
    const settings = { ...sessionOptions().settings, maxBadCommands: 1000 };
    const client = startSession({ store, log, settings }, { chunk: size });
    const all = login ? ["USER alice", "PASS secret", ...lines] : lines;
    await client.send(...all);
    client.connection.shutdown();
    const replies = statusLines(await client.rest());
    assert.equal(replies.length, 1 + all.length, replies.join("\n"));
    await assertEnded(client, store, log);
  },
});

holds({
  name: "replies do not depend on where packets end",
  runs: 40,
  input: fc.record({ text: anything, login: fc.boolean(), at: cuts }),
  run: async ({ text, login, at }) => {
    // What comes in one packet with STLS ends the session, which is another matter.
    const input = bytesOf(text.replaceAll(/STLS/gi, "NOOP"));
    const outputs: string[] = [];
    for (const pieces of [[input], cut(input, at)]) {
      const { client, store, log } = await sessionIn(login ? "a login" : "the greeting");
      for (const piece of pieces) {
        await client.connection.write(piece).catch(() => {});
        // The server takes each by itself.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      client.connection.shutdown();
      // Each challenge of CRAM-MD5 is another one, and so is each stamp.
      outputs.push((await client.rest()).replaceAll(/^\+ .*$/gm, "+").replaceAll(/<.*>/g, "<>"));
      await assertEnded(client, store, log);
    }
    assert.equal(outputs[1], outputs[0]);
  },
});

/** Counts what a session takes and gives. */
class CountedConnection implements Connection {
  readonly #inner: Connection;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** Octets so far. */
  taken = 0;
  given = 0;

  constructor(inner: Connection) {
    this.#inner = inner;
    this.local = inner.local;
    this.peer = inner.peer;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const count = await this.#inner.read(buffer);
    this.taken += count ?? 0;
    return count;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.given += bytes.length;
    await this.#inner.write(bytes);
  }

  close(): void {
    this.#inner.close();
  }
}

/** What a session holds at most: one read, and a buffer of replies; a small one before login. */
const HELD = 2048 + 4 * 1024;
const HELD_LOGGED_IN = 2048 + 64 * 1024 + 2 * 8 * 1024;

holds({
  name: "a session takes no more commands from a client that does not read its replies",
  runs: 15,
  input: fc.record({
    commands: fc.array(fc.constantFrom("RETR 4", "TOP 4 2000", "LIST", "UIDL", "CAPA", "FOO"), {
      minLength: 1,
      maxLength: 4,
    }),
    login: fc.boolean(),
    capacity: fc.constantFrom(1, 100, 4096),
  }),
  run: async ({ commands, login, capacity }) => {
    const store = mailboxes();
    const settings = { ...sessionOptions().settings, maxBadCommands: 1_000_000 };
    const [client, end] = memoryPair({ capacity });
    const server = new CountedConnection(end);
    const session = runSession(server, sessionOptions({ store, settings }));
    const said = login ? ["USER alice", "PASS secret"] : [];
    while (said.length < 20_000) said.push(...commands);
    const sending = client.write(bytesOf(said.join("\r\n"))).catch(() => {});
    for (let before = -1; server.taken + server.given !== before;) {
      before = server.taken + server.given;
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    // Every reply is longer than its command.
    const most = capacity + (login ? HELD_LOGGED_IN : HELD);
    assert(server.given <= most, `${server.given} octets of replies`);
    assert(server.taken <= most, `${server.taken} octets of commands`);
    client.close();
    await bounded(Promise.all([session, sending]), "the end of the session");
    assert.ok(store.allClosed);
  },
});
