import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { commonNameOf } from "../../lib/transport/common_name.ts";
import { fixture } from "./support.ts";

function der(name: string): Uint8Array {
  return new X509Certificate(fixture(`${name}.pem`)).raw;
}

Deno.test("commonNameOf() reads ASCII and UTF-8 names", () => {
  assert.equal(commonNameOf(der("alice")), "alice");
  assert.equal(commonNameOf(der("utf8_name")), "алиса");
  assert.equal(commonNameOf(der("rsa")), "localhost");
});

Deno.test("commonNameOf() finds none where there are several, none, or a NUL", () => {
  for (const name of ["two_names", "no_name", "nul_name"]) {
    assert.equal(commonNameOf(der(name)), undefined, name);
  }
});

Deno.test("commonNameOf() survives every truncation and any change of a byte", () => {
  const whole = der("alice");
  for (let length = 0; length < whole.length; length++) {
    assert.equal(commonNameOf(whole.subarray(0, length)), undefined);
  }
  fc.assert(fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
    const changed = whole.slice();
    changed[at] = value;
    const name = commonNameOf(changed);
    assert.ok(name === undefined || !/\p{Cc}/u.test(name));
  }));
  fc.assert(fc.property(fc.uint8Array(), (bytes) => commonNameOf(bytes) === undefined));
});
