import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mostOctets } from "../../lib/retriever/arrival.ts";
import { TestRetriever } from "../support/retriever.ts";

Deno.test("runClient() takes no list of capabilities without end", async () => {
  using test = new TestRetriever();
  test.server.add("Subject: x\r\n\r\n");
  const flood = Array.from({ length: 20_000 }, (_, i) => `X-CAPABILITY-${i}\r\n`).join("");
  test.server.script = [{
    rewrite: (reply, command) => command === "CAPA" ? `+OK\r\n${flood}` : reply,
  }];
  const report = await test.run();
  await test.server.close();
  match(report.failure!, /a list without end/);
  ok(test.transcript.join("").length < 200_000);
});

Deno.test("runClient() shows long lists in part in the transcript, and reads them whole", async () => {
  using test = new TestRetriever({ preserve: true });
  for (let i = 0; i < 10_500; i++) test.server.add("S: x\r\n\r\n");
  const report = await test.run(true);
  await test.server.close();
  equal(report.wanted, 10_500);
  const lines = test.transcript.join("").split("\n");
  // The terminator counts.
  equal(lines.filter((line) => line.endsWith(" S: (501 more lines)")).length, 2);
  ok(lines.length < 20_100, `${lines.length} lines`);
});

for (const listed of [true, false]) {
  Deno.test(`runClient() ends a message without end that is listed with ${listed ? "a" : "no"} size`, async () => {
    using test = new TestRetriever();
    const bound = 200_000;
    test.mostOctets = (size) => size === undefined ? bound : 2 * size + bound;
    const [first, second] = ["Subject: 1\r\n\r\nbody\r\n", "Subject: 2\r\n\r\nbody\r\n"];
    test.server.add(first, second);
    const flood = `${second}${"x".repeat(998)}\r\n`.repeat(2000);
    const rewrite = (reply: string, command: string) =>
      command === "RETR 2" ? `+OK\r\n${flood}` : reply;
    const unlisted = (reply: string, command: string) =>
      command === "LIST" ? "-ERR no\r\n" : rewrite(reply, command);
    test.server.script = [{ rewrite: listed ? rewrite : unlisted }, {}];
    const report = await test.run();
    const size = listed ? `${second.length} octets` : "no size";
    const text = new RegExp(
      `message 2 does not end: the server listed it with ${size}, and (\\d+) came`,
    );
    match(report.failure ?? "", text);
    const came = Number(text.exec(report.failure!)![1]);
    ok(came > bound && came < bound + 100_000, `${came} octets`);
    deepEqual([test.delivered().length, test.leftovers()], [1, []]);
    equal(test.server.messages.length, 2);
    await test.run();
    await test.server.close();
    equal(test.delivered().length, 2);
    deepEqual(test.server.messages, []);
  });
}

Deno.test("mostOctets() leaves room for sizes that are wrong, and for large messages without one", () => {
  equal(mostOctets(0), 64 * 2 ** 20);
  equal(mostOctets(50_000_000), 100_000_000 + 64 * 2 ** 20);
  equal(mostOctets(undefined), 4 * 2 ** 30);
});
