/**
 * Checks of passwords whose hashes are dear on purpose, and the making of new
 * ones. They block their thread for as long as they take.
 *
 * @module
 */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { argon2id, bcrypt } from "hash-wasm";
import { encodeText } from "../wire/text.ts";
import { sameOctets } from "./fast_hash.ts";
import type { HashWork } from "./hash_protocol.ts";
import { isSlow, parsePasswordHash, type SlowHash } from "./password_hash.ts";
import { shaCrypt } from "./sha_crypt.ts";

/** What bcrypt reads of a password, in octets. */
const BCRYPT_MOST = 72;

/**
 * The parameters of new hashes: the OWASP Password Storage Cheat Sheet's minimum for
 * argon2id (19 MiB, two passes). More would not be wiser here: a POP3 client sends its password
 * with every poll, each failed login of anybody costs as much as a good one, and home
 * servers with slow cores and little memory are to serve several clients at once.
 */
const ARGON2 = { memorySize: 19 * 1024, iterations: 2, parallelism: 1, hashLength: 32 } as const;

/**
 * Whether `password` is the one behind `hash`; takes as long for a wrong password as for the right one.
 *
 * @param password not empty: a caller refuses empty ones itself
 * @throws if the check could not be made, for example for lack of memory
 */
export async function verifySlowHash(hash: SlowHash, password: string): Promise<boolean> {
  switch (hash.kind) {
    case "argon2id":
      return sameOctets(await argon2Digest(hash, password), hash.digest);
    case "bcrypt":
      return await verifyBcrypt(hash, password);
    case "crypt":
      return sameOctets(encodeText(shaCrypt(password, hash)), encodeText(hash.digest));
    case "scram":
      return sameOctets(scramStoredKey(hash, password), hash.storedKey);
  }
}

/**
 * Checks a password against the hash that decides, and if it does not match
 * does the work of the others too.
 *
 * @throws if a check could not be made
 */
export async function runHashJob(work: HashWork): Promise<boolean> {
  if (work.own !== undefined && await verifyText(work.own, work.password)) return true;
  for (const other of work.others) await verifyText(other, work.password);
  return false;
}

/** Hashes a password for the users file, with a salt of its own. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  return await argon2id({ ...ARGON2, password: encodeText(password), salt, outputType: "encoded" });
}

async function verifyText(text: string, password: string): Promise<boolean> {
  const hash = parsePasswordHash(text);
  if ("fault" in hash || !isSlow(hash)) return false;
  return await verifySlowHash(hash, password);
}

async function argon2Digest(
  hash: SlowHash & { kind: "argon2id" },
  password: string,
): Promise<Uint8Array> {
  return await argon2id({
    password: encodeText(password),
    salt: hash.salt,
    memorySize: hash.memory,
    iterations: hash.iterations,
    parallelism: hash.parallelism,
    hashLength: hash.digest.length,
    outputType: "binary",
  });
}

async function verifyBcrypt(
  hash: SlowHash & { kind: "bcrypt" },
  password: string,
): Promise<boolean> {
  const octets = encodeText(password);
  const digest = await bcrypt({
    // A password over bcrypt's limit never matches, but is told no sooner than another.
    password: octets.subarray(0, BCRYPT_MOST),
    salt: hash.salt,
    costFactor: hash.cost,
    outputType: "binary",
  });
  return sameOctets(digest.subarray(0, hash.digest.length), hash.digest) &&
    octets.length <= BCRYPT_MOST;
}

/** RFC 5802 section 3, without the normalisation that Dovecot does not do either. */
function scramStoredKey(hash: SlowHash & { kind: "scram" }, password: string): Uint8Array {
  const salted = pbkdf2Sync(encodeText(password), hash.salt, hash.iterations, 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return createHash("sha256").update(clientKey).digest();
}
