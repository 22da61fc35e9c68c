import assert from "node:assert/strict";
import {
  apopDigest,
  apopStamp,
  cramMd5Challenge,
  cramMd5Digest,
  findApopStamp,
  parseDigest,
} from "../../lib/auth/digests.ts";
import { decodeText, encodeText } from "../../lib/wire/text.ts";

Deno.test("apopDigest() gives RFC 1939 section 7's example", () => {
  const digest = apopDigest("<1896.697170952@dbc.mtview.ca.us>", "tanstaaf");
  assert.equal(decodeText(digest), "c4c9334bac560ecc979e58001b3e22fb");
});

Deno.test("cramMd5Digest() gives RFC 2195 section 2's example", () => {
  const challenge = "<1896.697170952@postoffice.reston.mci.net>";
  const expected = "b913a602c7eda7a495b4e6e7334d3890";
  assert.equal(decodeText(cramMd5Digest(challenge, "tanstaaftanstaaf")), expected);
  assert.equal(decodeText(cramMd5Digest(encodeText(challenge), "tanstaaftanstaaf")), expected);
});

Deno.test("cramMd5Digest() takes an empty password and one longer than a block", () => {
  assert.equal(decodeText(cramMd5Digest("", "")), "74e6f7298a9c2d168935f58c001bad88");
  assert.equal(
    decodeText(cramMd5Digest("text", "a".repeat(80))),
    "3202f398c90c5b5c430263ca1b532ebd",
  );
  // RFC 2202 section 2, test case 2.
  assert.equal(
    decodeText(cramMd5Digest("what do ya want for nothing?", "Jefe")),
    "750c783e6ab0b503eaa86e310a5db738",
  );
});

Deno.test("digests are made of a password's UTF-8 octets", () => {
  assert.equal(
    decodeText(apopDigest("<1@h>", "p\u00e4ss")),
    "2d9ff55e00a5272dfdd765e53973c8c3",
  );
});

Deno.test("apopStamp() and cramMd5Challenge() give message ids that do not repeat", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    for (const stamp of [apopStamp("mail.example.org"), cramMd5Challenge("mail.example.org")]) {
      assert.match(stamp, /^<[0-9a-f]{24}\.\d+@mail\.example\.org>$/);
      assert.equal(findApopStamp(`+OK Ready ${stamp}`), stamp);
      assert.ok(!seen.has(stamp));
      seen.add(stamp);
    }
  }
});

Deno.test("apopStamp() replaces a host name that cannot stand in a message id", () => {
  for (const host of ["", "a b", "a>b", "a\r\nb", "b\u00fccher.example", "x".repeat(256), "a..b"]) {
    assert.match(apopStamp(host), /@localhost>$/, host);
  }
});

Deno.test("findApopStamp() finds a stamp anywhere in the greeting, and only a stamp", () => {
  assert.equal(
    findApopStamp("+OK <1896.697@dbc.mtview.ca.us> hello"),
    "<1896.697@dbc.mtview.ca.us>",
  );
  assert.equal(findApopStamp("+OK <3 mail <1@[127.0.0.1]>"), "<1@[127.0.0.1]>");
  for (
    const greeting of ["+OK", "+OK <>", "+OK <no stamp@here>", "+OK <1@2", "+OK 1@2>", "+OK <1>"]
  ) {
    assert.equal(findApopStamp(greeting), undefined, greeting);
  }
});

Deno.test("findApopStamp() takes no time over a hostile greeting", () => {
  assert.equal(findApopStamp("+OK " + "<@".repeat(100_000)), undefined);
  assert.equal(findApopStamp("+OK <" + "@".repeat(200_000)), undefined);
});

Deno.test("parseDigest() takes 32 hexadecimal digits in either case", () => {
  const digest = parseDigest("C4C9334BAC560ECC979E58001B3E22FB")!;
  assert.equal(decodeText(digest), "c4c9334bac560ecc979e58001b3e22fb");
  for (const text of ["", "c4c9", "g".repeat(32), "0".repeat(33), " " + "0".repeat(31)]) {
    assert.equal(parseDigest(text), undefined, text);
  }
});
