import assert from "node:assert/strict";
import fc from "fast-check";
import { FakeStore } from "../support/fake_store.ts";
import { fakeHandshake, FakeLog, sessionOptions } from "../support/memory_dialogue.ts";
import { startSession } from "../support/memory_session.ts";
import { bytesOf } from "../support/mailbox.ts";

const RUNS = 300;

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
const loggedIn = fc.boolean();
const chunk = fc.constantFrom(1, 2, 5, 100, 100_000);

function mailboxes(): FakeStore {
  const store = new FakeStore();
  store.put("alice", "m1", "Subject: one\n\n.\nbody\n");
  store.put("alice", "m2", "");
  store.put("alice", "m3", "no header at all");
  return store;
}

/** The replies to so many lines, in their bare kinds, by taking the server's words apart. */
function countReplies(text: string, lines: string[]): number {
  let count = 0;
  let rest = text;
  for (const line of lines) {
    const [status = "", ...others] = rest.split("\r\n");
    if (others.length === 0) return count;
    assert.match(status, /^(\+OK|-ERR|\+ )/, `the reply to ${JSON.stringify(line)}`);
    rest = others.join("\r\n");
    count++;
    if (isMultiLine(status)) {
      const end = rest.startsWith(".\r\n") ? 0 : rest.indexOf("\r\n.\r\n") + 2;
      rest = rest.slice(end + 3);
    }
  }
  assert.equal(rest, "");
  return count;
}

function isMultiLine(status: string): boolean {
  return /^\+OK (Capabilities|Mechanisms|Unique ids|Top follows|\d+ octets|\d+ messages)/
    .test(status);
}

Deno.test("a session answers every line with one reply, whatever it says", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 30 }),
      loggedIn,
      chunk,
      async (lines, login, size) => {
        const log = new FakeLog();
        const store = mailboxes();
        const settings = { ...sessionOptions().settings, maxBadCommands: 1000 };
        const client = startSession({ store, log, settings }, { chunk: size });
        await client.line();
        const all = login ? ["USER alice", "PASS secret", ...lines] : lines;
        await client.send(...all);
        client.connection.shutdown();
        const text = await client.rest();
        await client.hangUp();
        assert.equal(countReplies(text, all), all.length);
        assert.equal(store.left("alice").length, 3, "nothing is deleted without QUIT");
        assert.ok(store.allClosed);
        assert.ok(!log.lines.join("\n").includes("internal error"), log.lines.join("\n"));
      },
    ),
    { numRuns: RUNS },
  );
});

Deno.test("a session survives any octets", async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }),
    fc.array(line, { maxLength: 20 }).map((lines) => bytesOf(lines.join("\n"))),
  );
  await fc.assert(
    fc.asyncProperty(bytes, loggedIn, chunk, fc.boolean(), async (input, login, size, tls) => {
      const log = new FakeLog();
      const store = mailboxes();
      const settings = { ...sessionOptions().settings, maxLine: 200 };
      const client = startSession({
        store,
        log,
        settings,
        ...(tls ? { startTls: fakeHandshake } : {}),
      }, { chunk: size });
      if (login) await client.send("USER alice", "PASS secret");
      await client.connection.write(input).catch(() => {});
      client.connection.shutdown();
      const text = await client.rest();
      await client.hangUp();
      assert.match(text, /^\+OK /);
      assert.ok(text.endsWith("\r\n"));
      assert.ok(store.allClosed);
      assert.ok(!log.lines.join("\n").includes("internal error"), log.lines.join("\n"));
    }),
    { numRuns: RUNS },
  );
});

Deno.test("replies do not depend on where packets end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 15 }),
      fc.integer({ min: 1, max: 20 }),
      async (lines, size) => {
        const texts: string[] = [];
        for (const chunk of [size, 100_000]) {
          const client = startSession({ store: mailboxes() }, { chunk });
          await client.line();
          await client.send("USER alice", "PASS secret", ...lines).catch(() => {});
          client.connection.shutdown();
          // Each challenge of CRAM-MD5 is another one.
          texts.push((await client.rest()).replaceAll(/^\+ .*$/gm, "+"));
          await client.hangUp();
        }
        assert.equal(texts[0], texts[1]);
      },
    ),
    { numRuns: RUNS },
  );
});
