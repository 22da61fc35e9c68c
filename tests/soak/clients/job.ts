/**
 * What a process of soak clients is told and what it says, both as lines of JSON.
 *
 * @module
 */

/** How a connection is encrypted. */
export type Encryption = "plain" | "stls" | "tls";

/** The work of one process. */
export interface ClientJob {
  /** Ports of 127.0.0.1; the plain one offers STLS. */
  readonly ports: { readonly plain: number; readonly tls: number };
  /** PEM of the authority that the server's certificate comes from. */
  readonly ca: string;
  readonly password: string;
  /** Mailboxes in all; this process has those from `first` on, a client for each. */
  readonly mailboxes: number;
  readonly first: number;
  readonly clients: number;
  /** How long a session takes on average, in milliseconds. */
  readonly sessionTime: number;
  /** All clients have begun after so long, in milliseconds. */
  readonly rampUp: number;
  readonly seed: number;
}

/** What the process is told on its standard input, a word a line. */
export type Order =
  /** Finish the sessions under way and begin no others. */
  | "finish"
  /** Look into each mailbox once more, alone and at leisure. */
  | "verify"
  /** End. */
  | "end";

/** How far a process is. */
export interface Progress {
  /** Connections that are open now. */
  readonly open: number;
  /** Of these, logged in. */
  readonly loggedIn: number;
  /** Sessions that ended, by kind. */
  readonly sessions: Readonly<Record<string, number>>;
  /** Sessions under way, by kind. */
  readonly playing: Readonly<Record<string, number>>;
  /** Messages that were read and found intact. */
  readonly messages: number;
  readonly octets: number;
  /** Logins that came too early, the session before being still open on the server's side. */
  readonly inUse: number;
  /** The longest time from a command to its answer in the last second, in milliseconds. */
  readonly slowest: number;
  /** How late this process itself was in the last second, in milliseconds. */
  readonly lag: number;
  readonly faultCount: number;
  /** The first of them. */
  readonly faults: readonly string[];
}

/** What the process says on its standard output. */
export type Report =
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "finished"; readonly progress: Progress }
  | {
    readonly kind: "verified";
    readonly progress: Progress;
    /** Serial numbers of the messages that were removed. */
    readonly removed: readonly number[];
  };
