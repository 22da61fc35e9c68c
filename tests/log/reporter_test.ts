import assert from "node:assert/strict";
import { createReporter } from "../../lib/log/reporter.ts";
import { decodeText } from "../../lib/wire/text.ts";

Deno.test("a report waits for no reader, and a bounded number of reports wait for one", async () => {
  const reader = Promise.withResolvers<void>();
  let written = "";
  const report = createReporter(async (bytes) => {
    await reader.promise;
    const part = bytes.subarray(0, 7);
    written += decodeText(part);
    return part.length;
  });
  const reports = Array.from({ length: 1000 }, (_, index) => report(`sentence ${index}`));
  assert.equal(written, "");
  reader.resolve();
  await Promise.all(reports);
  const expected = Array.from({ length: 100 }, (_, index) => `sentence ${index}\n`);
  assert.equal(written, expected.join(""));
});

Deno.test("a report that cannot be written is given up, and the next is tried", async () => {
  let written = "";
  let broken = true;
  const report = createReporter((bytes) => {
    if (broken) return Promise.reject(new Deno.errors.BrokenPipe("gone"));
    written += decodeText(bytes);
    return Promise.resolve(bytes.length);
  });
  await report("first");
  broken = false;
  await report("second");
  assert.equal(written, "second\n");
});
