import assert from "node:assert/strict";
import { LineReader, OVERLONG } from "../../lib/wire/line_reader.ts";
import { encodeText, latin1 } from "../../lib/wire/text.ts";

function readAll(text: string, size: number, limit = 40): string[] {
  const reader = new LineReader(limit);
  const bytes = encodeText(text);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    reader.push(bytes.subarray(at, at + size));
    for (let line = reader.next(); line !== undefined; line = reader.next()) {
      lines.push(line === OVERLONG ? "<overlong>" : latin1(line));
    }
  }
  return lines;
}

Deno.test("LineReader gives the same lines at every chunk size", () => {
  const text = "USER a\r\nPASS b c \nNOOP\r\n\r\nlast\rone\r\nincomplete";
  const expected = ["USER a", "PASS b c ", "NOOP", "", "last\rone"];
  for (let size = 1; size <= text.length; size++) assert.deepEqual(readAll(text, size), expected);
});

Deno.test("LineReader reports a line over the limit once and goes on behind it", () => {
  const text = "ok\r\n" + "x".repeat(500) + "\r\nNOOP\r\n" + "y".repeat(38) + "\r\n" +
    "z".repeat(39) + "\r\nend\r\n";
  for (const size of [1, 2, 3, 7, 64, 1000]) {
    assert.deepEqual(readAll(text, size), [
      "ok",
      "<overlong>",
      "NOOP",
      "y".repeat(38),
      "<overlong>",
      "end",
    ]);
  }
});

Deno.test("LineReader keeps no more than the limit of an endless line", () => {
  const reader = new LineReader(100);
  const chunk = new Uint8Array(1000).fill(0x61);
  let overlong = 0;
  for (let i = 0; i < 1000; i++) {
    reader.push(chunk);
    if (reader.next() === OVERLONG) overlong++;
    assert.equal(reader.buffered, 0);
  }
  assert.equal(overlong, 1);
  assert.equal(reader.skipping, true);
});

Deno.test("LineReader counts what is buffered and hands it out whole", () => {
  const reader = new LineReader(100);
  reader.push(encodeText("STLS\r\nUSER al"));
  assert.equal(latin1(reader.next() as Uint8Array), "STLS");
  assert.equal(reader.buffered, 7);
  assert.equal(latin1(reader.takeAll()), "USER al");
  assert.equal(reader.buffered, 0);
});

Deno.test("LineReader.lend() gives the same lines as push(), whatever becomes of the buffer", () => {
  const text = "USER a\r\nPASS b c \nNOOP\r\n" + "x".repeat(90) + "\r\nlast\rone\r\nincomplete";
  const bytes = encodeText(text);
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new LineReader(40);
    const buffer = new Uint8Array(size);
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      const part = bytes.subarray(at, at + size);
      buffer.set(part);
      // Copying and lending may take turns.
      if (at % 3 === 0) reader.push(part);
      else reader.lend(buffer.subarray(0, part.length));
      for (let line = reader.next(); line !== undefined; line = reader.next()) {
        lines.push(line === OVERLONG ? "<overlong>" : latin1(line));
      }
      buffer.fill(0);
    }
    assert.deepEqual(lines, ["USER a", "PASS b c ", "NOOP", "<overlong>", "last\rone"]);
    assert.equal(latin1(reader.takeAll()), "incomplete");
  }
});
