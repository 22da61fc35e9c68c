/**
 * What went wrong in a client's TLS handshake, in words that say what to do.
 *
 * @module
 */

import { reasonOf } from "../errors.ts";

const RIGHT_SERVER = "if this is the right server";
const RENEW = "its operator has to renew it (or this machine's clock is wrong)";
const NOT_NOW = `the server's certificate is not valid at this time; ${RENEW}`;

/**
 * Explains an error of `Deno.startTls` or `node:tls`.
 *
 * @param serverName the name that the certificate was to have
 */
export function explainTls(error: unknown, serverName: string): string {
  const reason = reasonOf(error);
  return explainName(reason, serverName) ?? explainExpiry(reason) ?? explainIssuer(reason) ??
    explainPurpose(reason) ?? explainNoTls(reason) ?? reason;
}

function expiredOn(time: number): string {
  return `the server's certificate expired on ${
    new Date(time).toISOString().slice(0, 10)
  }; ${RENEW}`;
}

function explainName(reason: string, serverName: string): string | undefined {
  const mismatch =
    /not valid for name|ALTNAME|does not match certificate's altnames|not in the cert/;
  if (!mismatch.test(reason)) return undefined;
  const names = [
    ...reason.matchAll(/(?:DnsName|IpAddress)\(\\?"?([^")\\]+)|(?:DNS|IP Address):([^,\s]+)/g),
  ]
    .map((match) => match[1] ?? match[2]);
  const bears = names.length > 0 ? `is for ${names.join(", ")}, not for` : "is not for";
  return `the server's certificate ${bears} "${serverName}"; connect to a name that it has, ` +
    `or set ssl.peercert to one ${RIGHT_SERVER}`;
}

function explainExpiry(reason: string): string | undefined {
  const expired = /expired.*not valid after (\d+)/.exec(reason);
  if (expired !== null) return expiredOn(Number(expired[1]) * 1000);
  return /expired|not valid yet|NotValidYet/i.test(reason) ? NOT_NOW : undefined;
}

function explainIssuer(reason: string): string | undefined {
  const unknown =
    /UnknownIssuer|UNABLE_TO_|unable to (?:verify|get)|self.signed|CaUsedAsEndEntity|BadSignature/i;
  if (!unknown.test(reason)) return undefined;
  // Node says the same of all of these.
  const perhaps = /first certificate|LEAF_SIGNATURE/.test(reason)
    ? ", has expired, or is not one for servers"
    : "";
  return `the server's certificate is not signed by a known authority${perhaps}; ` +
    `${RIGHT_SERVER}, put its authority's certificate (or its own, if it signed itself) ` +
    "into a PEM file and set ssl.tspath to that";
}

function explainPurpose(reason: string): string | undefined {
  if (!/extended key usage|InvalidPurpose/i.test(reason)) return undefined;
  return "the server's certificate is not one for servers; its operator has to replace it";
}

function explainNoTls(reason: string): string | undefined {
  if (!/corrupt message|InvalidContentType|wrong version number/i.test(reason)) return undefined;
  return "the server does not speak TLS there; check the port, " +
    "or set ssl.latent to true if TLS begins with STLS";
}
