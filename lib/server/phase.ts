/**
 * The states of a session (RFC 1939 section 3). Each holds exactly what there is in it: a maildrop
 * exists only after login, and what was said before TLS is gone with the state that held it.
 *
 * @module
 */

import type { Maildrop } from "../maildir/maildrop.ts";
import type { Marks } from "./marks.ts";

/** A client's next line goes to this instead of being a command (RFC 5034 section 4). */
export type Continuation = (answer: Uint8Array) => void | Promise<void>;

/** Not logged in. */
export interface Authorization {
  /** Which state this is. */
  readonly kind: "authorization";
  /** The name given with USER, until PASS or another login uses it up. */
  user?: string | undefined;
  /** Present while an AUTH exchange waits for the client's answer. */
  exchange?: Continuation | undefined;
}

/** Logged in: the maildrop is open and locked. */
export interface Transaction {
  /** Which state this is. */
  readonly kind: "transaction";
  /** Who is logged in. */
  readonly user: string;
  /** Their maildrop; the session closes it. */
  readonly maildrop: Maildrop;
  /** What will happen at QUIT. */
  readonly marks: Marks;
  /** What STAT says; undefined until it is asked for and whenever a deletion has changed it. */
  totals?: Totals | undefined;
}

/** The messages of a maildrop that are not deleted. */
export interface Totals {
  /** How many there are. */
  readonly messages: number;
  /** Their octets. */
  readonly octets: number;
}

/** QUIT was given: deletions are being carried out, and nothing else is accepted. */
export interface Update {
  /** Which state this is. */
  readonly kind: "update";
  /** Who is logged in. */
  readonly user: string;
  /** Their maildrop; the session closes it. */
  readonly maildrop: Maildrop;
}

/** The state of a session. */
export type Phase = Authorization | Transaction | Update;
