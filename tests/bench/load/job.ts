/**
 * What the load generator is told and what it answers, both as JSON.
 *
 * @module
 */

/** What a session does between login and QUIT. */
export type Mode =
  /** STAT. */
  | "login"
  /** STAT, UIDL, LIST. */
  | "poll"
  /** STAT, UIDL, LIST, then each message, one command at a time. */
  | "fetch"
  /** STAT and LIST, then all RETRs and QUIT in one write. */
  | "pipeline"
  /** STAT, then nothing until the generator is told to end. */
  | "idle";

/** How the connection is encrypted. */
export type Encryption = "none" | "tls" | "stls";

/** One run of the generator. */
export interface Job {
  readonly mode: Mode;
  readonly port: number;
  readonly encryption: Encryption;
  /** PEM of the authority that the server's certificate must come from. */
  readonly ca?: string;
  /** Users are this prefix and a number of four digits, from 1 on. */
  readonly prefix: string;
  readonly users: number;
  readonly password: string;
  /** Sessions at once, never more than users. */
  readonly concurrency: number;
  /** Sessions in all; or, with `seconds`, the most. */
  readonly sessions: number;
  /** Begins no session after so long. */
  readonly seconds?: number;
  /** Checks line ends and checksums of messages too; costs time, so timed runs do without. */
  readonly thorough: boolean;
  /** After so many seconds the run has failed. */
  readonly limit: number;
}

/** Times of one kind in milliseconds. */
export interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** How a run came out. */
export interface LoadResult {
  readonly sessions: number;
  readonly errors: number;
  /** The first few, in words. */
  readonly faults: readonly string[];
  /** From the first connection to the last QUIT's reply. */
  readonly seconds: number;
  readonly messages: number;
  /** Octets of messages as the protocol counts them. */
  readonly octets: number;
  /** Whole sessions. */
  readonly session: Times;
  /** From a RETR to the end of its message; not for pipelined ones. */
  readonly retr: Times;
  /** The generator's own CPU time in seconds. */
  readonly cpu: number;
}
