import assert from "node:assert/strict";
import fc from "fast-check";
import { bcrypt } from "hash-wasm";
import { createHash } from "node:crypto";
import { sameText, verifyFastHash } from "../../lib/auth/fast_hash.ts";
import {
  isSlow,
  parsePasswordHash,
  type PasswordHash,
  workClass,
} from "../../lib/auth/password_hash.ts";
import { shaCrypt } from "../../lib/auth/sha_crypt.ts";
import { hashPassword, verifySlowHash } from "../../lib/auth/slow_hash.ts";
import { DOVECOT, OPENSSL } from "./hash_vectors.ts";

function parsed(stored: string): PasswordHash {
  const hash = parsePasswordHash(stored);
  if ("fault" in hash) throw new Error(`${stored} ${hash.fault}`);
  return hash;
}

async function verify(stored: string, password: string): Promise<boolean> {
  const hash = parsed(stored);
  return isSlow(hash) ? await verifySlowHash(hash, password) : verifyFastHash(hash, password);
}

for (const [program, vectors] of Object.entries({ DOVECOT, OPENSSL })) {
  Deno.test(`parsePasswordHash() and the checks agree with ${program.toLowerCase()}`, async () => {
    for (const [stored, password] of vectors) {
      assert.equal(await verify(stored, password), true, stored);
      if (stored.includes("argon2")) continue;
      assert.equal(await verify(stored, password + "x"), false, stored);
      assert.equal(await verify(stored, password.slice(1)), false, stored);
    }
  });
}

Deno.test("parsePasswordHash() takes Mailismus's own form, 64 hexadecimal digits", async () => {
  const digest = createHash("sha256").update("p\u00e4ss").digest("hex");
  assert.equal(await verify(digest, "p\u00e4ss"), true);
  assert.equal(await verify(digest.toUpperCase(), "p\u00e4ss"), true);
  assert.equal(await verify(digest, "pass"), false);
});

Deno.test("parsePasswordHash() takes a scheme's name in any case", async () => {
  for (const [stored, password] of DOVECOT.filter(([stored]) => !stored.includes("ARGON2"))) {
    const lower = stored.replace(/^\{[^}]+\}/, (scheme) => scheme.toLowerCase());
    assert.equal(await verify(lower, password), true, lower);
  }
});

Deno.test("parsePasswordHash() takes {SHA256} in hexadecimal without being told", async () => {
  const digest = createHash("sha256").update("secret").digest("hex");
  assert.equal(await verify(`{SHA256}${digest}`, "secret"), true);
});

Deno.test("parsePasswordHash() takes {CRYPT} before the forms that crypt knows", async () => {
  for (const [stored, password] of OPENSSL) {
    assert.equal(await verify(`{CRYPT}${stored}`, password), true, stored);
  }
});

Deno.test("parsePasswordHash() takes the three names of one bcrypt", async () => {
  const [stored, password] = DOVECOT.find(([stored]) => stored.startsWith("{BLF-CRYPT}$2y$"))!;
  for (const name of ["$2a$", "$2b$", "$2y$"]) {
    const bare = stored.replace("{BLF-CRYPT}$2y$", name);
    assert.equal(await verify(bare, password), true, bare);
  }
});

Deno.test("parsePasswordHash() says what to use instead of a kind it does not know", () => {
  const cases = [
    ["$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7", "$y$ (yescrypt)"],
    ["$1$salt$hash", "$1$"],
    ["$argon2i$v=19$m=4096,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "$argon2i$"],
    ["$2x$05$CevL5/DaMPWGlPVat8sSiewa8ITpUJ5IuH.DZi7y3ERFmSnuunlSK", "$2x$"],
    ["{MD5-CRYPT}$1$a$b", "{MD5-CRYPT}"],
    ["{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "{SHA}"],
    ["{CRYPT}abJnggxhB/yWI", "{CRYPT}"],
    ["{SSHA.ROT13}x", "{SSHA.ROT13}"],
    ["{PLAIN.ROT13}x", "{PLAIN.ROT13}"],
    ["$", "$"],
  ] as const;
  for (const [stored, kind] of cases) {
    const hash = parsePasswordHash(stored);
    assert.ok("fault" in hash, stored);
    assert.ok(hash.fault.includes(`not supported, ${kind}`), hash.fault);
    assert.ok(hash.fault.includes("user add --replace"), hash.fault);
  }
});

Deno.test("parsePasswordHash() hints at plainpass for a text that is no hash, and does not repeat it", () => {
  for (const stored of ["secret", "tiger 42", "a".repeat(63), "g".repeat(64), "{nope"]) {
    const hash = parsePasswordHash(stored);
    assert.ok("fault" in hash && hash.fault.includes("directory.plainpass = true"), stored);
    assert.ok(!hash.fault.includes(stored));
  }
});

Deno.test("parsePasswordHash() rejects damaged hashes", () => {
  const damaged = [
    "{ARGON2ID}",
    "$argon2id$v=19$m=65536,t=3$x$y",
    "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", // less than 8 KiB a lane
    "$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaGhhc2g", // a salt too short for any library
    "{BLF-CRYPT}$6$abcdefgh$x",
    "$2y$03$CevL5/DaMPWGlPVat8sSiewa8ITpUJ5IuH.DZi7y3ERFmSnuunlSK",
    "$2y$05$CevL5/DaMPWGlPVat8sSiewa8ITpUJ5IuH.DZi7y3ERFmSnuunlS",
    "{SHA512-CRYPT}$5$gX4l5DHYKWmBKsRi$zC60dWGSIp.wWZLMOwhFzvq9pTY4WbHjN079/XGEiE3",
    "$6$salt$tooshort",
    "$5$saltsaltsaltsaltsalt$zC60dWGSIp.wWZLMOwhFzvq9pTY4WbHjN079/XGEiE3",
    "{SSHA}",
    "{SSHA}not base64",
    "{SSHA}c2hvcnQ=",
    "{SHA256}" + "A".repeat(48),
    "{PLAIN.B64}not base64",
    "{PLAIN.HEX}ff", // not UTF-8
    "{SHA256.HEX}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
    "{SCRAM-SHA-256}4096,c2FsdA==,c2hvcnQ=,c2hvcnQ=",
    "{SCRAM-SHA-256}0,c2FsdA==,K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=,eA==",
  ];
  for (const stored of damaged) {
    const hash = parsePasswordHash(stored);
    assert.ok("fault" in hash && hash.fault.includes("damaged"), stored);
  }
  assert.ok("fault" in parsePasswordHash("{PLAIN}"));
});

Deno.test("parsePasswordHash() rejects hashes that would keep a core busy for long", () => {
  const dear = [
    "$argon2id$v=19$m=2000000,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    "$argon2id$v=19$m=64,t=4096,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    "$2y$31$CevL5/DaMPWGlPVat8sSiewa8ITpUJ5IuH.DZi7y3ERFmSnuunlSK",
    "$5$rounds=999999999$salt$zC60dWGSIp.wWZLMOwhFzvq9pTY4WbHjN079/XGEiE3",
    "{SCRAM-SHA-256}999999999,c2FsdA==,K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=,eA==",
  ];
  for (const stored of dear) {
    const hash = parsePasswordHash(stored);
    assert.ok("fault" in hash && hash.fault.includes("costs too much"), stored);
  }
});

Deno.test("parsePasswordHash() never throws", () => {
  const pieces = fc.constantFrom(
    "{SSHA}",
    "{",
    "}",
    "$",
    "$6$",
    "$2y$05$",
    "rounds=",
    ",",
    "=",
    "{PLAIN}",
    "a",
  );
  fc.assert(fc.property(fc.array(fc.oneof(pieces, fc.string())), (parts) => {
    parsePasswordHash(parts.join(""));
  }));
});

Deno.test("workClass() tells hashes of other kinds and costs apart, and only those", () => {
  const classes = new Map<string, string>();
  for (const [stored] of DOVECOT) {
    const hash = parsed(stored);
    if (isSlow(hash)) classes.set(workClass(hash), stored);
  }
  assert.deepEqual([...classes.keys()].sort(), [
    "argon2id 65536 3 1",
    "bcrypt 4",
    "scram 4096",
    "sha256 crypt 5000",
    "sha512 crypt 1000",
  ]);
});

Deno.test("verifySlowHash() refuses a password that only agrees in bcrypt's 72 octets", async () => {
  const stored = await bcrypt({
    password: "b".repeat(72),
    salt: new Uint8Array(16),
    costFactor: 4,
  });
  assert.equal(await verify(stored, "b".repeat(72)), true);
  assert.equal(await verify(stored, "b".repeat(73)), false);
  assert.equal(await verify(stored, "b".repeat(1024)), false);
});

Deno.test("shaCrypt() uses 16 characters of the salt and takes any length of password", () => {
  const options = { algorithm: "sha256", rounds: 1000 } as const;
  assert.equal(
    shaCrypt("x", { ...options, salt: "0123456789abcdef" }),
    shaCrypt("x", { ...options, salt: "0123456789abcdefgh" }),
  );
  assert.equal(shaCrypt("", { ...options, salt: "" }).length, 43);
});

Deno.test("hashPassword() makes argon2id hashes that are right for one password and salted", async () => {
  const stored = await hashPassword("p\u00e4ss w:rd");
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.ok(!stored.includes(":"));
  assert.equal(await verify(stored, "p\u00e4ss w:rd"), true);
  assert.equal(await verify(stored, "p\u00e4ss w:r"), false);
  assert.notEqual(await hashPassword("p\u00e4ss w:rd"), stored);
});

Deno.test("sameText() compares texts of any lengths", () => {
  assert.ok(sameText("", ""));
  assert.ok(sameText("a\u00e4", "a\u00e4"));
  assert.ok(!sameText("a", ""));
  assert.ok(!sameText("a", "ab"));
});

Deno.test("parsePasswordHash() refuses an argon2id hash that is too dear by memory and passes together", () => {
  const hash = (cost: string) =>
    parsePasswordHash(`$argon2id$v=19$${cost}$c2FsdHNhbHQ$${"A".repeat(43)}`);
  assert.ok(!("fault" in hash("m=1048576,t=8,p=1")));
  assert.ok(!("fault" in hash("m=65536,t=100,p=1")));
  const refused = hash("m=1048576,t=9,p=1");
  assert.match("fault" in refused ? refused.fault : "", /costs too much to check/);
});
