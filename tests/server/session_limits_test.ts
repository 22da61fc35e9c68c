import assert from "node:assert/strict";
import type { LoginGate, LoginTurn } from "../../lib/server/login_gate.ts";
import { SessionGroup } from "../../lib/server/session_group.ts";
import type { SessionSettings } from "../../lib/server/session_options.ts";
import { Deadlines } from "../../lib/transport/deadlines.ts";
import { FakeAuthenticator } from "../support/fake_authenticator.ts";
import { FakeStore } from "../support/fake_store.ts";
import { fakeHandshake, FakeLog, sessionOptions } from "../support/memory_dialogue.ts";
import { startSession } from "../support/memory_session.ts";

const FAREWELL = "-ERR [SYS/TEMP] Server is shutting down";

function settings(change: Partial<SessionSettings>): SessionSettings {
  return { ...sessionOptions().settings, ...change };
}

function storeWith(text: string): FakeStore {
  const store = new FakeStore();
  store.put("alice", "m1", text);
  return store;
}

class TestGate implements LoginGate {
  readonly events: string[] = [];
  delay = 0;
  attempt(address: string, user: string): LoginTurn {
    this.events.push(`attempt ${address} ${user}`);
    const since = performance.now();
    return {
      wait: () => Math.max(0, since + this.delay - performance.now()),
      end: (outcome) => this.events.push(`${outcome} ${address} ${user}`),
    };
  }
  authenticated(): void {
    this.events.push("authenticated");
  }
}

Deno.test("an idle session ends without a word and deletes nothing", async () => {
  const store = storeWith("x\n");
  const log = new FakeLog();
  const client = startSession({
    store,
    log,
    deadlines: new Deadlines(5),
    settings: settings({ idleTimeout: 60 }),
  });
  await client.logIn();
  await client.send("DELE 1");
  assert.equal(await client.line(), "+OK Marked for deletion");
  assert.equal(await client.line(), null, "RFC 1939 section 3: no response");
  await client.ended();
  client.connection.close();
  assert.deepEqual(store.left("alice"), ["m1"]);
  assert.match(log.lines[0] ?? "", /idle for too long/);
});

Deno.test("every command starts the idle time anew", async () => {
  let now = 0;
  const deadlines = new Deadlines(5, () => now);
  const client = startSession({ deadlines, settings: settings({ idleTimeout: 1000 }) });
  await client.logIn();
  for (let i = 0; i < 5; i++) {
    now += 900;
    await client.send("NOOP");
    assert.equal(await client.line(), "+OK Nothing done");
  }
  now += 1001;
  assert.equal(await client.line(), null);
  await client.hangUp();
});

Deno.test("a client that does not read its replies is idle", async () => {
  const store = storeWith("y\n".repeat(100_000));
  const log = new FakeLog();
  const client = startSession({
    store,
    log,
    deadlines: new Deadlines(5),
    settings: settings({ idleTimeout: 60 }),
  }, { capacity: 1000 });
  await client.logIn();
  await client.send("RETR 1");
  await client.ended();
  client.connection.close();
  assert.ok(store.allClosed);
  assert.match(log.lines[0] ?? "", /idle for too long/);
});

Deno.test("a line without end is refused once, and soon not listened to any more", async () => {
  const log = new FakeLog();
  const client = startSession({ log, settings: settings({ maxLine: 1000 }) });
  await client.line();
  const piece = new Uint8Array(1000).fill(0x61);
  // As long as a line may be that ends after all, and then a line that does not.
  for (let i = 0; i < 8; i++) await client.connection.write(piece);
  await client.send("", "NOOP");
  assert.equal(await client.line(), "-ERR The line is too long");
  assert.match((await client.line())!, /^-ERR/);
  for (let sent = 0; sent < 100 && !client.connection.isClosed; sent++) {
    await client.connection.write(piece).catch(() => client.connection.close());
  }
  await client.ended();
  assert.match(log.lines.join(), /a line without end/);
});

Deno.test("who does not log in in time is closed, however busy", async () => {
  const log = new FakeLog();
  const client = startSession({
    log,
    deadlines: new Deadlines(5),
    settings: settings({ loginTime: 80, maxBadCommands: 1_000_000 }),
  });
  while (true) {
    await client.send("NOOP").catch(() => {});
    if (await client.line() === null) break;
  }
  await client.hangUp();
  assert.match(log.lines[0] ?? "", /not logged in within the time for it/);
});

Deno.test("a client that asks and asks without logging in is closed after so many commands", async () => {
  const limits: string[] = [];
  const client = startSession({
    settings: settings({ maxLoginCommands: 5 }),
    limitReached: (limit) => limits.push(limit),
  });
  await client.send("CAPA", "AUTH PLAIN", "*", "CAPA", "USER alice", "PASS secret", "STAT");
  const replies = (await client.rest()).trimEnd().split("\r\n");
  assert.equal(replies.at(-2), "+OK Send the password with PASS");
  assert.equal(replies.at(-1), "-ERR Too many commands without a login");
  await client.hangUp();
  assert.deepEqual(limits, ["too many commands without a login"]);
});

Deno.test("a client that sends much without logging in is closed, also within a line", async () => {
  for (const [piece, replies] of [["USER alice\r\n", 80], ["x".repeat(100), 1]] as const) {
    const limits: string[] = [];
    const log = new FakeLog();
    const client = startSession({
      log,
      settings: settings({ maxLoginInput: 1000, maxLine: 8192 }),
      limitReached: (limit) => limits.push(limit),
    });
    const rest = client.rest();
    for (let sent = 0; sent < 2000 && !client.connection.isClosed; sent += piece.length) {
      await client.connection.write(new TextEncoder().encode(piece)).catch(() => {});
    }
    assert.ok((await rest).split("\r\n").length >= replies, "What came before was answered");
    await client.hangUp();
    assert.deepEqual(limits, ["too much input without a login"]);
    assert.match(log.lines.join(), /too much input without a login/);
  }
});

Deno.test("who has logged in may ask and send without end", async () => {
  const client = startSession({
    settings: settings({ maxLoginCommands: 3, maxLoginInput: 100 }),
  });
  await client.logIn();
  for (let i = 0; i < 50; i++) {
    await client.send("NOOP");
    assert.equal(await client.line(), "+OK Nothing done");
  }
  await client.hangUp();
});

Deno.test("STLS says so when no handshake can be begun now, and the session goes on", async () => {
  let busy = true;
  const client = startSession({
    startTls: fakeHandshake,
    tlsRefusal: () => busy ? "Too many TLS handshakes under way, try again later" : undefined,
  });
  await client.line();
  await client.send("STLS");
  assert.equal(
    await client.line(),
    "-ERR [SYS/TEMP] Too many TLS handshakes under way, try again later",
  );
  busy = false;
  await client.send("STLS");
  assert.equal(await client.line(), "+OK Begin the TLS negotiation");
  await client.hangUp();
});

Deno.test("every limit that ends a session is told of", async () => {
  const cases: [Partial<SessionSettings>, string[], string][] = [
    [{ maxBadCommands: 2 }, ["X", "X"], "too many bad commands"],
    [{ loginTime: 20 }, [], "not logged in within the time for it"],
    [{ maxLine: 64 }, ["x".repeat(1000)], "a line without end"],
  ];
  for (const [change, lines, expected] of cases) {
    const limits: string[] = [];
    const client = startSession({
      deadlines: new Deadlines(5),
      settings: settings(change),
      limitReached: (limit) => limits.push(limit),
    });
    const text = new TextEncoder().encode(lines.join("\r\n") + (lines.length > 1 ? "\r\n" : ""));
    for (let at = 0; at < text.length; at += 100) {
      await client.connection.write(text.subarray(at, at + 100)).catch(() => {});
    }
    await client.rest();
    await client.hangUp();
    assert.deepEqual(limits, [expected]);
  }
});

Deno.test("who has logged in has no time limit but idling", async () => {
  const client = startSession({
    deadlines: new Deadlines(5),
    settings: settings({ loginTime: 60 }),
  });
  await client.logIn();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await client.send("NOOP");
  assert.equal(await client.line(), "+OK Nothing done");
  await client.hangUp();
});

Deno.test("the login gate hears of every attempt", async () => {
  const gate = new TestGate();
  const client = startSession({ loginGate: gate });
  await client.send("USER alice", "PASS wrong", "USER alice", "PASS secret");
  await client.lines(5);
  await client.hangUp();
  assert.deepEqual(gate.events, [
    "attempt 192.0.2.7 alice",
    "refused 192.0.2.7 alice",
    "attempt 192.0.2.7 alice",
    "accepted 192.0.2.7 alice",
    "authenticated",
  ]);
});

Deno.test("a login whose maildrop is in use succeeded, but stays unauthenticated", async () => {
  const gate = new TestGate();
  const store = storeWith("x\n");
  store.mailbox("alice").fault = "locked";
  const client = startSession({ loginGate: gate, store });
  await client.send("USER alice", "PASS secret");
  await client.lines(3);
  await client.hangUp();
  assert.deepEqual(gate.events, ["attempt 192.0.2.7 alice", "accepted 192.0.2.7 alice"]);
});

Deno.test("a delayed login is checked after the delay, and what came meanwhile is kept", async () => {
  const gate = new TestGate();
  gate.delay = 30;
  const authenticator = new FakeAuthenticator([["alice", "secret"]]);
  const client = startSession({ loginGate: gate, authenticator });
  await client.send("USER alice", "PASS secret");
  assert.deepEqual((await client.lines(2))[1], "+OK Send the password with PASS");
  await client.send("STAT");
  assert.equal(authenticator.checks, 0);
  assert.deepEqual(await client.lines(2), ["+OK Logged in", "+OK 0 0"]);
  assert.equal(authenticator.checks, 1);
  await client.hangUp();
});

Deno.test("a client that pipelines STLS behind a delayed login can still make its handshake", async () => {
  const gate = new TestGate();
  gate.delay = 10;
  const client = startSession({ loginGate: gate, startTls: fakeHandshake });
  await client.send("USER alice", "PASS wrong", "STLS");
  assert.match((await client.lines(4))[3] ?? "", /^\+OK Begin/);
  await client.connection.write(new TextEncoder().encode("HELLO {}\n"));
  await client.send("NOOP");
  assert.match(await client.line() ?? "", /^-ERR NOOP/);
  await client.hangUp();
});

Deno.test("a client that hangs up during the delay ends it, and nothing is checked", async () => {
  const gate = new TestGate();
  gate.delay = 1_000_000;
  const authenticator = new FakeAuthenticator([["alice", "secret"]]);
  const client = startSession({ loginGate: gate, authenticator });
  await client.send("USER alice", "PASS secret");
  await client.lines(2);
  await client.hangUp();
  assert.equal(authenticator.checks, 0);
});

Deno.test("a delay does not outlast the time to log in", async () => {
  const gate = new TestGate();
  gate.delay = 1_000_000;
  const client = startSession({
    loginGate: gate,
    deadlines: new Deadlines(5),
    settings: settings({ loginTime: 50 }),
  });
  await client.send("USER alice", "PASS secret");
  await client.lines(2);
  assert.equal(await client.line(), null);
  await client.hangUp();
});

Deno.test("SessionGroup.beginGrace() ends those who are not logged in", async () => {
  const group = new SessionGroup();
  const waiting = startSession({ group });
  const working = startSession({ group, store: storeWith("x\n") });
  await waiting.line();
  await working.logIn();
  assert.equal(group.size, 2);
  group.beginGrace();
  assert.equal(await waiting.line(), FAREWELL);
  assert.equal(await waiting.line(), null);
  await waiting.hangUp();
  await working.send("DELE 1", "QUIT");
  assert.equal((await working.lines(2))[1], "+OK Goodbye, 1 deleted");
  await working.hangUp();
  await group.empty();
  assert.equal(group.size, 0);
});

Deno.test("SessionGroup.endGrace() ends the others, without UPDATE", async () => {
  const group = new SessionGroup();
  const store = storeWith("x\n");
  const client = startSession({ group, store });
  await client.logIn();
  await client.send("DELE 1");
  await client.line();
  group.beginGrace();
  group.endGrace();
  assert.equal(await client.line(), FAREWELL);
  assert.equal(await client.line(), null);
  await client.hangUp();
  await group.empty();
  assert.deepEqual(store.left("alice"), ["m1"]);
});

Deno.test("SessionGroup.endGrace() cuts a message short", async () => {
  const group = new SessionGroup();
  const store = storeWith("y\n".repeat(100_000));
  const client = startSession({ group, store }, { capacity: 1000 });
  await client.logIn();
  await client.send("RETR 1");
  await client.line();
  group.endGrace();
  assert.ok(!(await client.rest()).includes(FAREWELL));
  await client.hangUp();
  assert.ok(store.allClosed);
});

Deno.test("SessionGroup.endGrace() lets an update finish", async () => {
  const group = new SessionGroup();
  const store = storeWith("x\n");
  const client = startSession({ group, store });
  await client.logIn();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.gate = promise;
  await client.send("DELE 1", "QUIT");
  await client.line();
  while (!store.events.includes("update alice")) await new Promise((done) => setTimeout(done, 0));
  group.endGrace();
  resolve();
  assert.equal(await client.line(), "+OK Goodbye, 1 deleted");
  await client.hangUp();
});

Deno.test("a login under way at a shutdown is not completed", async () => {
  const group = new SessionGroup();
  const authenticator = new FakeAuthenticator([["alice", "secret"]]);
  const { promise, resolve } = Promise.withResolvers<void>();
  authenticator.gate = promise;
  const store = new FakeStore();
  const client = startSession({ group, authenticator, store });
  await client.send("USER alice", "PASS secret");
  while (authenticator.checks === 0) await new Promise((done) => setTimeout(done, 0));
  group.beginGrace();
  resolve();
  assert.deepEqual((await client.lines(3))[2], FAREWELL);
  assert.equal(await client.line(), null);
  await client.hangUp();
  assert.deepEqual(store.events, []);
});

Deno.test("a delayed login is told of a shutdown at once", async () => {
  const group = new SessionGroup();
  const gate = new TestGate();
  gate.delay = 1_000_000;
  const client = startSession({ group, loginGate: gate });
  await client.send("USER alice", "PASS secret");
  await client.lines(2);
  group.beginGrace();
  assert.equal(await client.line(), FAREWELL);
  assert.equal(await client.line(), null);
  await client.hangUp();
});

Deno.test("a handshake under way is cut off by a shutdown", async () => {
  const group = new SessionGroup();
  const client = startSession({ group, startTls: fakeHandshake });
  await client.send("STLS");
  await client.lines(2);
  group.beginGrace();
  assert.equal(await client.line(), null);
  await client.hangUp();
});

Deno.test("a shutdown while a reply is being written comes behind the reply", async () => {
  const group = new SessionGroup();
  const client = startSession({ group }, { capacity: 10 });
  await client.send("CAPA");
  const first = await client.connection.read(new Uint8Array(4));
  assert.equal(first, 4);
  group.beginGrace();
  const text = await client.rest();
  assert.ok(text.endsWith(FAREWELL + "\r\n"), text);
  await client.hangUp();
});

Deno.test("a session that begins during a shutdown gets no greeting", async () => {
  const group = new SessionGroup();
  group.beginGrace();
  const client = startSession({ group });
  assert.equal(await client.line(), FAREWELL);
  assert.equal(await client.line(), null);
  await client.hangUp();
});

Deno.test("SessionGroup.empty() settles at once if nobody is there", async () => {
  await new SessionGroup().empty();
});
