import assert from "node:assert/strict";
import { standardError } from "../../lib/log/standard_error.ts";

Deno.test("standardError() writes lines soon and in order", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const log = standardError((bytes) => {
    resolve(new TextDecoder().decode(bytes));
    return Promise.resolve(bytes.length);
  });
  log.write("one\n");
  log.write("two\n");
  assert.equal(await promise, "one\ntwo\n");
  await log.close();
});

Deno.test("standardError() waits for a reader that does not read, and holds up nobody", async () => {
  const read = Promise.withResolvers<void>();
  let text = "";
  const log = standardError(async (bytes) => {
    await read.promise;
    text += new TextDecoder().decode(bytes);
    return bytes.length;
  });
  const line = "x".repeat(99) + "\n";
  for (let i = 0; i < 30_000; i++) log.write(line);
  assert.equal(text, "");
  read.resolve();
  await log.close();
  assert.ok(text.length > 1_000_000 && text.length < 2_000_000, "waits in bounded memory");
  assert.match(text, /Lines of this log lost here: \d+\n/);
});

Deno.test("standardError() survives a reader that has gone away", async () => {
  const log = standardError(() => Promise.reject(new Deno.errors.BrokenPipe()));
  log.write("one\n");
  await log.close();
});
