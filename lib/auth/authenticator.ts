/**
 * Logins against the directory. What an attempt costs and when it is answered
 * tells nothing about whether the user exists, has a password, or has which
 * kind of hash.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { encodeText } from "../wire/text.ts";
import { sameOctets, sameText, verifyFastHash } from "./fast_hash.ts";
import type { HashPool } from "./hash_pool.ts";
import {
  isSlow,
  parsePasswordHash,
  type PasswordHash,
  type SlowHash,
  workAmount,
  workClass,
  workKind,
} from "./password_hash.ts";
import type { Authenticator, AuthOutcome } from "./types.ts";

/** The users as an authenticator sees them; structured-cloneable. */
export interface Credentials {
  /** Whether passwords are kept as they are, rather than hashed. */
  readonly plainpass: boolean;
  /** Each user's stored password or hash; empty if there is none that can be used. */
  readonly users: ReadonlyMap<string, string>;
  /**
   * One stored hash of every kind and cost that {@linkcode workClass} tells apart, by its name; where
   * one kind has very many costs, of some, the dearest among them.
   */
  readonly slowSamples: ReadonlyMap<string, string>;
  /** Any one stored hash that is checked in microseconds, if there is one. */
  readonly fastSample?: string;
}

/** The longest password that can be right, in octets: longer ones cost no more than this. */
export const MAX_PASSWORD = 1024;

/** Stands in for a password that cannot be right, so that refusing it takes as long. */
const STAND_IN = "no password";

const REFUSED: AuthOutcome = { kind: "refused" };

/**
 * Makes the authenticator of a session thread.
 *
 * @param credentials asked for at every attempt, so that a reload takes effect at once
 * @param hashes computes dear hashes
 */
export function createAuthenticator(
  credentials: Credentials | (() => Credentials),
  hashes: HashPool,
): Authenticator {
  return new DirectoryAuthenticator(
    typeof credentials === "function" ? credentials : () => credentials,
    hashes,
  );
}

class DirectoryAuthenticator implements Authenticator {
  readonly #credentials: () => Credentials;
  readonly #hashes: HashPool;

  constructor(credentials: () => Credentials, hashes: HashPool) {
    this.#credentials = credentials;
    this.#hashes = hashes;
  }

  get digestsPossible(): boolean {
    return this.#credentials().plainpass;
  }

  async checkPassword(user: string, password: string, origin?: string): Promise<AuthOutcome> {
    const credentials = this.#credentials();
    const stored = credentials.users.get(user) ?? "";
    const possible = password !== "" && encodeText(password).length <= MAX_PASSWORD;
    const given = possible ? password : STAND_IN;
    if (credentials.plainpass) {
      const same = sameText(stored, given);
      return same && possible && stored !== "" ? { kind: "accepted", user } : REFUSED;
    }
    // Without a password that can be right nothing is to decide, and all work is for the time it takes.
    const hash = possible ? usableHash(stored) : undefined;
    if (checkFast(credentials, hash, given)) return { kind: "accepted", user };
    return await this.#checkSlow(credentials, { user, given, stored, hash, origin });
  }

  checkDigest(
    user: string,
    digest: Uint8Array,
    expected: (password: string) => Uint8Array,
  ): Promise<AuthOutcome> {
    const credentials = this.#credentials();
    const stored = credentials.plainpass ? credentials.users.get(user) ?? "" : "";
    const same = sameOctets(expected(stored === "" ? STAND_IN : stored), digest);
    return Promise.resolve(same && stored !== "" ? { kind: "accepted", user } : REFUSED);
  }

  checkCertificate(commonName: string): Promise<AuthOutcome> {
    const known = this.#credentials().users.has(commonName);
    return Promise.resolve(known ? { kind: "accepted", user: commonName } : REFUSED);
  }

  /**
   * Does the work of each kind and cost of dear hash in the file once, the
   * user's own first if it is one. Only a match ends it early, so every failed
   * login takes the same work: that of the dearest hash, and of the others if
   * the file has more than one kind.
   */
  async #checkSlow(
    credentials: Credentials,
    attempt: {
      user: string;
      given: string;
      stored: string;
      hash: PasswordHash | undefined;
      origin: string | undefined;
    },
  ): Promise<AuthOutcome> {
    const { user, given, stored, hash, origin } = attempt;
    const own = hash && isSlow(hash) ? sampleFor(credentials, hash) : undefined;
    const others = [...credentials.slowSamples].filter(([work]) => work !== own).map(([, h]) => h);
    if (own === undefined && others.length === 0) return REFUSED;
    const place = origin === undefined ? {} : { origin };
    const job = { key: user, password: given, others, ...place };
    try {
      const ok = await this.#hashes.check(own === undefined ? job : { ...job, own: stored });
      return ok ? { kind: "accepted", user } : REFUSED;
    } catch (error) {
      return { kind: "unavailable", reason: reasonOf(error) };
    }
  }
}

/** The class whose sample a hash stands for: its own, else that of the next dearer one of its kind. */
function sampleFor({ slowSamples }: Credentials, hash: SlowHash): string {
  const own = workClass(hash);
  if (slowSamples.has(own)) return own;
  let nearest: { work: string; amount: number } | undefined;
  for (const [work, text] of slowSamples) {
    const sample = parsePasswordHash(text);
    if ("fault" in sample || !isSlow(sample) || workKind(sample) !== workKind(hash)) continue;
    const amount = workAmount(sample);
    if (amount < workAmount(hash) || amount >= (nearest?.amount ?? Infinity)) continue;
    nearest = { work, amount };
  }
  return nearest?.work ?? own;
}

function usableHash(stored: string): PasswordHash | undefined {
  if (stored === "") return undefined;
  const hash = parsePasswordHash(stored);
  return "fault" in hash ? undefined : hash;
}

/** Checks the user's hash if that is quickly done; else does the same work in vain. */
function checkFast(
  credentials: Credentials,
  hash: PasswordHash | undefined,
  password: string,
): boolean {
  if (hash && !isSlow(hash)) return verifyFastHash(hash, password);
  const sample = usableHash(credentials.fastSample ?? "");
  if (sample && !isSlow(sample)) verifyFastHash(sample, password);
  return false;
}
