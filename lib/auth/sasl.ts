/**
 * What SASL mechanisms say (RFC 4422), as octets before base64: the server's
 * end reads the client's messages, the client's end makes them. No I/O.
 *
 * @module
 */
import { decodeText, encodeText } from "../wire/text.ts";
import { cramMd5Digest, parseDigest } from "./digests.ts";

/** The credentials of a PLAIN message. */
export interface PlainCredentials {
  /** The authorization identity; empty if it was not given. */
  readonly authzid: string;
  /** The authentication identity. */
  readonly user: string;
  /** May be empty, which is a failed login rather than a malformed one. */
  readonly password: string;
}

/** A client's answer to a CRAM-MD5 challenge. */
export interface CramMd5Response {
  /** May hold spaces: only the last one separates. */
  readonly user: string;
  /** 32 lower-case hexadecimal digits. */
  readonly digest: Uint8Array;
}

/** Where and as whom an OAUTHBEARER client logs in. */
export interface OAuthBearerOptions {
  /** The user; the provider may do without. */
  readonly user?: string;
  /** The server's name as the client connected to it. */
  readonly host: string;
  /** The server's port. */
  readonly port: number;
  /** The access token. */
  readonly token: string;
}

/**
 * Reads a PLAIN message (RFC 4616): authorization identity, NUL, user, NUL, password.
 *
 * @returns undefined if it is not UTF-8, has not exactly two NULs or no user
 */
export function parsePlain(message: Uint8Array): PlainCredentials | undefined {
  const parts = decodeText(message)?.split("\0");
  if (parts?.length !== 3) return undefined;
  const [authzid, user, password] = parts as [string, string, string];
  return user === "" ? undefined : { authzid, user, password };
}

/**
 * Reads a CRAM-MD5 response (RFC 2195 section 2): user, space, digest.
 *
 * @returns undefined if it is not UTF-8, has no user or no digest
 */
export function parseCramMd5(message: Uint8Array): CramMd5Response | undefined {
  const text = decodeText(message);
  const at = text?.lastIndexOf(" ") ?? -1;
  if (text === undefined || at < 1) return undefined;
  const digest = parseDigest(text.slice(at + 1));
  return digest && { user: text.slice(0, at), digest };
}

/**
 * Reads an EXTERNAL message (RFC 4422 appendix A): the authorization identity, possibly empty.
 *
 * @returns undefined if it is not UTF-8 or holds a NUL
 */
export function parseExternal(message: Uint8Array): string | undefined {
  const authzid = decodeText(message);
  return authzid?.includes("\0") ? undefined : authzid;
}

/** Whether `authzid` asks for no other identity than the one that `user` proved. */
export function authorizesItself(authzid: string, user: string): boolean {
  return authzid === "" || authzid === user;
}

/** A client's PLAIN message. */
export function plainMessage(user: string, password: string): Uint8Array {
  return encodeText(`\0${user}\0${password}`);
}

/** A client's answer to a CRAM-MD5 challenge. */
export function cramMd5Message(
  challenge: string | Uint8Array,
  user: string,
  password: string,
): Uint8Array {
  const digest = cramMd5Digest(challenge, password);
  const name = encodeText(`${user} `);
  const message = new Uint8Array(name.length + digest.length);
  message.set(name);
  message.set(digest, name.length);
  return message;
}

/** A client's EXTERNAL message; without an identity the certificate alone names the user. */
export function externalMessage(authzid: string = ""): Uint8Array {
  return encodeText(authzid);
}

/**
 * A client's XOAUTH2 message, as Google and Microsoft document it. A refusal comes as a
 * challenge that must be answered with {@linkcode XOAUTH2_ACKNOWLEDGEMENT}.
 */
export function xoauth2Message(user: string, token: string): Uint8Array {
  return encodeText(`user=${user}\x01auth=Bearer ${token}\x01\x01`);
}

/** The answer to the challenge in which XOAUTH2 explains a refusal: an empty line. */
export const XOAUTH2_ACKNOWLEDGEMENT: Uint8Array = new Uint8Array(0);

/**
 * A client's OAUTHBEARER message (RFC 7628 section 3.1). A refusal comes as a challenge that
 * must be answered with {@linkcode OAUTHBEARER_ACKNOWLEDGEMENT}.
 */
export function oauthBearerMessage(options: OAuthBearerOptions): Uint8Array {
  const { user, host, port, token } = options;
  // RFC 5801 section 4: in a GS2 header "," and "=" of a name are written as =2C and =3D.
  const name = user?.replaceAll("=", "=3D").replaceAll(",", "=2C");
  const header = name === undefined || name === "" ? "n,," : `n,a=${name},`;
  return encodeText(
    `${header}\x01host=${host}\x01port=${port}\x01auth=Bearer ${token}\x01\x01`,
  );
}

/** The answer to the challenge in which OAUTHBEARER explains a refusal (RFC 7628 section 3.2.3). */
export const OAUTHBEARER_ACKNOWLEDGEMENT: Uint8Array = Uint8Array.of(1);
