import assert from "node:assert/strict";
import {
  configureTrace,
  TRACE_LEVELS,
  type TraceLevel,
  traceLog,
  withDelta,
} from "../../lib/log/trace.ts";

/** What one call of each method leaves in the log at a level. */
function traced(level: TraceLevel): string[] {
  let text = "";
  configureTrace({ level }, { write: (lines) => text += lines });
  const log = traceLog("server");
  log.error("e");
  log.warn("w");
  log.info("i");
  for (const depth of [1, 2, 3, 4, 5] as const) log.trace(`t${depth}`, depth);
  return text.split("\n").slice(0, -1).map((line) => line.slice("2026-11-21 14:03:22.123 ".length));
}

Deno.test("configureTrace() writes each level and all before it", () => {
  const all = [
    "ERR   server  e",
    "WARN  server  w",
    "INFO  server  i",
    "TRC   server  t1",
    "TRC2  server  t2",
    "TRC3  server  t3",
    "TRC4  server  t4",
    "TRC5  server  t5",
  ];
  TRACE_LEVELS.forEach((level, i) => assert.deepEqual(traced(level), all.slice(0, i + 1)));
});

Deno.test("traceLog() lets no text forge a line, and takes braces as they are", () => {
  let text = "";
  configureTrace({ level: "INFO" }, { write: (lines) => text += lines });
  traceLog("server").warn("user {name} {{x}} a\r\n2026-11-21 14:03:22.123 INFO  server  forged");
  assert.match(
    text,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARN {2}server {2}user \{name\} \{\{x\}\} a\\x0d\\x0a2026[^\n]+forged\n$/,
  );
});

Deno.test("traceLog() does not make texts that are not written", () => {
  let text = "";
  configureTrace({ level: "INFO" }, { write: (lines) => text += lines });
  const log = traceLog("server");
  log.trace(() => assert.fail("made in vain"));
  log.info(() => "made");
  assert.match(text, / INFO {2}server {2}made\n$/);
});

Deno.test("configureTrace() can be called again, for a reload", () => {
  const first: string[] = [];
  const second: string[] = [];
  const log = traceLog("server");
  configureTrace({ level: "INFO" }, { write: (lines) => void first.push(lines) });
  log.info("a");
  configureTrace({ level: "ERR" }, { write: (lines) => void second.push(lines) });
  log.info("b");
  log.error("c");
  assert.equal(first.length, 1);
  assert.equal(second.length, 1);
});

Deno.test("withDelta() adds the milliseconds since the line before", () => {
  let text = "";
  const sink = withDelta({ write: (lines) => text += lines });
  sink.write("2026-11-21 14:03:22.123 INFO  server  a\n");
  sink.write(
    "2026-11-21 14:03:22.138 INFO  server  b\n2026-11-21 14:04:22.138 ERR   server  $& c\n",
  );
  sink.write("2026-11-21 14:04:22.136 INFO  retriever  d\n");
  assert.equal(
    text,
    "2026-11-21 14:03:22.123 +0 INFO  server  a\n" +
      "2026-11-21 14:03:22.138 +15 INFO  server  b\n" +
      "2026-11-21 14:04:22.138 +60000 ERR   server  $& c\n" +
      "2026-11-21 14:04:22.136 -2 INFO  retriever  d\n",
  );
});
