import assert from "node:assert/strict";
import { ReplyBuffer } from "../../lib/server/reply_buffer.ts";
import { decodeText } from "../../lib/wire/text.ts";

function textIn(buffer: ReplyBuffer): string | undefined {
  return decodeText(buffer.view());
}

Deno.test("ReplyBuffer.line() adds CRLF, and writes UTF-8", () => {
  const buffer = new ReplyBuffer();
  buffer.line("+OK Grüße ✉ 🙂");
  buffer.line("");
  buffer.line(".");
  assert.equal(textIn(buffer), "+OK Grüße ✉ 🙂\r\n\r\n.\r\n");
  buffer.clear();
});

Deno.test("ReplyBuffer.clear() gives memory back and starts anew", () => {
  const buffer = new ReplyBuffer();
  buffer.line("one");
  const memory = buffer.view().buffer;
  buffer.clear();
  assert.equal(buffer.length, 0);
  assert.equal(buffer.view().length, 0);
  const other = new ReplyBuffer();
  other.line("two");
  assert.equal(other.view().buffer, memory, "the next session takes the same memory");
  other.clear();
});

Deno.test("ReplyBuffer grows as far as needed and keeps what is in it", () => {
  const buffer = new ReplyBuffer();
  let expected = "";
  for (let i = 0; expected.length < 200_000; i++) {
    const line = `${i} ${"x".repeat(i % 300)}`;
    buffer.line(line);
    expected += line + "\r\n";
  }
  assert.equal(textIn(buffer), expected);
  buffer.clear();
});

Deno.test("ReplyBuffer.full comes early before login, late after it", () => {
  const before = new ReplyBuffer();
  while (!before.full) before.line("+OK");
  assert.ok(before.length < 4096, `${before.length}`);
  before.allowLarge();
  assert.equal(before.full, false);
  while (!before.full) before.line("+OK");
  assert.ok(before.length >= 65536 && before.length < 65536 + 8192, `${before.length}`);
  before.clear();
});

Deno.test("ReplyBuffer.part() lends 8 KiB behind the end", () => {
  const buffer = new ReplyBuffer();
  buffer.allowLarge();
  buffer.line("+OK");
  while (!buffer.full) {
    const part = buffer.part();
    assert.ok(part.length - buffer.length >= 8192);
    part.fill(0x78, buffer.length, buffer.length + 8192);
    buffer.advance(buffer.length + 8192);
  }
  assert.match(textIn(buffer) ?? "", /^\+OK\r\nx+$/);
  buffer.clear();
});

Deno.test("ReplyBuffer.truncate() takes back what was added last", () => {
  const buffer = new ReplyBuffer();
  buffer.line("one");
  const { length } = buffer;
  buffer.line("two");
  buffer.truncate(length);
  buffer.line("three");
  assert.equal(textIn(buffer), "one\r\nthree\r\n");
  buffer.clear();
});
