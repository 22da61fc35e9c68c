/**
 * Text from the network in every place where somebody may read it.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RetrieveDisplay } from "../../lib/cli/retrieve_display.ts";
import { auditLine } from "../../lib/log/audit.ts";
import { harmless } from "../../lib/log/line.ts";
import { configureTrace, traceLog } from "../../lib/log/trace.ts";
import { Transcript } from "../../lib/log/transcript.ts";
import type { RunReport } from "../../lib/retriever/report.ts";
import { tlsEvent } from "../../lib/server/authorization.ts";
import { shown } from "../../lib/server/login.ts";
import { FakeLog } from "../support/memory_dialogue.ts";
import { startSession } from "../support/memory_session.ts";

/** What must never reach a reader as it is. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const STAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} /;

/** Pieces that attacks on logs and terminals are made of. */
const hostile = fc.array(
  fc.oneof(
    fc.constantFrom(
      ...["\r\n", "\n", "\r", "\0", "\x07", "\x08", "\x7f", "\t", "\v"],
      ...["\x1b[2J", "\x1b]0;title\x07", "\x1b[8m", "\x9b2J", "\x85", "\x90", "\x1bP"],
      ...["\u2028", "\u2029", "\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\ufeff"],
      ...["\ud800", "\udc00", "\u{e0041}", '"', "\\", " from 203.0.113.9", "{text}", "%s"],
      "2026-11-21 14:03:22.123 INFO  server  forged",
    ),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constant("x".repeat(3000)),
  ),
  { maxLength: 8 },
).map((parts) => parts.join(""));

/** Asserts that a log's lines are so many, each with its stamp, harmless and of bounded length. */
function assertLines(text: string, count: number, longest: number): void {
  const lines = text.split("\n");
  assert.equal(lines.pop(), "");
  assert.equal(lines.length, count, text);
  for (const line of lines) {
    assert.match(line, STAMP);
    assert.doesNotMatch(line, HARMFUL);
    assert.ok(line.length <= longest, `${line.length} characters`);
  }
}

function collecting() {
  const sink = { text: "", write: (lines: string) => void (sink.text += lines) };
  return sink;
}

Deno.test("harmless() lets nothing through that moves a cursor, ends a line or hides text", () => {
  fc.assert(fc.property(hostile, fc.nat(300), (text, most) => {
    const whole = harmless(text);
    assert.doesNotMatch(whole, HARMFUL);
    assert.equal(harmless(whole), whole);
    assert.ok(harmless(text, most).length <= 9 * most + 40);
  }));
});

Deno.test("no text from the network can forge, hide or bloat a line of a transcript", () => {
  fc.assert(fc.property(hostile, hostile, (one, two) => {
    const sink = collecting();
    const session = new Transcript(sink, () => 0).session(one);
    const start = sink.text.length;
    session.event(one);
    session.client(one);
    session.client(`USER ${two}`);
    session.client(`APOP ${two} c4c9334bac560ecc979e58001b3e22fb`);
    session.event(tlsEvent({ protocol: one, cipher: two, verifiedCommonName: one }));
    session.event(tlsEvent({ protocol: "TLSv1.3", cipher: "x", certificateFault: two }));
    session.message(5);
    // A session's id is the program's own.
    const text = sink.text.slice(start).replaceAll(`[${harmless(one)}]`, "[id]");
    assertLines(text, 7, 10_000);
    const reply = collecting();
    new Transcript(reply, () => 0).session("id").server(`+OK ${one}\r\n`);
    assert.doesNotMatch(reply.text.replaceAll("\n", ""), HARMFUL);
    for (const line of reply.text.split("\n").slice(0, -1)) assert.match(line, STAMP);
  }));
});

Deno.test("no text from the network can forge, hide or bloat a line of the trace log", () => {
  const sink = collecting();
  configureTrace({ level: "TRC5" }, sink);
  try {
    fc.assert(fc.property(hostile, fc.integer({ min: 1, max: 5 }), (text, depth) => {
      sink.text = "";
      const log = traceLog("server");
      log.error(text);
      log.warn(text);
      log.info(text);
      log.trace(text, depth as 1 | 2 | 3 | 4 | 5);
      assertLines(sink.text, 4, 80_000);
    }));
  } finally {
    configureTrace({ level: "ERR" }, { write: () => {} });
  }
});

Deno.test("no text from the network can forge, hide or bloat a line or a field of the audit log", () => {
  fc.assert(fc.property(hostile, hostile, (one, two) => {
    const line = auditLine({
      client: "home",
      server: one,
      user: two,
      tls: true,
      destinations: [{ kind: "Mailbox", name: one }],
      messageId: two,
      octets: 5,
      sender: one,
    }, 0);
    assertLines(line, 1, 30_000);
    // Outside of quotes there are the fields that the entry has, and no others.
    const bare = line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
    const names = [...bare.matchAll(/ ([A-Z][\w-]*)=/g)].map(([, name]) => name);
    assert.deepEqual(names, [
      ...["Client", "Server", "User", "TLS", "Mailbox", "Message-ID", "Octets", "Sender"],
    ]);
  }));
});

Deno.test("no text from a server can move the cursor, forge a line or fill the terminal", () => {
  fc.assert(fc.property(hostile, (text) => {
    for (const columns of [80, undefined]) {
      let written = "";
      const complaints: string[] = [];
      const display = new RetrieveDisplay({
        write: (part) => void (written += part),
        complain: (line) => void complaints.push(line),
        columns: () => columns,
        now: () => 0,
      });
      display.progress({ client: "home", message: 1, of: 2, octets: 3 });
      const report = { client: "home", delivered: 1, octets: 1, leftByError: 0, summary: text };
      display.report({ ...report, interrupted: false } as RunReport);
      display.report({ ...report, interrupted: false, failure: text } as unknown as RunReport);
      display.summary();
      // What the display itself does to the terminal.
      const shownText = written.replaceAll("\x1b[K", "").replaceAll(/[\r\n]/g, "");
      assert.doesNotMatch(shownText, HARMFUL);
      assert.equal(written.split("\n").length - 1, 2);
      assert.ok(written.length < 40_000);
      for (const line of complaints) {
        assert.doesNotMatch(line, HARMFUL);
        assert.ok(line.length < 20_000);
      }
    }
  }));
});

Deno.test("a name in the log ends where its quotes end", () => {
  fc.assert(fc.property(hostile, (name) => {
    const text = shown(name);
    assert.match(text, /^"(?:[^"\\]|\\.)*…? ?(?:\(\d+ more characters\))?"$/);
    assert.doesNotMatch(text, HARMFUL);
    assert.ok(text.length <= 900);
  }));
});

Deno.test("whatever a client sends, log and transcript have one harmless line for each", async () => {
  await fc.assert(
    fc.asyncProperty(hostile, hostile, async (one, two) => {
      const log = new FakeLog();
      const sink = collecting();
      const client = startSession({ log, transcript: new Transcript(sink, () => 0).session("s1") });
      const line = (text: string) => text.replaceAll(/[\r\n]/g, "");
      await client.send(`USER ${line(one)}x`, "PASS wrong", line(two) + "y", "QUIT");
      const replies = await client.rest();
      await client.hangUp();
      // A reply never repeats what came.
      assert.match(replies, /^(?:(?:\+OK|-ERR) [\x20-\x7e]*\r\n)+$/);
      for (const text of sink.text.split("\n").slice(0, -1)) {
        assert.match(text, /^\d{4}-\d\d-\d\d \S+ \[s1\] (?:S:|C:|\*\*) ?/);
        assert.doesNotMatch(text, HARMFUL);
      }
      for (const text of log.lines) {
        assert.doesNotMatch(text, HARMFUL);
        assert.ok(text.length < 2000);
      }
    }),
    { numRuns: 60 },
  );
});
