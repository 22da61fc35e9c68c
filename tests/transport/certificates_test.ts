import assert from "node:assert/strict";
import { loadAuthorities, loadKeyPair } from "../../lib/transport/certificates.ts";
import { fixture } from "./support.ts";

function problemsOf(cert: string, key: string, certpass?: string): string {
  const result = loadKeyPair({ cert: fixture(cert), key: fixture(key), certpass });
  assert.equal(result.pair, undefined);
  return result.problems.join("\n");
}

Deno.test("loadKeyPair() accepts EC, RSA and chained certificates without a warning", () => {
  for (const name of ["server", "rsa", "chain"]) {
    const result = loadKeyPair({ cert: fixture(`${name}.pem`), key: fixture(`${name}.key`) });
    assert.deepEqual([result.problems, result.warnings], [[], []], name);
    assert.equal(result.pair!.expires.getUTCFullYear(), 2124);
  }
});

Deno.test("loadKeyPair() keeps the chain and leaves out what else is in the file", () => {
  const cert = `# my server\n${fixture("server.key")}${
    fixture("chain.pem").replaceAll("\n", "\r\n")
  }`;
  const { pair } = loadKeyPair({ cert, key: fixture("chain.key") });
  assert.equal(pair!.cert.match(/BEGIN CERTIFICATE/g)!.length, 2);
  assert.ok(!pair!.cert.includes("PRIVATE"));
});

Deno.test("loadKeyPair() decrypts a key with its passphrase", () => {
  const cert = fixture("server.pem");
  const { pair } = loadKeyPair({ cert, key: fixture("encrypted.key"), certpass: "secret" });
  assert.match(pair!.key, /^-----BEGIN PRIVATE KEY-----/);
  assert.match(problemsOf("server.pem", "encrypted.key"), /encrypted: set certpass/);
  assert.match(problemsOf("server.pem", "encrypted.key", ""), /encrypted: set certpass/);
  assert.match(
    problemsOf("server.pem", "encrypted.key", "wrong"),
    /certpass is not its passphrase/,
  );
});

Deno.test("loadKeyPair() ignores a passphrase that no key needs", () => {
  const input = { cert: fixture("server.pem"), key: fixture("server.key"), certpass: "unneeded" };
  assert.deepEqual(loadKeyPair(input).problems, []);
});

Deno.test("loadKeyPair() tells a key of another certificate", () => {
  assert.match(
    problemsOf("server.pem", "other.key"),
    /the private key does not belong to the certificate "CN=localhost"/,
  );
  assert.match(
    problemsOf("chain_reversed.pem", "chain.key"),
    /belongs to certificate 2 .* come first/,
  );
});

Deno.test("loadKeyPair() tells swapped, empty and damaged files, all at once", () => {
  const swapped = problemsOf("server.key", "server.pem");
  assert.match(swapped, /holds a private key, but no certificate/);
  assert.match(swapped, /holds no private key/);
  const empty = loadKeyPair({ cert: "", key: "" }).problems;
  assert.equal(empty.length, 2);
  const damaged = (pem: string) => pem.replace(/(\n[^-\n]{10})[^-\n]{20}/, "$1");
  const { problems } = loadKeyPair({
    cert: damaged(fixture("server.pem")),
    key: damaged(fixture("server.key")),
  });
  assert.match(problems.join("\n"), /certificate 1 in the file cannot be parsed/);
  assert.match(problems.join("\n"), /private key cannot be parsed/);
});

Deno.test("loadKeyPair() warns of expiry and of a chain in disorder", () => {
  const expired = loadKeyPair({
    cert: fixture("expired_server.pem"),
    key: fixture("expired_server.key"),
  });
  assert.deepEqual(expired.warnings, ['the certificate "CN=localhost" expired on 2020-02-01']);
  assert.ok(expired.pair);
  const input = { cert: fixture("server.pem"), key: fixture("server.key") };
  const early = loadKeyPair(input, new Date("2001-01-01"));
  assert.match(early.warnings.join(), /is valid from 2024-01-01 on only/);
  const strange = loadKeyPair({
    cert: fixture("server.pem") + fixture("intermediate.pem"),
    key: fixture("server.key"),
  });
  assert.match(strange.warnings.join(), /"CN=Mailismus test intermediate" did not issue/);
});

Deno.test("loadAuthorities() takes a bundle and tells what is not an authority", () => {
  const bundle = loadAuthorities(`comment\n${fixture("ca.pem")}\n${fixture("rogue_ca.pem")}`);
  assert.equal(bundle.ca!.match(/BEGIN/g)!.length, 2);
  assert.deepEqual(bundle.warnings, []);
  assert.match(loadAuthorities(fixture("alice.pem")).warnings.join(), /is not an authority's/);
  assert.match(loadAuthorities("nothing").problems.join(), /holds no authority's certificate/);
});
