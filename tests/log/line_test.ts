import assert from "node:assert/strict";
import fc from "fast-check";
import { harmless, timeStamp } from "../../lib/log/line.ts";

Deno.test("harmless() shows control characters and direction marks, and nothing else", () => {
  assert.equal(harmless("a\r\nb\tc\0\x1b[2J\x7f\x9b"), "a\\x0d\\x0ab\\x09c\\x00\\x1b[2J\\x7f\\x9b");
  assert.equal(harmless("a\u2028\u2029\u202eb\u2066"), "a\\u2028\\u2029\\u202eb\\u2066");
  assert.equal(harmless("Grüße, 世界 \\ \"'%"), "Grüße, 世界 \\ \"'%");
});

Deno.test("harmless() never lets a line end through", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.doesNotMatch(harmless(text), /[\p{Cc}\p{Zl}\p{Zp}]/u);
  }));
});

Deno.test("timeStamp() is local time with milliseconds", () => {
  const time = (milliseconds: number) =>
    timeStamp(new Date(2026, 10, 21, 14, 3, 22, milliseconds).getTime());
  assert.equal(time(123), "2026-11-21 14:03:22.123");
  assert.equal(time(7), "2026-11-21 14:03:22.007");
  assert.equal(timeStamp(new Date(2026, 0, 2, 3, 4, 5).getTime()), "2026-01-02 03:04:05.000");
});
