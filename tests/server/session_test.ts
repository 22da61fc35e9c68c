import assert from "node:assert/strict";
import { Transcript } from "../../lib/log/transcript.ts";
import type { MaildropStore } from "../../lib/maildir/maildrop.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { memoryPair } from "../support/memory.ts";
import { runSession } from "../../lib/server/session.ts";
import { FakeAuthenticator } from "../support/fake_authenticator.ts";
import { FakeStore } from "../support/fake_store.ts";
import { bounded, fakeHandshake, FakeLog, sessionOptions } from "../support/memory_dialogue.ts";
import { startSession } from "../support/memory_session.ts";

const MESSAGE = "From: ann@example.org\n\nHello\n";

/** A message of so many lines of 80 octets on the wire. */
function longMessage(lines: number): string {
  return "Subject: long\n\n" + `${"x".repeat(78)}\n`.repeat(lines);
}

function storeWith(...texts: string[]): FakeStore {
  const store = new FakeStore();
  texts.forEach((text, i) => store.put("alice", `m${i + 1}`, text));
  return store;
}

Deno.test("runSession() answers a batch of commands with one write", async () => {
  const writes: number[] = [];
  const [client, server] = memoryPair();
  const counted: Connection = {
    local: server.local,
    peer: server.peer,
    read: (buffer) => server.read(buffer),
    write: (bytes) => (writes.push(bytes.length), server.write(bytes)),
    close: () => server.close(),
  };
  await client.write(new TextEncoder().encode(
    "USER alice\r\nPASS secret\r\nSTAT\r\nRETR 1\r\nRETR 2\r\nNOOP\r\n",
  ));
  client.shutdown();
  await bounded(
    runSession(counted, sessionOptions({ store: storeWith(MESSAGE, MESSAGE) })),
    "the session",
  );
  assert.equal(writes.length, 2, "the greeting, and the replies to all commands");
  client.close();
});

Deno.test("runSession() streams a long message with back-pressure", async () => {
  const store = storeWith(longMessage(5000));
  const client = startSession({ store }, { capacity: 1000 });
  await client.logIn();
  await client.send("RETR 1", "QUIT");
  const text = await client.rest();
  const octets = 17 + 5000 * 80;
  assert.ok(text.startsWith(`+OK ${octets} octets\r\nSubject: long\r\n`));
  assert.ok(text.endsWith("xxx\r\n.\r\n+OK Goodbye\r\n"));
  assert.equal(text.length, octets + `+OK ${octets} octets\r\n.\r\n+OK Goodbye\r\n`.length);
  await client.hangUp();
  assert.deepEqual(store.seen("alice"), ["m1"]);
});

Deno.test("runSession() holds no more than a buffer of what the client does not read", async () => {
  const client = startSession({ store: storeWith(longMessage(50_000)) });
  await client.logIn();
  let most = 0;
  const buffer = new Uint8Array(4096);
  await client.send("RETR 1", "QUIT");
  while (await bounded(client.connection.read(buffer), "a reply") !== null) {
    most = Math.max(most, client.connection.unread);
  }
  assert.ok(most < 1000, `the client's own commands only, but ${most}`);
  await client.hangUp();
});

Deno.test("runSession() lists a very large maildrop", async () => {
  const store = storeWith(...Array.from({ length: 20_000 }, () => "x\n"));
  const client = startSession({ store }, { capacity: 5000 });
  await client.logIn();
  await client.send("DELE 10000", "LIST", "UIDL", "QUIT");
  const lines = (await client.rest()).split("\r\n");
  assert.equal(lines[1], "+OK 19999 messages (59997 octets)");
  assert.equal(lines[2], "1 3");
  assert.equal(lines[10_001], "10001 3");
  assert.equal(lines[20_000], "20000 3");
  assert.equal(lines[20_001], ".");
  assert.equal(lines[20_002], "+OK Unique ids follow");
  assert.equal(lines[40_002], ".");
  assert.equal(lines[40_003], "+OK Goodbye, 1 deleted");
  await client.hangUp();
});

Deno.test("runSession() ends in the middle of a message that cannot be read any further", async () => {
  const store = storeWith(longMessage(5000));
  store.mailbox("alice").messages[0]!.failsAfter = 200_000;
  const log = new FakeLog();
  const client = startSession({ store, log });
  await client.logIn();
  await client.send("DELE 1", "RSET", "RETR 1", "QUIT");
  const text = await client.rest();
  assert.ok(text.includes("octets\r\nSubject: long\r\n"));
  assert.ok(!text.includes("\r\n.\r\n"), "no final dot: the client must not take it for whole");
  assert.ok(!text.includes("Goodbye"));
  await client.hangUp();
  assert.deepEqual(store.events, ["open alice", "close alice"]);
  assert.match(log.lines.join("\n"), /message 1 could not be read/);
});

Deno.test("runSession() says +OK to QUIT only after the store has finished", async () => {
  const store = storeWith(MESSAGE);
  const client = startSession({ store });
  await client.logIn();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  await client.send("DELE 1", "QUIT");
  assert.equal(await client.line(), "+OK Marked for deletion");
  const reply = client.line();
  let said = false;
  reply.then(() => said = true);
  while (!store.events.includes("update alice")) await tick();
  await tick();
  assert.equal(said, false);
  assert.deepEqual(store.left("alice"), ["m1"]);
  resolve();
  assert.equal(await reply, "+OK Goodbye, 1 deleted");
  assert.deepEqual(store.left("alice"), []);
  await client.hangUp();
});

Deno.test("runSession() deletes nothing if the client left before it got the replies", async () => {
  const store = storeWith(longMessage(5000));
  const settings = { ...sessionOptions().settings, expire: 0 };
  const client = startSession({ store, settings }, { capacity: 1000 });
  await client.logIn();
  await client.send("RETR 1", "QUIT");
  await client.line();
  await client.hangUp();
  assert.deepEqual(store.left("alice"), ["m1"]);
  assert.ok(!store.events.includes("update alice"));
});

Deno.test("runSession() deletes nothing if the last reply before QUIT was not taken", async () => {
  const store = storeWith("Subject: x\n\n" + "y".repeat(2000) + "\n");
  const settings = { ...sessionOptions().settings, expire: 0 };
  const client = startSession({ store, settings }, { capacity: 1000 });
  await client.logIn();
  await client.send("RETR 1", "QUIT");
  await client.line();
  await client.hangUp();
  assert.deepEqual(store.left("alice"), ["m1"]);
});

Deno.test("runSession() says so if the update fails altogether", async () => {
  const store = storeWith(MESSAGE);
  store.mailbox("alice").fault = "update throws";
  const log = new FakeLog();
  const client = startSession({ store, log });
  await client.logIn();
  await client.send("DELE 1", "QUIT");
  await client.line();
  assert.match(await client.line() ?? "", /^-ERR \[SYS\/TEMP\] /);
  assert.equal(await client.line(), null);
  await client.hangUp();
  assert.match(log.lines.join("\n"), /ERR .*the disk is on fire/);
  assert.ok(store.allClosed);
});

Deno.test("runSession() finishes the update of a client that left after QUIT", async () => {
  const store = storeWith(MESSAGE);
  const client = startSession({ store });
  await client.logIn();
  await client.send("DELE 1", "QUIT");
  client.connection.shutdown();
  await client.rest();
  await client.hangUp();
  assert.deepEqual(store.left("alice"), []);
});

Deno.test("runSession() does not let two sessions into one mailbox", async () => {
  const store = storeWith(MESSAGE);
  const first = startSession({ store });
  const second = startSession({ store });
  await first.logIn();
  await second.send("USER alice", "PASS secret");
  assert.match((await second.lines(3))[2] ?? "", /^-ERR \[IN-USE\] /);
  await first.hangUp();
  await second.send("USER alice", "PASS secret");
  assert.equal((await second.lines(2))[1], "+OK Logged in");
  await second.hangUp();
});

Deno.test("runSession() replies [SYS/TEMP] if the login cannot be checked", async () => {
  const authenticator = new FakeAuthenticator([["alice", "secret"]]);
  authenticator.unavailable = "the hash worker is gone";
  const log = new FakeLog();
  const client = startSession({ authenticator, log });
  await client.send("USER alice", "PASS secret");
  assert.match((await client.lines(3))[2] ?? "", /^-ERR \[SYS\/TEMP\] (?!.*hash worker)/);
  await client.hangUp();
  assert.match(log.lines.join("\n"), /ERR .*the hash worker is gone/);
});

Deno.test("runSession() survives a store that throws anything", async () => {
  const log = new FakeLog();
  const client = startSession({ log, store: { open: () => Promise.reject("oops") } });
  await client.send("USER alice", "PASS secret", "NOOP");
  const replies = await client.lines(4);
  assert.match(replies[2] ?? "", /^-ERR \[SYS\/TEMP\] /);
  assert.match(replies[3] ?? "", /^-ERR NOOP/);
  await client.hangUp();
  assert.match(log.lines.join("\n"), /ERR .*oops/);
});

Deno.test("runSession() closes the connection on an error of its own", async () => {
  const store = storeWith(MESSAGE);
  const log = new FakeLog();
  const broken: MaildropStore = {
    async open(user) {
      const maildrop = await store.open(user);
      maildrop.size = () => {
        throw new TypeError("a bug");
      };
      return maildrop;
    },
  };
  const client = startSession({ store: broken, log });
  await client.logIn();
  await client.send("STAT");
  assert.equal(await client.line(), null);
  await client.hangUp();
  assert.match(log.lines.join("\n"), /ERR .*internal error.*a bug/);
  assert.ok(store.allClosed);
});

Deno.test("runSession() ends when the connection breaks", async () => {
  const store = storeWith(MESSAGE);
  const log = new FakeLog();
  const client = startSession({ store, log });
  await client.logIn();
  await client.send("DELE 1");
  await client.line();
  client.connection.abort();
  await client.ended();
  assert.deepEqual(store.left("alice"), ["m1"]);
  assert.ok(store.allClosed);
  assert.match(log.lines.at(-1) ?? "", /INFO .*connection lost: .*reset/);
});

Deno.test("runSession() logs one line a session", async () => {
  const log = new FakeLog();
  const client = startSession({ log, store: storeWith(MESSAGE, MESSAGE) });
  await client.logIn();
  await client.send("RETR 1", "TOP 2 0", "DELE 2", "QUIT");
  await client.rest();
  await client.hangUp();
  assert.deepEqual(log.lines, [
    'INFO s1: user "alice" from 192.0.2.7 (no TLS): 1 retrieved (32 octets), 1 deleted: logged out',
  ]);
});

Deno.test("runSession() logs failed logins harmlessly and without the password", async () => {
  const log = new FakeLog();
  const client = startSession({ log });
  const name = "eve\x1b[2J\rx" + "y".repeat(500);
  await client.send(`USER ${name}`, "PASS hunter2");
  assert.match((await client.lines(3))[2] ?? "", /\[AUTH\]/);
  await client.hangUp();
  const warning = log.lines[0] ?? "";
  assert.match(
    warning,
    /^WARN s1: login failed \(PASS\): user "eve\\x1b\[2J\\x0dxy+… \(\d+ more characters\)" from 192/,
  );
  assert.ok(warning.length < 200);
  assert.ok(!log.lines.join("\n").includes("hunter2"));
  assert.match(log.lines[1] ?? "", /^TRC s1: no login from 192\.0\.2\.7 \(no TLS\): client disco/);
});

Deno.test("runSession() keeps a transcript without secrets and message text", async () => {
  const lines: string[] = [];
  const transcript = new Transcript({ write: (text) => lines.push(text) }, () => 0).session("s1");
  const client = startSession({
    transcript,
    store: storeWith(MESSAGE),
    startTls: fakeHandshake,
  });
  await client.line();
  await client.send("AUTH PLAIN");
  await client.line();
  await client.send("c2VjcmV0");
  await client.line();
  await client.send("STLS");
  await client.line();
  await client.connection.write(new TextEncoder().encode("HELLO {}\n"));
  await client.send("USER alice", "PASS secret", "RETR 1", "TOP 1 0", "QUIT");
  await client.rest();
  await client.hangUp();
  const text = lines.join("").replaceAll(/^.{23} /gm, "").replaceAll(/<.*>/g, "<stamp>");
  assert.equal(
    text,
    `[s1] S: +OK Mailismus POP3 Ready <stamp>
[s1] C: AUTH PLAIN
[s1] S: + ${""}
[s1] C: ***
[s1] S: -ERR The answer is no PLAIN message (RFC 4616)
[s1] C: STLS
[s1] S: +OK Begin the TLS negotiation
[s1] ** TLS started: TLSv1.3 TLS_AES_256_GCM_SHA384
[s1] C: USER alice
[s1] S: +OK Send the password with PASS
[s1] C: PASS ***
[s1] S: +OK Logged in
[s1] C: RETR 1
[s1] S: +OK 32 octets
[s1] S: (32 octets of message)
[s1] S: .
[s1] C: TOP 1 0
[s1] S: +OK Top follows
[s1] S: (25 octets of message)
[s1] S: .
[s1] C: QUIT
[s1] S: +OK Goodbye
[s1] ** disconnected: logged out
`,
  );
});

Deno.test("runSession() shows of a long list only the beginning in the transcript", async () => {
  const recorded: string[] = [];
  const transcript = new Transcript({ write: (text) => recorded.push(text) }, () => 0)
    .session("s1");
  const texts = new Array<string>(102).fill(MESSAGE);
  const client = startSession({ transcript, store: storeWith(...texts) });
  await client.logIn();
  await client.send("LIST", "DELE 2", "UIDL", "DELE 102", "LIST", "RSET", "QUIT");
  const sent = (await client.rest()).split("\r\n");
  await client.hangUp();
  const said = recorded.map((line) => line.slice("1970-01-01 00:00:00.000 [s1] ".length, -1));
  const after = (command: string) => said.slice(said.lastIndexOf(command) + 1);
  const first = said.slice(said.indexOf("C: LIST") + 1);
  assert.deepEqual(first.slice(0, 2), ["S: +OK 102 messages (3264 octets)", "S: 1 32"]);
  assert.deepEqual(first.slice(100, 104), ["S: 100 32", "S: (2 more lines)", "S: .", "C: DELE 2"]);
  const ids = after("C: UIDL");
  assert.deepEqual(ids.slice(1, 3).map((line) => line.split(" ")[1]), ["1", "3"]);
  assert.match(ids[100]!, /^S: 101 /);
  assert.deepEqual(ids.slice(101, 103), ["S: (1 more line)", "S: ."]);
  // What fits is shown whole.
  assert.deepEqual(after("C: LIST").slice(99, 103), ["S: 100 32", "S: 101 32", "S: .", "C: RSET"]);
  // The client gets all of it.
  const listed = (from: string) =>
    sent.slice(sent.indexOf(from) + 1, sent.indexOf(".", sent.indexOf(from)))
      .map((line) => Number(line.split(" ")[0]));
  assert.deepEqual(listed("+OK 102 messages (3264 octets)"), texts.map((_, i) => i + 1));
  assert.equal(listed("+OK Unique ids follow").length, 101);
  assert.equal(listed("+OK 100 messages (3200 octets)").length, 100);
});

Deno.test("runSession() ends the connection if the handshake of STLS fails", async () => {
  const log = new FakeLog();
  const client = startSession({
    log,
    startTls: () => Promise.reject(new Error("no shared cipher")),
  });
  await client.send("STLS");
  await client.lines(2);
  assert.equal(await client.line(), null);
  await client.hangUp();
  assert.match(log.lines[0] ?? "", /TLS handshake failed: no shared cipher/);
});

/** Lets other promises go on. */
function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
