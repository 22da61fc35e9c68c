import { equal, match, ok } from "node:assert/strict";
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
