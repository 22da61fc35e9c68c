/**
 * Base64 as SASL exchanges carry it (RFC 4648 section 4): nothing is
 * forgiven, since a lenient decoder gives one secret several spellings.
 *
 * @module
 */
import { Buffer } from "node:buffer";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The base64 text of octets, padded, on one line. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/**
 * The octets of a base64 text.
 *
 * @returns undefined if it holds anything outside the alphabet (white space too), lacks its
 * padding, or has bits set behind the last octet (RFC 4648 section 3.5)
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!BASE64.test(text)) return undefined;
  const bytes = new Uint8Array(Buffer.from(text, "base64"));
  return encodeBase64(bytes) === text ? bytes : undefined;
}

/**
 * The octets of an initial response (RFC 5034 section 4), in which a sole `=`
 * stands for a response that is there but empty.
 *
 * @returns undefined if it is neither that nor base64
 */
export function decodeInitialResponse(text: string): Uint8Array | undefined {
  return text === "=" ? new Uint8Array(0) : decodeBase64(text);
}
