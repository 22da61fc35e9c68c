import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeBase64, decodeInitialResponse, encodeBase64 } from "../../lib/auth/base64.ts";
import { decodeText, encodeText } from "../../lib/wire/text.ts";

Deno.test("encodeBase64() and decodeBase64() give RFC 4648 section 10's vectors", () => {
  const vectors = [
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ] as const;
  for (const [plain, base64] of vectors) {
    assert.equal(encodeBase64(encodeText(plain)), base64);
    assert.equal(decodeText(decodeBase64(base64)!), plain);
  }
});

Deno.test("decodeBase64() gives back any octets", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.deepEqual(decodeBase64(encodeBase64(bytes)), bytes);
  }));
});

Deno.test("decodeBase64() accepts one spelling only", () => {
  fc.assert(fc.property(fc.string({ maxLength: 12 }), (text) => {
    const bytes = decodeBase64(text);
    if (bytes) assert.equal(encodeBase64(bytes), text);
  }));
});

Deno.test("decodeBase64() rejects what a lenient decoder lets pass", () => {
  const bad = [
    "=",
    "==",
    "Zg",
    "Zg=",
    "Zg===",
    "Zm8",
    "Z===",
    "Zg==Zg==",
    "Z=g=",
    " Zg==",
    "Zg== ",
    "Zm9v\n",
    "Zm\r\n9v",
    "Zm9_",
    "Zm9-",
    "Zh==", // bits behind the last octet
    "Zm9=",
    "Zm9v*",
    "Zm9\u0142",
  ];
  for (const text of bad) assert.equal(decodeBase64(text), undefined, JSON.stringify(text));
});

Deno.test("decodeInitialResponse() takes a sole equals sign for an empty response", () => {
  assert.deepEqual(decodeInitialResponse("="), new Uint8Array(0));
  assert.deepEqual(decodeInitialResponse("Zg=="), encodeText("f"));
  assert.equal(decodeInitialResponse("=="), undefined);
});
