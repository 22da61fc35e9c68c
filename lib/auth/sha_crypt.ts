/**
 * The SHA-256 and SHA-512 methods of crypt(3), `$5$` and `$6$`, after Ulrich
 * Drepper's specification "Unix crypt using SHA-256 and SHA-512". The step
 * numbers in comments are the specification's.
 *
 * @module
 */
import { createHash, hash } from "node:crypto";
import { encodeText } from "../wire/text.ts";

/** What a hash was made with. */
export interface ShaCryptOptions {
  /** `sha512` is `$6$`, `sha256` is `$5$`. */
  readonly algorithm: "sha256" | "sha512";
  /** At most 16 characters count. */
  readonly salt: string;
  /** From 1000 on. */
  readonly rounds: number;
}

const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * Hashes a password.
 *
 * @returns the part behind the last `$`: 43 or 86 characters
 */
export function shaCrypt(password: string, options: ShaCryptOptions): string {
  const { algorithm, rounds } = options;
  const key = encodeText(password);
  const salt = encodeText(options.salt.slice(0, 16));
  const first = initialDigest(algorithm, key, salt);
  // Steps 13 to 20: octets as long as the password and the salt that depend on each of their octets.
  const p = stretch(repeatedDigest(algorithm, key, key.length), key.length);
  const s = stretch(repeatedDigest(algorithm, salt, 16 + first[0]!), salt.length);
  return encode(algorithm, manyRounds(algorithm, rounds, first, p, s));
}

/** Steps 1 to 12. */
function initialDigest(algorithm: string, key: Uint8Array, salt: Uint8Array): Uint8Array {
  const alternate = createHash(algorithm).update(key).update(salt).update(key).digest();
  const main = createHash(algorithm).update(key).update(salt);
  main.update(stretch(alternate, key.length));
  for (let bits = key.length; bits > 0; bits >>>= 1) main.update(bits & 1 ? alternate : key);
  return main.digest();
}

function repeatedDigest(algorithm: string, octets: Uint8Array, times: number): Uint8Array {
  const hasher = createHash(algorithm);
  for (let i = 0; i < times; i++) hasher.update(octets);
  return hasher.digest();
}

/** Repeats a digest up to `length`. */
function stretch(digest: Uint8Array, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => digest[i % digest.length]!);
}

/** Step 21: which octets a round hashes depends on its number alone. */
function manyRounds(
  algorithm: string,
  rounds: number,
  first: Uint8Array,
  p: Uint8Array,
  s: Uint8Array,
): Uint8Array {
  const input = new Uint8Array(2 * p.length + s.length + first.length);
  let digest = first;
  for (let i = 0; i < rounds; i++) {
    const parts = [i % 2 ? p : digest, i % 3 ? s : NONE, i % 7 ? p : NONE, i % 2 ? digest : p];
    let length = 0;
    for (const part of parts) {
      input.set(part, length);
      length += part.length;
    }
    // One call for a round: it costs less than a hash object that is fed four times.
    digest = hash(algorithm, input.subarray(0, length), "buffer");
  }
  return digest;
}

const NONE = new Uint8Array(0);

/** Step 22: three octets at a time, in an order of crypt's own, the lowest six bits first. */
function encode(algorithm: "sha256" | "sha512", digest: Uint8Array): string {
  const groups = algorithm === "sha512" ? 21 : 10;
  const rotation = algorithm === "sha512" ? [1, 2, 0] : [2, 0, 1];
  let text = "";
  let columns = [0, groups, 2 * groups];
  for (let i = 0; i < groups; i++) {
    const [a, b, c] = columns.map((at) => digest[at]!);
    text += characters((a! << 16) | (b! << 8) | c!, 4);
    columns = rotation.map((from) => columns[from]! + 1);
  }
  return algorithm === "sha512"
    ? text + characters(digest[63]!, 2)
    : text + characters((digest[31]! << 8) | digest[30]!, 3);
}

function characters(bits: number, count: number): string {
  let text = "";
  for (let i = 0; i < count; i++) text += ALPHABET[(bits >> (6 * i)) & 63];
  return text;
}
