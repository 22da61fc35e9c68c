import assert from "node:assert/strict";
import { arrivalTime, MaildirNames, uidlOf } from "../../lib/maildir/names.ts";

const names = new MaildirNames({ colon: ":", comma: "," });

Deno.test("MaildirNames splits base and flags", () => {
  assert.equal(names.base("1.M2P3.host:2,FS"), "1.M2P3.host");
  assert.equal(names.flags("1.M2P3.host:2,FS"), "FS");
  assert.equal(names.base("1.M2P3.host"), "1.M2P3.host");
  assert.equal(names.flags("1.M2P3.host"), "");
  assert.equal(names.base("1.M2P3.host:2,"), "1.M2P3.host");
  assert.equal(names.base("1.host:1,info"), "1.host");
  assert.equal(names.flags("1.host:1,info"), "");
  assert.equal(names.base("odd:name"), "odd:name");
});

Deno.test("MaildirNames adds a flag in order, once", () => {
  assert.equal(names.withFlag("1.a", "S"), "1.a:2,S");
  assert.equal(names.withFlag("1.a:2,FT", "S"), "1.a:2,FST");
  assert.equal(names.withFlag("1.a:2,S", "S"), "1.a:2,S");
});

Deno.test("MaildirNames uses the store's marks", () => {
  const other = new MaildirNames({ colon: "+", comma: ";" });
  assert.equal(other.base("1.M2+P3.host+2;S"), "1.M2+P3.host");
  assert.equal(other.withFlag("1.M2P3.host", "S"), "1.M2P3.host+2;S");
  assert.deepEqual(other.sizeHints("1.host;S=10;W=11+2;S"), { disk: 10, wire: 11 });
});

Deno.test("MaildirNames.sizeHints() wants both sizes", () => {
  assert.deepEqual(names.sizeHints("1.host,S=4016,W=4077:2,S"), { disk: 4016, wire: 4077 });
  assert.equal(names.sizeHints("1.host,S=4016:2,S"), undefined);
  assert.equal(names.sizeHints("1.host"), undefined);
});

Deno.test("arrivalTime() reads the names of common delivery programs", () => {
  assert.equal(arrivalTime("1700000000.M123456P17Q1.host"), 1700000000123456);
  assert.equal(arrivalTime("1700000000.V801I1234M000007.host,S=3"), 1700000000000007);
  assert.equal(arrivalTime("1700000000.12345_3.host"), 1700000000000000);
  assert.equal(arrivalTime("msg1"), undefined);
});

Deno.test("uidlOf() gives 1 to 70 printable characters whatever the name", () => {
  assert.equal(uidlOf("1700000000.M1P2.host"), "1700000000.M1P2.host");
  for (const base of ["x".repeat(71), "with space", "ümlaut", "tab\t", "x".repeat(250)]) {
    assert.match(uidlOf(base), /^[\x21-\x7e]{1,70}$/);
    assert.equal(uidlOf(base), uidlOf(base));
  }
  assert.notEqual(uidlOf("a", "1"), uidlOf("a", "2"));
});
