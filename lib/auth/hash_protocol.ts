/**
 * What a session's thread and a hash worker say to each other over a MessagePort.
 *
 * @module
 */

/** A password to check against stored hashes. */
export interface HashWork {
  /** What the user gave; never empty. */
  readonly password: string;
  /** The stored hash that decides; without one the answer is no. */
  readonly own?: string;
  /** Further stored hashes, checked for the time it takes unless the first one matched. */
  readonly others: readonly string[];
}

/** A question; the worker answers each one. */
export interface HashQuestion extends HashWork {
  /** Comes back in the answer. */
  readonly id: number;
}

/** The answer to a question. */
export interface HashAnswer {
  /** The question's. */
  readonly id: number;
  /** Whether the password is the one behind the deciding hash; absent if the check failed. */
  readonly ok?: boolean;
  /** Why the check could not be made. */
  readonly failure?: string;
}
