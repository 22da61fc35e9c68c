import assert from "node:assert/strict";
import fc from "fast-check";
import { type ReadContext, Refusal, type ValueType } from "../../lib/config/schema_kit.ts";
import {
  address,
  boolean,
  choice,
  duration,
  fileMark,
  host,
  integer,
  mechanisms,
  secureUrl,
  size,
  text,
} from "../../lib/config/value_types.ts";

const context: ReadContext = {
  folder: "/f",
  tokens: new Map(),
  hostname: "h",
  windows: false,
  workers: 1,
};

function check<T>(
  type: ValueType<T>,
  good: readonly [unknown, T][],
  bad: readonly unknown[],
): void {
  for (const [raw, value] of good) assert.deepEqual(type.parse(raw, context), value, String(raw));
  for (const raw of bad) assert.throws(() => type.parse(raw, context), Refusal, String(raw));
}

/** A value of the TOML that `show` made; JSON is the same for these. */
function shown<T>(type: ValueType<T>, value: T): unknown {
  return JSON.parse(type.show(value));
}

Deno.test("boolean takes the manual's words in any case", () => {
  check(boolean, [[true, true], [false, false], ["Y", true], ["yes", true], ["n", false], [
    "NO",
    false,
  ]], ["true", "", 1, 0, "J", null, []]);
});

Deno.test("duration() adds its units up", () => {
  check(
    duration({ zero: true }),
    [
      ["500ms", 500],
      ["90s", 90_000],
      ["2m", 120_000],
      ["1h30m", 5_400_000],
      [" 1h 30m ", 5_400_000],
      ["1d", 86_400_000],
      ["1d2h3m4s5ms", 93_784_005],
      ["0", 0],
      [0, 0],
      ["250", 250],
      [250, 250],
      ["24d", 24 * 86_400_000],
    ],
    ["", "m", "1.5m", "-1s", "2 minutes", "1x", "5M", "25d", 1.5, -1, NaN, Infinity, true],
  );
  check(duration({ zero: false }), [[1, 1]], [0, "0", "0s"]);
});

Deno.test("duration() reads back what it shows", () => {
  const type = duration({ zero: true });
  fc.assert(fc.property(fc.integer({ min: 0, max: 24 * 86_400_000 }), (value) => {
    assert.equal(type.parse(shown(type, value), context), value);
  }));
});

Deno.test("size() takes units and plain numbers", () => {
  check(size(1), [
    ["8K", 8192],
    ["10M", 10_485_760],
    ["1G", 1024 ** 3],
    ["1 kb", 1024],
    [512, 512],
    [
      "77",
      77,
    ],
  ], ["", "K", "1T", "-1", 0, 1.5, "1.5M", null]);
  check(size(512, 1024), [[512, 512]], [511, "2K"]);
});

Deno.test("size() reads back what it shows", () => {
  const type = size(0);
  fc.assert(fc.property(fc.oneof(fc.nat(), fc.nat().map((n) => n * 1024)), (value) => {
    assert.equal(type.parse(shown(type, value), context), value);
  }));
});

Deno.test("mechanisms() takes an array or one text, in any case and without repetitions", () => {
  const type = mechanisms(["USERPASS", "APOP", "SASL_PLAIN"], ["USERPASS", "APOP"]);
  check(
    type,
    [
      [["apop", "USERPASS"], ["APOP", "USERPASS"]],
      ["USERPASS | apop|USERPASS", ["USERPASS", "APOP"]],
      ["all", ["USERPASS", "APOP"]],
      [["ALL"], ["USERPASS", "APOP"]],
      ["-", []],
      [" - ", []],
      [[], []],
    ],
    ["", ["USERPASS", 1], "USERPASS |", "all | APOP", "- | APOP", 5, true, {}],
  );
  assert.equal(type.show([]), '"-"');
});

Deno.test("address takes hosts with and without ports", () => {
  check(address, [
    ["pop.example.org", { host: "pop.example.org" }],
    ["pop.example.org:110", { host: "pop.example.org", port: 110 }],
    ["192.0.2.1:995", { host: "192.0.2.1", port: 995 }],
    ["[::1]:110", { host: "::1", port: 110 }],
    ["[2001:db8::1]", { host: "2001:db8::1" }],
    ["2001:db8::1", { host: "2001:db8::1" }],
    ["münchen.example", { host: "münchen.example" }],
  ], [
    "",
    ":110",
    "h:",
    "h:0",
    "h:65536",
    "h:1:2",
    "[h]:1",
    "[::1",
    "a b",
    "999.1.1.1",
    "-h",
    "h/x",
    1,
  ]);
});

Deno.test("host takes names and addresses of either kind", () => {
  check(host, [["::", "::"], ["127.0.0.1", "127.0.0.1"], [
    "mail_1.example.org.",
    "mail_1.example.org.",
  ]], [
    "",
    "*",
    "[::1]",
    "1.2.3",
    "a..b",
    "h:1",
  ]);
});

Deno.test("text() refuses what would break a protocol line", () => {
  check(text({ max: 4 }), [["", ""], ["a b", "a b"]], [
    "a\nb",
    "a\r",
    "\0",
    "abcde",
    "ääa",
    1,
    null,
  ]);
});

Deno.test("fileMark takes a character or its code", () => {
  check(fileMark, [[":", ":"], ["/43", "+"], ["/58", ":"], ["!", "!"]], [
    "",
    "/",
    "::",
    "/47",
    "/65",
    "/46",
    "a",
    "0",
    " ",
    "/300",
    "ä",
  ]);
});

Deno.test("choice() and integer() keep to what is declared", () => {
  check(choice(["none", "starttls"]), [["STARTTLS", "starttls"]], ["tls", 1]);
  check(integer(0, 65535), [[0, 0], [65535, 65535]], [-1, 65536, 1.5, "1", NaN]);
});

Deno.test("secureUrl takes plain http to this host alone", () => {
  check(secureUrl, [["https://x/t", "https://x/t"], [
    "http://127.0.0.1:8/t",
    "http://127.0.0.1:8/t",
  ]], [
    "http://x/t",
    "https://user:secret@x/t",
    "ftp://x",
    "x",
    "",
  ]);
});
