import assert from "node:assert/strict";
import fc from "fast-check";
import {
  argumentsOf,
  codeOf,
  isBlank,
  keywordCode,
  parseNumbers,
  textOf,
} from "../../lib/server/command_line.ts";
import { encodeText } from "../../lib/wire/text.ts";
import { bytesOf } from "../support/mailbox.ts";

Deno.test("keywordCode() finds a keyword in any case", () => {
  for (const line of ["TOP 1 0", "top 1 0", "ToP", "tOp  "]) {
    assert.equal(keywordCode(encodeText(line)), codeOf("TOP"), line);
  }
  assert.equal(keywordCode(encodeText("retr 1")), codeOf("RETR"));
});

Deno.test("keywordCode() knows no word but of three or four letters", () => {
  for (const line of ["", " ", " TOP", "TO 1", "RETRX 1", "T0P", "[\\]^ 1", "\0\0\0\0", "TOP\t1"]) {
    assert.equal(keywordCode(bytesOf(line)), 0, JSON.stringify(line));
  }
});

Deno.test("keywordCode() confuses no letter with another character", () => {
  for (let byte = 0; byte < 256; byte++) {
    const letter = /[A-Za-z]/.test(String.fromCharCode(byte));
    const code = keywordCode(Uint8Array.of(0x54, byte, 0x50));
    assert.equal(code !== 0, letter, `byte ${byte}`);
  }
});

Deno.test("argumentsOf() keeps all behind the first space as it is", () => {
  const cases: [string, string][] = [
    ["PASS secret", "secret"],
    ["PASS  two  words ", " two  words "],
    ["PASS ", ""],
    ["PASS", ""],
  ];
  for (const [line, expected] of cases) {
    assert.equal(textOf(argumentsOf(encodeText(line))), expected, line);
  }
});

Deno.test("isBlank() is true of spaces only", () => {
  assert.equal(isBlank(encodeText("")), true);
  assert.equal(isBlank(encodeText("   ")), true);
  assert.equal(isBlank(encodeText(" \t")), false);
  assert.equal(isBlank(encodeText("x")), false);
});

Deno.test("textOf() reads UTF-8, else an octet a character", () => {
  assert.equal(textOf(encodeText("Grüße")), "Grüße");
  assert.equal(textOf(Uint8Array.of(0x47, 0x72, 0xfc)), "Grü");
});

Deno.test("parseNumbers() takes digits and nothing else", () => {
  const cases: [string, number, ReturnType<typeof parseNumbers>][] = [
    ["1", 1, [1]],
    ["0", 1, [0]],
    ["007", 1, [7]],
    [" 1  2 ", 2, [1, 2]],
    ["4294967295", 1, [4294967295]],
    ["4294967296", 1, "too large"],
    ["18446744073709551617", 1, "too large"],
    ["", 1, "missing"],
    ["   ", 1, "missing"],
    ["1", 2, "missing"],
    ["1 ", 2, "missing"],
    ["-1", 1, "not a number"],
    ["+1", 1, "not a number"],
    ["x", 1, "not a number"],
    ["\t1", 1, "not a number"],
    ["1.5", 1, "noise"],
    ["1e3", 1, "noise"],
    ["1,", 1, "noise"],
    ["1 2", 1, "noise"],
    ["1\t", 1, "noise"],
    ["1 x", 2, "not a number"],
    ["1x 2", 2, "noise"],
  ];
  for (const [text, count, expected] of cases) {
    assert.deepEqual(parseNumbers(encodeText(text), count), expected, JSON.stringify(text));
  }
});

Deno.test("parseNumbers() reads every number back that can be written", () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (first, second) => {
      assert.deepEqual(parseNumbers(encodeText(`${first} ${second}`), 2), [first, second]);
    }),
  );
});

Deno.test("parseNumbers() never fails", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      (bytes, count) => {
        const result = parseNumbers(bytes, count);
        if (typeof result !== "string") assert.equal(result.length, count);
      },
    ),
  );
});
