import { deepEqual, equal, match, ok } from "node:assert/strict";
import { TestRetriever } from "../support/retriever.ts";

/** Messages that differ, with dots and blank lines. */
function mail(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `Message-ID: <${i}@x>\r\n\r\n.dot\r\n..\r\nbody ${i}\r\n`,
  );
}

function onDisk(texts: readonly string[]): string[] {
  return texts.map((text) => text.replaceAll("\r\n", "\n"));
}

Deno.test("runClient() delivers, deletes, and leaves nothing behind", async () => {
  using test = new TestRetriever();
  const texts = mail(5);
  test.server.add(...texts);
  const report = await test.run();
  await test.server.close();
  equal(report.failure, undefined);
  deepEqual(test.delivered(), onDisk(texts));
  deepEqual([report.delivered, report.deleted, report.leftByError], [5, 5, 0]);
  deepEqual(test.server.messages, []);
  deepEqual(test.leftovers(), []);
  deepEqual(test.journal(), []);
  match(test.audit.join(""), /Client=home .*Message-ID=<0@x>/);
  ok(!test.transcript.join("").includes("secret"));
});

for (const pipelining of [true, false]) {
  Deno.test(`runClient() delivers each message once wherever the line is cut (pipelining: ${pipelining})`, async () => {
    const texts = mail(3);
    let total = Infinity;
    for (let cutAfter = 0; cutAfter <= total; cutAfter++) {
      using test = new TestRetriever();
      test.server.add(...texts);
      test.server.script = [{ cutAfter, pipelining }, { pipelining }];
      const first = await test.run();
      const second = await test.run();
      await test.server.close();
      total = first.failure === undefined ? cutAfter : total;
      equal(second.failure, undefined, `cut after ${cutAfter}`);
      deepEqual(test.delivered(), onDisk(texts), `cut after ${cutAfter}: ${test.log.join("\n")}`);
      deepEqual(test.server.messages, []);
      deepEqual(test.leftovers(), []);
      deepEqual(test.journal(), []);
    }
    ok(total < 2000);
  });
}
