import assert from "node:assert/strict";
import { ListLines } from "../../lib/maildir/list_lines.ts";

function allOf(lines: ListLines, count: number): string {
  let text = "";
  for (let from = 1; from <= count;) {
    const { bytes, next } = lines.part(from);
    assert(next > from && next <= count + 1, `from ${from} to ${next}`);
    text += new TextDecoder().decode(bytes);
    from = next;
  }
  return text;
}

Deno.test("ListLines.part() gives every message its line, for any number of them", () => {
  for (const count of [0, 1, 2, 127, 128, 129, 256, 1000]) {
    const lines = new ListLines(count, (message) => `id-${message}`);
    const wanted = Array.from({ length: count }, (_, i) => `${i + 1} id-${i + 1}\r\n`).join("");
    assert.equal(allOf(lines, count), wanted, `${count} messages`);
  }
});

Deno.test("ListLines asks for each value once, however often its lines are sent", () => {
  const asked: number[] = [];
  const lines = new ListLines(300, (message) => {
    asked.push(message);
    return 7;
  });
  assert.equal(allOf(lines, 300), allOf(lines, 300));
  assert.deepEqual(asked, Array.from({ length: 300 }, (_, i) => i + 1));
});

Deno.test("ListLines.part() stays below the room that replies have, with the longest ids", () => {
  const { bytes } = new ListLines(100_000, () => "x".repeat(70)).part(99_841);
  assert(bytes.length <= 12 * 1024, `${bytes.length} bytes`);
});
