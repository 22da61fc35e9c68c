import assert from "node:assert/strict";
import fc from "fast-check";
import { DurableFile } from "../../lib/maildir/durable_file.ts";

Deno.test("DurableFile keeps the order of its pieces, whatever their sizes", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mailismus-durable-" });
  let count = 0;
  const sizes = fc.array(fc.oneof(fc.nat(100), fc.nat(70_000), fc.constant(65_536)), {
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(sizes, async (lengths) => {
      const path = `${folder}/${++count}`;
      const file = new DurableFile(path);
      const pieces = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
      const scratch = new Uint8Array(70_000);
      for (const piece of pieces) {
        // The caller uses its memory again.
        scratch.set(piece);
        file.write(scratch.subarray(0, piece.length));
      }
      file.end();
      await file.sync();
      const whole = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
      let at = 0;
      for (const piece of pieces) {
        whole.set(piece, at);
        at += piece.length;
      }
      assert.equal(file.size, whole.length);
      assert.deepEqual(await Deno.readFile(path), whole);
    }),
    { numRuns: 100, examples: [[[20_000, 40_000]], [[1, 65_535, 1]]] },
  );
  await Deno.remove(folder, { recursive: true });
});
