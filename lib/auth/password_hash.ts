/**
 * The forms in which a users file can hold a password, read into data. The
 * forms are those of Mailismus, of crypt(3) and of Dovecot's password schemes.
 *
 * @module
 */
import { decodeText } from "../wire/text.ts";
import { decodeBase64 } from "./base64.ts";

/** A password as it is, or a plain or salted digest of it: checked in microseconds. */
export type FastHash =
  | { readonly kind: "plain"; readonly password: string }
  | {
    readonly kind: "digest";
    readonly algorithm: "sha1" | "sha256" | "sha512";
    readonly digest: Uint8Array;
    /** Follows the password in what was hashed; empty if there is none. */
    readonly salt: Uint8Array;
  };

/** A hash that is dear on purpose, and therefore checked in a thread of its own. */
export type SlowHash =
  | {
    readonly kind: "argon2id";
    /** KiB. */
    readonly memory: number;
    readonly iterations: number;
    readonly parallelism: number;
    readonly salt: Uint8Array;
    readonly digest: Uint8Array;
  }
  | {
    readonly kind: "bcrypt";
    /** The binary logarithm of the number of rounds. */
    readonly cost: number;
    readonly salt: Uint8Array;
    /** 23 octets: bcrypt leaves out the last one. */
    readonly digest: Uint8Array;
  }
  | {
    readonly kind: "crypt";
    readonly algorithm: "sha256" | "sha512";
    readonly rounds: number;
    readonly salt: string;
    /** In crypt's own base64. */
    readonly digest: string;
  }
  | {
    readonly kind: "scram";
    readonly iterations: number;
    readonly salt: Uint8Array;
    readonly storedKey: Uint8Array;
  };

/** A stored password that can be checked. */
export type PasswordHash = FastHash | SlowHash;

/** Why a stored password cannot be used; the end of a sentence about a user. */
export interface HashFault {
  /** Without the text at fault, which may be secret. */
  readonly fault: string;
}

/** Hashes dearer than these would let one login, or one guess, keep a core busy for many seconds. */
const MOST = {
  memory: 1024 * 1024,
  iterations: 100,
  /** Both together: KiB times passes. */
  argon2: 8 * 1024 * 1024,
  parallelism: 64,
  cost: 16,
  rounds: 1_000_000,
  scram: 5_000_000,
};

const INSTEAD =
  `set the password anew with "user add --replace", or use argon2id, bcrypt or crypt's $6$ ` +
  `(Dovecot's "doveadm pw" and "mkpasswd -m sha512crypt" make them)`;

const SCHEME = /^\{([A-Za-z0-9-]+)(\.[A-Za-z0-9]+)?\}/;
/** How Dovecot lets a scheme's name end. */
const ENCODINGS = ["", ".HEX", ".B64", ".BASE64"];
const HEX = /^(?:[0-9a-fA-F]{2})+$/;
const ARGON2 = /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$([^$]+)\$([^$]+)$/;
const BCRYPT = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;
const CRYPT = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$:\n]{0,16})\$([./A-Za-z0-9]+)$/;
const SCRAM = /^(\d{1,9}),([^,]+),([^,]+),([^,]+)$/;

const DIGEST_LENGTHS = { sha1: 20, sha256: 32, sha512: 64 } as const;

/** Dovecot's schemes, by upper-case name. */
const SCHEMES: Readonly<
  Record<string, (text: string, encoding: string) => PasswordHash | HashFault>
> = {
  "ARGON2ID": (text) => text.startsWith("$argon2id$") ? parseArgon2(text) : malformed("ARGON2ID"),
  "BLF-CRYPT": (text) => parseBcrypt(text),
  "SHA512-CRYPT": (text) => text.startsWith("$6$") ? parseCrypt(text) : malformed("SHA512-CRYPT"),
  "SHA256-CRYPT": (text) => text.startsWith("$5$") ? parseCrypt(text) : malformed("SHA256-CRYPT"),
  "CRYPT": (text) => text.startsWith("$") ? parseModular(text) : unknownKind("{CRYPT}"),
  "SSHA": (text, encoding) => parseDigest("SSHA", "sha1", text, encoding),
  "SSHA256": (text, encoding) => parseDigest("SSHA256", "sha256", text, encoding),
  "SSHA512": (text, encoding) => parseDigest("SSHA512", "sha512", text, encoding),
  "SHA256": (text, encoding) => parseDigest("SHA256", "sha256", text, encoding),
  "SCRAM-SHA-256": (text) => parseScram(text),
  "PLAIN": (text, encoding) => parsePlain(text, encoding),
};

/**
 * Reads a stored password, which has no further fields behind it.
 *
 * @returns the hash, or why there is none that can be used (which never repeats the text itself)
 */
export function parsePasswordHash(text: string): PasswordHash | HashFault {
  const scheme = SCHEME.exec(text);
  if (scheme) {
    const name = scheme[1]!.toUpperCase();
    const parse = SCHEMES[name];
    return parse
      ? parse(text.slice(scheme[0].length), (scheme[2] ?? "").toUpperCase())
      : unknownKind(`{${name}}`);
  }
  if (text.startsWith("$")) return parseModular(text);
  if (text.length === 64 && HEX.test(text)) {
    return {
      kind: "digest",
      algorithm: "sha256",
      digest: hexOctets(text),
      salt: new Uint8Array(0),
    };
  }
  return {
    fault: `has no hash of a known kind: ${INSTEAD}; ` +
      `passwords that stand in the file as they are need directory.plainpass = true`,
  };
}

/** Whether a hash is checked in a thread of its own. */
export function isSlow(hash: PasswordHash): hash is SlowHash {
  return hash.kind !== "plain" && hash.kind !== "digest";
}

/** Names the work that checking a hash takes: the same for all hashes of one kind and cost. */
export function workClass(hash: SlowHash): string {
  switch (hash.kind) {
    case "argon2id":
      return `argon2id ${hash.memory} ${hash.iterations} ${hash.parallelism}`;
    case "bcrypt":
      return `bcrypt ${hash.cost}`;
    case "crypt":
      return `${hash.algorithm} crypt ${hash.rounds}`;
    case "scram":
      return `scram ${hash.iterations}`;
  }
}

/** How dear a hash is to check, comparable among those of one {@linkcode workKind}. */
export function workAmount(hash: SlowHash): number {
  switch (hash.kind) {
    case "argon2id":
      return hash.memory * hash.iterations;
    case "bcrypt":
      return 2 ** hash.cost;
    case "crypt":
      return hash.rounds;
    case "scram":
      return hash.iterations;
  }
}

/** Names the kind of work that checking a hash is, whatever its cost. */
export function workKind(hash: SlowHash): string {
  return hash.kind === "crypt" ? `${hash.algorithm} crypt` : hash.kind;
}

function parseModular(text: string): PasswordHash | HashFault {
  if (text.startsWith("$argon2id$")) return parseArgon2(text);
  if (/^\$2[aby]\$/.test(text)) return parseBcrypt(text);
  if (/^\$[56]\$/.test(text)) return parseCrypt(text);
  return unknownKind(/^\$[A-Za-z0-9-]{1,16}\$/.exec(text)?.[0] ?? "$");
}

function parseArgon2(text: string): PasswordHash | HashFault {
  const parts = ARGON2.exec(text);
  const salt = unpaddedOctets(parts?.[4] ?? "");
  const digest = unpaddedOctets(parts?.[5] ?? "");
  if (!parts || !salt || !digest || salt.length < 8 || digest.length < 4) {
    return malformed("argon2id");
  }
  const [memory, iterations, parallelism] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  if (parallelism < 1 || iterations < 1 || memory < 8 * parallelism) return malformed("argon2id");
  const { memory: m, iterations: t, parallelism: p } = MOST;
  if (memory > m || iterations > t || parallelism > p || memory * iterations > MOST.argon2) {
    return tooDear("argon2id", `m=${m},t=${t},p=${p}, and m times t ${MOST.argon2}`);
  }
  return { kind: "argon2id", memory, iterations, parallelism, salt, digest };
}

function parseBcrypt(text: string): PasswordHash | HashFault {
  const parts = BCRYPT.exec(text);
  const cost = Number(parts?.[1]);
  if (!parts || cost < 4) return malformed("bcrypt");
  if (cost > MOST.cost) return tooDear("bcrypt", `cost ${MOST.cost}`);
  const [salt, digest] = [bcryptOctets(parts[2]!), bcryptOctets(parts[3]!)];
  return { kind: "bcrypt", cost, salt, digest };
}

function parseCrypt(text: string): PasswordHash | HashFault {
  const parts = CRYPT.exec(text);
  const name = `crypt's ${text.slice(0, 3)}`;
  if (!parts || parts[4]!.length !== (parts[1] === "6" ? 86 : 43)) return malformed(name);
  // crypt itself takes a number out of bounds for the nearest one within.
  const rounds = Math.max(1000, parts[2] === undefined ? 5000 : Number(parts[2]));
  if (rounds > MOST.rounds) return tooDear(name, `rounds=${MOST.rounds}`);
  const algorithm = parts[1] === "6" ? "sha512" : "sha256";
  return { kind: "crypt", algorithm, rounds, salt: parts[3]!, digest: parts[4]! };
}

/** `{SCRAM-SHA-256}iterations,salt,stored key,server key` (RFC 5803 has another form of the same). */
function parseScram(text: string): PasswordHash | HashFault {
  const parts = SCRAM.exec(text);
  const iterations = Number(parts?.[1]);
  const salt = decodeBase64(parts?.[2] ?? "");
  const storedKey = decodeBase64(parts?.[3] ?? "");
  if (!salt || storedKey?.length !== 32 || iterations < 1) return malformed("SCRAM-SHA-256");
  if (iterations > MOST.scram) return tooDear("SCRAM-SHA-256", `${MOST.scram} iterations`);
  return { kind: "scram", iterations, salt, storedKey };
}

/** A password as it is, or in base64 or hexadecimal, which lets it hold a colon. */
function parsePlain(text: string, encoding: string): PasswordHash | HashFault {
  if (text === "") return { fault: "has {PLAIN} without a password" };
  if (encoding === "") return { kind: "plain", password: text };
  if (!ENCODINGS.includes(encoding)) return unknownKind(`{PLAIN${encoding}}`);
  const octets = decodeAs(encoding === ".HEX", text);
  const password = octets === undefined ? undefined : decodeText(octets);
  return password === undefined ? malformed(`PLAIN${encoding}`) : { kind: "plain", password };
}

function decodeAs(hex: boolean, text: string): Uint8Array | undefined {
  return !hex ? decodeBase64(text) : HEX.test(text) ? hexOctets(text) : undefined;
}

/** A digest, in base64 or hexadecimal, with the salt behind it if the scheme has one. */
function parseDigest(
  scheme: string,
  algorithm: keyof typeof DIGEST_LENGTHS,
  text: string,
  encoding: string,
): PasswordHash | HashFault {
  const length = DIGEST_LENGTHS[algorithm];
  const salted = scheme.startsWith("SS");
  if (!ENCODINGS.includes(encoding)) {
    return unknownKind(`{${scheme}${encoding}}`);
  }
  // As in Dovecot: what has just the digits of an unsalted digest is hexadecimal.
  const hex = encoding === ".HEX" || (encoding === "" && !salted && text.length === 2 * length);
  const octets = decodeAs(hex, text);
  if (!octets || octets.length < length || (!salted && octets.length > length)) {
    return malformed(scheme);
  }
  return {
    kind: "digest",
    algorithm,
    digest: octets.slice(0, length),
    salt: octets.slice(length),
  };
}

function hexOctets(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Argon2's strings leave out base64's padding. */
function unpaddedOctets(text: string): Uint8Array | undefined {
  return text.includes("=")
    ? undefined
    : decodeBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "="));
}

/** bcrypt's base64: another alphabet, no padding, and bits behind the last octet that mean nothing. */
function bcryptOctets(text: string): Uint8Array {
  const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const octets = new Uint8Array(Math.floor(text.length * 6 / 8));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const character of text) {
    bits = ((bits << 6) | alphabet.indexOf(character)) & 0xffff;
    held += 6;
    if (held < 8 || at === octets.length) continue;
    held -= 8;
    octets[at++] = (bits >> held) & 0xff;
  }
  return octets;
}

function malformed(kind: string): HashFault {
  return { fault: `has a damaged ${kind} hash: ${INSTEAD}` };
}

function tooDear(kind: string, most: string): HashFault {
  return { fault: `has a ${kind} hash that costs too much to check (at most ${most}): ${INSTEAD}` };
}

function unknownKind(prefix: string): HashFault {
  const yescrypt = prefix === "$y$" ? " (yescrypt)" : "";
  return { fault: `has a hash of a kind that is not supported, ${prefix}${yescrypt}: ${INSTEAD}` };
}
