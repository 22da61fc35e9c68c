/**
 * Where messages go: the one interface behind which a mailbox, a folder of files and a mail
 * server look alike to the session.
 *
 * A message passes through three steps. {@linkcode Destination.receive} takes its bytes as they
 * arrive. {@linkcode Destination.secure} puts a group of received messages beyond the reach of a
 * crash without making them visible; the session then writes into the journal what is about to
 * happen. {@linkcode Destination.publish} makes them visible. After a crash between the last two,
 * {@linkcode Destination.recover} finishes what the journal promised, so that no message is
 * delivered twice, and none half.
 *
 * A destination that cannot undo or finish anything (a mail server) takes the message in `receive`
 * and its receiver's `finish`, leaves the other steps empty, and says so with
 * {@linkcode Destination.recoverable}.
 *
 * @module
 */
import type { AuditDestination } from "../log/audit.ts";

/** The line ends in which a destination wants a message. */
export type MessageForm =
  /** LF, as Maildir programs write it. */
  | "lf"
  /** As it came: CRLF from every server that follows RFC 1939. */
  | "crlf"
  /** CRLF and dot-stuffed, as a store with `dotstuffing = false` keeps it. */
  | "wire";

/** This one message cannot be taken, now or later; the others are not affected. */
export class MessageRefusedError extends Error {
  /** Tells it from other errors. */
  override name = "MessageRefusedError";
}

/** Nothing can be delivered now. The session ends in good order and the next run tries again. */
export class DestinationError extends Error {
  /** Tells it from other errors. */
  override name = "DestinationError";
  /** Whether the disk is full, which a smaller message may yet survive. */
  readonly full: boolean;

  /**
   * Makes the error.
   *
   * @param message says what was attempted, where, and why it failed
   */
  constructor(message: string, options: ErrorOptions & { full?: boolean } = {}) {
    super(message, options);
    this.full = options.full ?? false;
  }
}

/** The names under which the journal finds a message again after a crash. */
export interface Names {
  /** The file that holds the message until it is published; without white space. */
  readonly temporary: string;
  /** The file that it becomes; without white space, never used before nor after. */
  readonly final: string;
}

/** Which message of the remote server is received. */
export interface MessageSource {
  /** Server, user and UIDL as one text; absent where the server gives no usable UIDL. */
  readonly id?: string;
}

/** A message that was received whole. */
export interface Staged {
  /** What the audit says of where it went: a mailbox, a file, or the recipients of SMTP. */
  readonly places: readonly AuditDestination[];
  /** Absent where nothing can be recovered. */
  readonly names?: Names;
}

/** Takes one message. Exactly one of {@linkcode finish} and {@linkcode discard} must follow. */
export interface Receiver {
  /**
   * Takes the message's next bytes, in the destination's form. They are copied or written before
   * the call returns, or before its promise settles.
   *
   * @throws {DestinationError}
   * @throws {MessageRefusedError}
   */
  write(bytes: Uint8Array): void | Promise<void>;

  /**
   * Ends the message. A destination that is not recoverable has delivered it when this settles.
   *
   * @throws {DestinationError}
   * @throws {MessageRefusedError}
   */
  finish(): Staged | Promise<Staged>;

  /** Throws away what was received: the message did not arrive whole. Never throws. */
  discard(): void | Promise<void>;
}

/** What became of a message that the journal had announced before a crash. */
export type Recovered =
  /** It is delivered, by the crashed run or just now. */
  | "delivered"
  /** It is not: it must be fetched again. */
  | "missing";

/** Takes a session's messages. One session uses it at a time. */
export interface Destination {
  /**
   * Names the destination in the journal, the same in every run: what was delivered here is not
   * delivered here again.
   */
  readonly key: string;
  /** The form in which {@linkcode Receiver.write} wants messages. */
  readonly form: MessageForm;
  /** What the Received header says: `POP3`, or `POP-to-SMTP`. */
  readonly protocol: "POP3" | "POP-to-SMTP";
  /** Whether {@linkcode secure}, {@linkcode publish} and {@linkcode recover} do something. */
  readonly recoverable: boolean;

  /**
   * Gets ready, before anything is asked of the remote server's messages.
   *
   * @throws {DestinationError}
   */
  open(): Promise<void>;

  /**
   * Finishes or finds out what a crashed run had announced, and throws away what it had not.
   * Called after {@linkcode open} and before the first message.
   *
   * @param announced in the order in which they were journaled
   * @returns one answer for each
   * @throws {DestinationError}
   */
  recover(announced: readonly Announced[]): Promise<Recovered[]>;

  /**
   * Begins a message. At most one is being received at any time.
   *
   * @param message which one of the remote server's
   * @throws {DestinationError}
   */
  receive(message: MessageSource): Receiver | Promise<Receiver>;

  /**
   * Puts received messages safely on disk, still out of sight.
   *
   * @throws {DestinationError} then none of them may be published
   */
  secure(group: readonly Staged[]): Promise<void>;

  /**
   * Makes secured messages visible, and lastingly so.
   *
   * @throws {DestinationError} then the next run's {@linkcode recover} decides for each
   */
  publish(group: readonly Staged[]): Promise<void>;

  /** Throws away received messages that were not published. Never throws. */
  abandon(group: readonly Staged[]): void;

  /**
   * Told after a session which messages the remote server listed, all of them: what is remembered of
   * others may be forgotten.
   *
   * @param uids their unique ids
   */
  retain?(uids: ReadonlySet<string>): Promise<void>;

  /** Lets go of everything; safe to call more than once. Never throws. */
  close(): void | Promise<void>;
}

/** A message that the journal announced, and when (milliseconds since 1970). */
export interface Announced {
  /** The names that it was announced under. */
  readonly names: Names;
  /** When it was announced, in milliseconds since 1970. */
  readonly time: number;
}
