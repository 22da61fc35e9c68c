/**
 * Logins that prove knowledge of a password without sending it: APOP
 * (RFC 1939 section 7) and CRAM-MD5 (RFC 2195), the same for both ends.
 * Digests are the 32 lower-case hexadecimal digits that go over the wire, as octets.
 *
 * @module
 */
import { createHash, createHmac } from "node:crypto";
import { encodeText } from "../wire/text.ts";

const DIGEST = /^[0-9a-fA-F]{32}$/;
const HOST = /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/;
/** What may stand in an APOP stamp: an RFC 822 msg-id without white space and controls. */
const STAMP = /<[!-;=?A-~]+@[!-;=?A-~]+>/;

/**
 * A fresh stamp for a server's greeting, in the form of a message id: no two
 * are the same, and the next cannot be foreseen, or else recorded digests
 * could be played back.
 *
 * @param host the server's name; one that cannot stand in a message id is replaced
 */
export function apopStamp(host: string): string {
  return challenge(host);
}

/** The stamp in a server's greeting, or undefined if there is none, and so no APOP. */
export function findApopStamp(greeting: string): string | undefined {
  return STAMP.exec(greeting)?.[0];
}

/** The digest of APOP: MD5 over the stamp, angle brackets included, and the password. */
export function apopDigest(stamp: string, password: string): Uint8Array {
  const hash = createHash("md5").update(encodeText(stamp)).update(encodeText(password));
  return encodeText(hash.digest("hex"));
}

/** A fresh challenge for CRAM-MD5, with the promises of {@linkcode apopStamp}. */
export function cramMd5Challenge(host: string): string {
  return challenge(host);
}

/** The digest of CRAM-MD5: HMAC-MD5 over the challenge, keyed with the password. */
export function cramMd5Digest(challenge: string | Uint8Array, password: string): Uint8Array {
  const octets = typeof challenge === "string" ? encodeText(challenge) : challenge;
  return encodeText(createHmac("md5", encodeText(password)).update(octets).digest("hex"));
}

/**
 * A digest as a client sent it, in lower case: some clients write capital digits.
 *
 * @returns undefined if it is not 32 hexadecimal digits
 */
export function parseDigest(text: string): Uint8Array | undefined {
  return DIGEST.test(text) ? encodeText(text.toLowerCase()) : undefined;
}

function challenge(host: string): string {
  const random = crypto.getRandomValues(new Uint8Array(12)).toHex();
  const name = host.length <= 255 && HOST.test(host) ? host : "localhost";
  return `<${random}.${Date.now()}@${name}>`;
}
