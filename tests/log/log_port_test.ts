import assert from "node:assert/strict";
import { countLines, LogPort, LogRouter, type LogSink } from "../../lib/log/log_port.ts";

/** A log in memory, with a promise of its next lines. */
class MemoryLog implements LogSink {
  text = "";
  lost = 0;
  #next = Promise.withResolvers<void>();

  write(lines: string): void {
    this.text += lines;
    this.#next.resolve();
  }

  lose(lines: number): void {
    this.lost += lines;
    this.text += `(${lines})\n`;
    this.#next.resolve();
  }

  async next(): Promise<void> {
    await this.#next.promise;
    this.#next = Promise.withResolvers();
  }
}

Deno.test("LogPort carries the lines of several logs to their sinks, in order", async () => {
  const { port1, port2 } = new MessageChannel();
  const router = new LogRouter();
  const [trace, audit] = [new MemoryLog(), new MemoryLog()];
  router.set("trace", trace);
  router.set("audit", audit);
  const detach = router.attach(port1);
  const port = new LogPort(port2, { delay: 1 });
  const sink = port.log("trace");
  sink.write("one\n");
  port.log("audit").write("a\n");
  port.log("unknown").write("x\n");
  sink.write("two\n");
  await trace.next();
  assert.equal(trace.text, "one\ntwo\n");
  sink.write("three\n");
  await trace.next();
  sink.write("four\n");
  await port.close();
  sink.write("too late\n");
  assert.equal(trace.text, "one\ntwo\nthree\nfour\n");
  assert.equal(audit.text, "a\n");
  router.log("audit").write("main's own\n");
  assert.equal(audit.text, "a\nmain's own\n");
  detach();
});

Deno.test("LogPort bounds its memory while main takes nothing, and counts what is lost", async () => {
  const { port1, port2 } = new MessageChannel();
  const port = new LogPort(port2, { delay: 0, limit: 100 });
  const sink = port.log("trace");
  const arrived = Promise.withResolvers<void>();
  port1.onmessage = () => arrived.resolve();
  sink.write("first\n");
  await arrived.promise;
  // The first message is not acknowledged: all the rest has to wait.
  for (let i = 0; i < 1000; i++) sink.write("123456789\n");
  port.log("other").write("no room either\n");
  const router = new LogRouter();
  const [trace, other] = [new MemoryLog(), new MemoryLog()];
  router.set("trace", trace);
  router.set("other", other);
  const detach = router.attach(port1);
  port1.postMessage("taken");
  await port.close();
  assert.equal(countLines(trace.text), 10 + 1);
  assert.equal(trace.lost, 990);
  assert.ok(trace.text.endsWith("(990)\n"), "the note stands where the loss was");
  assert.equal(other.lost, 1);
  detach();
});

Deno.test("LogPort.close() does not wait for ever for a main that takes nothing", async () => {
  const { port1, port2 } = new MessageChannel();
  const port = new LogPort(port2);
  port.log("trace").write("one\n");
  await port.close(1);
  await port.close(1);
  port1.close();
});

Deno.test("trace log and transcripts work in a worker without any permission", async () => {
  const worker = new Worker(new URL("log_port_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: "none" },
  });
  const { port1, port2 } = new MessageChannel();
  const router = new LogRouter();
  const [trace, transcript] = [new MemoryLog(), new MemoryLog()];
  router.set("trace", trace);
  router.set("transcript", transcript);
  const detach = router.attach(port1);
  const closed = Promise.withResolvers<unknown>();
  worker.onmessage = (event) => closed.resolve(event.data);
  worker.onerror = (event) => closed.reject(new Error(event.message));
  worker.postMessage(port2, [port2]);
  try {
    assert.equal(await closed.promise, "closed");
    assert.match(trace.text, /^\S+ \S+ INFO {2}server {2}Listening\n$/);
    assert.match(transcript.text, /^\S+ \S+ \[w-1\] C: PASS \*\*\*\n$/);
  } finally {
    worker.terminate();
    detach();
  }
});
