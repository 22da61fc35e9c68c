import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { makeCertificates } from "../../lib/demo/certificates.ts";

const HOUR = 3_600_000;

Deno.test("makeCertificates() makes a chain that is valid now and for no more than a day", async () => {
  const { authority, server, client } = await makeCertificates("alice");
  const issuer = new X509Certificate(authority);
  assert.equal(issuer.ca, true);
  assert.equal(issuer.verify(issuer.publicKey), true);
  for (const { cert, key } of [server, client]) {
    const certificate = new X509Certificate(cert);
    assert.equal(certificate.checkIssued(issuer), true);
    assert.equal(certificate.verify(issuer.publicKey), true);
    assert.equal(certificate.ca, false);
    assert.equal(certificate.checkPrivateKey(createPrivateKey(key)), true);
  }
  for (const cert of [authority, server.cert, client.cert]) {
    const { validFrom, validTo } = new X509Certificate(cert);
    const now = Date.now();
    assert.ok(Date.parse(validFrom) < now, validFrom);
    assert.ok(Date.parse(validTo) > now + 23 * HOUR, validTo);
    assert.ok(Date.parse(validTo) < now + 25 * HOUR, validTo);
  }
});

Deno.test("makeCertificates() names the server by host and address, the client by user", async () => {
  const { server, client } = await makeCertificates("alice");
  const certificate = new X509Certificate(server.cert);
  assert.equal(certificate.checkHost("localhost"), "localhost");
  assert.equal(certificate.checkIP("127.0.0.1"), "127.0.0.1");
  assert.equal(new X509Certificate(client.cert).subject, "CN=alice");
});
