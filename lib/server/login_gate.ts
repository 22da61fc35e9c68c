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
  /** An attempt to log in begins. Its {@linkcode LoginTurn.end} must be called, come what may. */
  attempt(address: string, user: string): LoginTurn;

  /** This connection is logged in and no longer counts as unauthenticated; called at most once. */
  authenticated(): void;
}

/** One attempt to log in, which may have to wait for its turn. */
export interface LoginTurn {
  /**
   * How long to wait until asking again, in milliseconds; 0 if the check may be made now.
   * The wait comes before the check, so that hanging up early gains nothing.
   */
  wait(): number;

  /** How the check ended; `unavailable` also if none was made. */
  end(outcome: "accepted" | "refused" | "unavailable"): void;
}
