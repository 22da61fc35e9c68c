/**
 * What slows down the guessing of passwords, as a session sees it.
 *
 * @module
 */

/**
 * One connection's view of the login limits, which are counted over all workers.
 * Addresses are those of {@linkcode Connection.peer}; user names are as the client gave
 * them, so they may be anything.
 */
export interface LoginGate {
  /**
   * How long to wait before the next credential check is made, in milliseconds; 0 for none.
   * The wait comes before the check, so that hanging up early gains nothing.
   */
  delayFor(address: string, user: string): number;

  /** A check was made and failed. */
  failed(address: string, user: string): void;

  /** A check was made and succeeded. */
  succeeded(address: string, user: string): void;

  /** This connection is logged in and no longer counts as unauthenticated; called at most once. */
  authenticated(): void;
}
