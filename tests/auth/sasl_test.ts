import assert from "node:assert/strict";
import fc from "fast-check";
import {
  authorizesItself,
  cramMd5Message,
  externalMessage,
  OAUTHBEARER_ACKNOWLEDGEMENT,
  oauthBearerMessage,
  parseCramMd5,
  parseExternal,
  parsePlain,
  plainMessage,
  XOAUTH2_ACKNOWLEDGEMENT,
  xoauth2Message,
} from "../../lib/auth/sasl.ts";
import { encodeBase64 } from "../../lib/auth/base64.ts";
import { decodeText, encodeText } from "../../lib/wire/text.ts";

Deno.test("parsePlain() reads RFC 4616 section 4's examples", () => {
  assert.deepEqual(parsePlain(encodeText("\0tim\0tanstaaftanstaaf")), {
    authzid: "",
    user: "tim",
    password: "tanstaaftanstaaf",
  });
  assert.deepEqual(parsePlain(encodeText("Ursel\0Kurt\0xipj3plmq")), {
    authzid: "Ursel",
    user: "Kurt",
    password: "xipj3plmq",
  });
});

Deno.test("parsePlain() rejects malformed messages", () => {
  for (const text of ["", "\0", "tim", "tim\0pw", "\0\0pw", "\0tim\0pw\0", "\0tim\0p\0w"]) {
    assert.equal(parsePlain(encodeText(text)), undefined, JSON.stringify(text));
  }
  assert.equal(parsePlain(Uint8Array.of(0, 0xff, 0, 0x41)), undefined);
});

Deno.test("parsePlain() leaves an empty password to the login check", () => {
  assert.equal(parsePlain(encodeText("\0tim\0"))?.password, "");
});

Deno.test("parsePlain() reads what plainMessage() writes", () => {
  const name = fc.string({ unit: "binary", minLength: 1 }).filter((s) =>
    !s.includes("\0") && s.isWellFormed()
  );
  fc.assert(fc.property(name, name, (user, password) => {
    assert.deepEqual(parsePlain(plainMessage(user, password)), { authzid: "", user, password });
  }));
});

Deno.test("parseCramMd5() reads RFC 2195's example and what cramMd5Message() writes", () => {
  const challenge = "<1896.697170952@postoffice.reston.mci.net>";
  const message = cramMd5Message(challenge, "tim", "tanstaaftanstaaf");
  assert.equal(
    encodeBase64(message),
    "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw",
  );
  const parsed = parseCramMd5(message)!;
  assert.equal(parsed.user, "tim");
  assert.equal(decodeText(parsed.digest), "b913a602c7eda7a495b4e6e7334d3890");
  assert.equal(parseCramMd5(cramMd5Message(challenge, "t i m", "x"))?.user, "t i m");
});

Deno.test("parseCramMd5() rejects malformed responses", () => {
  const digest = "b913a602c7eda7a495b4e6e7334d3890";
  for (const text of ["", " ", digest, ` ${digest}`, "tim", "tim ", `tim ${digest} `, "tim 00"]) {
    assert.equal(parseCramMd5(encodeText(text)), undefined, JSON.stringify(text));
  }
  assert.equal(parseCramMd5(Uint8Array.of(0xc3, 0x28, 0x20)), undefined);
});

Deno.test("parseExternal() reads an identity or none", () => {
  assert.equal(parseExternal(externalMessage()), "");
  assert.equal(parseExternal(externalMessage("tim")), "tim");
  assert.equal(parseExternal(encodeText("a\0b")), undefined);
  assert.equal(parseExternal(Uint8Array.of(0xff)), undefined);
});

Deno.test("authorizesItself() allows no other identity", () => {
  assert.ok(authorizesItself("", "tim"));
  assert.ok(authorizesItself("tim", "tim"));
  assert.ok(!authorizesItself("Tim", "tim"));
  assert.ok(!authorizesItself("admin", "tim"));
});

Deno.test("xoauth2Message() gives Google's documented example", () => {
  const message = xoauth2Message(
    "someuser@example.com",
    "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
  );
  assert.equal(
    encodeBase64(message),
    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52" +
      "YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==",
  );
  assert.equal(encodeBase64(XOAUTH2_ACKNOWLEDGEMENT), "");
});

Deno.test("oauthBearerMessage() gives RFC 7628 section 4.1's example", () => {
  const message = oauthBearerMessage({
    user: "user@example.com",
    host: "server.example.com",
    port: 143,
    token: "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
  });
  assert.equal(
    encodeBase64(message),
    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1" +
      "dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB",
  );
  assert.equal(encodeBase64(OAUTHBEARER_ACKNOWLEDGEMENT), "AQ==");
});

Deno.test("oauthBearerMessage() escapes a name and may do without", () => {
  const options = { host: "h", port: 995, token: "t" };
  assert.ok(
    decodeText(oauthBearerMessage({ ...options, user: "a,b=c" }))!.startsWith("n,a=a=2Cb=3Dc,\x01"),
  );
  assert.ok(decodeText(oauthBearerMessage(options))!.startsWith("n,,\x01"));
});
