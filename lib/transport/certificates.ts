/**
 * Certificates and keys in PEM, checked before anything starts, so that what is wrong with them
 * is said in a sentence and not found by the first client.
 *
 * @module
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { reasonOf } from "../errors.ts";

/** A certificate with its key, as texts read from files. */
export interface KeyPairInput {
  /** PEM: the certificate, and behind it the intermediate ones. */
  readonly cert: string;
  /** PEM: the private key (PKCS #8, PKCS #1 or SEC 1), encrypted or not. */
  readonly key: string;
  /** The passphrase of an encrypted key. */
  readonly certpass?: string | undefined;
}

/** A certificate and a key that can be used together. */
export interface KeyPair {
  /** PEM: the certificate and its chain, in order. */
  readonly cert: string;
  /** PEM: the private key in PKCS #8, not encrypted. */
  readonly key: string;
  /** When the certificate ends. */
  readonly expires: Date;
}

/** What {@linkcode loadKeyPair} found. */
export interface KeyPairResult {
  /** Present if there are no problems. */
  readonly pair?: KeyPair;
  /** Why the pair cannot be used: parts of sentences that begin in lower case. */
  readonly problems: readonly string[];
  /** What works, but probably not as intended (an expired certificate). */
  readonly warnings: readonly string[];
}

/** What {@linkcode loadAuthorities} found. */
export interface AuthoritiesResult {
  /** PEM of the certificates alone; present if there are no problems. */
  readonly ca?: string;
  /** Why the bundle cannot be used. */
  readonly problems: readonly string[];
  /** What works, but probably not as intended. */
  readonly warnings: readonly string[];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;
const ANY_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;

/**
 * Parses a certificate and its key and checks that they belong together.
 *
 * @param now the time that expiry is judged by
 */
export function loadKeyPair(input: KeyPairInput, now: Date = new Date()): KeyPairResult {
  const problems: string[] = [];
  const warnings: string[] = [];
  const chain = parseChain(input.cert, "certificate", problems);
  const key = parseKey(input.key, input.certpass, problems);
  const leaf = chain[0];
  if (leaf !== undefined && key !== undefined && !leaf.checkPrivateKey(key)) {
    problems.push(keyMismatch(chain, key));
  }
  if (problems.length > 0 || leaf === undefined || key === undefined) return { problems, warnings };
  checkDates(leaf, now, warnings);
  checkOrder(chain, warnings);
  const pair: KeyPair = {
    cert: chain.map((certificate) => certificate.toString().trim()).join("\n") + "\n",
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
    expires: new Date(leaf.validTo),
  };
  return { pair, problems, warnings };
}

/**
 * Parses a bundle of authorities' certificates (the setting `tspath`).
 *
 * @param now the time that expiry is judged by
 */
export function loadAuthorities(pem: string, now: Date = new Date()): AuthoritiesResult {
  const problems: string[] = [];
  const warnings: string[] = [];
  const authorities = parseChain(pem, "authority's certificate", problems);
  for (const authority of authorities) {
    checkDates(authority, now, warnings);
    if (!authority.ca) warnings.push(`${describe(authority)} is not an authority's certificate`);
  }
  if (problems.length > 0) return { problems, warnings };
  const ca = authorities.map((authority) => authority.toString().trim()).join("\n") + "\n";
  return { ca, problems, warnings };
}

function parseChain(pem: string, what: string, problems: string[]): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    problems.push(
      ANY_KEY.test(pem)
        ? `the file holds a private key, but no ${what}`
        : `the file holds no ${what} in PEM form ("-----BEGIN CERTIFICATE-----")`,
    );
  }
  const chain: X509Certificate[] = [];
  blocks.forEach((block, at) => {
    try {
      chain.push(new X509Certificate(block));
    } catch (error) {
      problems.push(`${what} ${at + 1} in the file cannot be parsed: ${reasonOf(error)}`);
    }
  });
  return chain.length === blocks.length ? chain : [];
}

function parseKey(
  pem: string,
  certpass: string | undefined,
  problems: string[],
): KeyObject | undefined {
  if (!ANY_KEY.test(pem)) {
    problems.push('the file holds no private key in PEM form ("-----BEGIN PRIVATE KEY-----")');
    return undefined;
  }
  const encrypted = ENCRYPTED.test(pem);
  if (encrypted && (certpass === undefined || certpass === "")) {
    problems.push("the private key is encrypted: set certpass to its passphrase");
    return undefined;
  }
  try {
    return createPrivateKey({
      key: pem,
      format: "pem",
      ...(encrypted ? { passphrase: certpass } : {}),
    });
  } catch (error) {
    problems.push(
      encrypted
        ? "the private key cannot be decrypted: certpass is not its passphrase"
        : `the private key cannot be parsed: ${reasonOf(error)}`,
    );
    return undefined;
  }
}

/** The key may belong to another certificate of the file: then the order is the mistake. */
function keyMismatch(chain: readonly X509Certificate[], key: KeyObject): string {
  const at = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (at > 0) {
    return `the key belongs to certificate ${at + 1} in the file; ` +
      "the server's own certificate must come first, those of its issuers behind it";
  }
  return `the private key does not belong to ${describe(chain[0]!)}`;
}

function checkDates(certificate: X509Certificate, now: Date, warnings: string[]): void {
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  if (to < now) warnings.push(`${describe(certificate)} expired on ${day(to)}`);
  else if (from > now) warnings.push(`${describe(certificate)} is valid from ${day(from)} on only`);
}

function checkOrder(chain: readonly X509Certificate[], warnings: string[]): void {
  for (let at = 1; at < chain.length; at++) {
    if (!chain[at - 1]!.checkIssued(chain[at]!)) {
      warnings.push(
        `${describe(chain[at]!)} did not issue the certificate before it in the file: ` +
          "clients may be unable to verify the chain",
      );
    }
  }
}

function describe(certificate: X509Certificate): string {
  return `the certificate "${certificate.subject.replaceAll("\n", ", ")}"`;
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
