/**
 * A maildrop (RFC 1939 section 2) as a session sees it: numbered messages with
 * exact sizes and lasting ids, frozen at login.
 *
 * @module
 */

import type { LinesPart } from "./list_lines.ts";

/** Another session holds the maildrop. */
export class MaildropInUseError extends Error {
  /** The class's name. */
  override name = "MaildropInUseError";
}

/** The maildrop cannot be read now; the message is for the log. */
export class MaildropUnavailableError extends Error {
  /** The class's name. */
  override name = "MaildropUnavailableError";
  /** Whether it stays so until somebody mends it: trying again does not help. */
  readonly lasting: boolean;

  /**
   * Makes the error.
   *
   * @param options the cause, and whether it is lasting (by default not)
   */
  constructor(message: string, options: ErrorOptions & { lasting?: boolean } = {}) {
    super(message, options);
    this.lasting = options.lasting ?? false;
  }
}

/** A message cannot be read, now or any more. */
export class MessageUnreadableError extends Error {
  /** The class's name. */
  override name = "MessageUnreadableError";
}

/** A message is no longer there: another program removed it. */
export class MessageGoneError extends MessageUnreadableError {
  /** The class's name. */
  override name = "MessageGoneError";
}

/** What UPDATE state did. */
export interface UpdateReport {
  /** How many messages were deleted. */
  readonly deleted: number;
  /** How many of the messages to delete are still there. */
  readonly undeleted: number;
  /** Why, for the log, if any stayed. */
  readonly reason?: string;
}

/** One message being sent, in wire form: CRLF line ends, dot-stuffed, without the final dot line. */
export interface MessageReader {
  /** The octets that the client will count: CRLF line ends, without dot-stuffing. */
  readonly octets: number;

  /**
   * Puts the next part of the message into `target` from `offset` on.
   *
   * @param target has room for at least 8 KiB behind `offset`
   * @returns the offset behind the last byte written, equal to `offset` only at the end
   * @throws {MessageUnreadableError} if the rest cannot be read
   */
  read(target: Uint8Array, offset: number): number;

  /** Frees the message's file; safe to call more than once. */
  close(): void;
}

/** An open maildrop. Message numbers are those of the protocol, from 1 to {@linkcode Maildrop.count}. */
export interface Maildrop {
  /** How many messages there are. */
  readonly count: number;

  /** The message's octets as RETR sends them, dot-stuffing not counted. */
  size(message: number): number;

  /** The unique id: 1 to 70 characters from 0x21 to 0x7E, the same in every session. */
  uidl(message: number): string;

  /**
   * What LIST or UIDL says of consecutive messages if none of them is deleted.
   *
   * @param list `sizes` for LIST, `ids` for UIDL
   * @param from 1, or the `next` of the part before; at most {@linkcode Maildrop.count}
   */
  lines(list: "sizes" | "ids", from: number): LinesPart;

  /**
   * Opens a message for sending.
   *
   * @param bodyLines with a number, only the header, the blank line and so many lines of the body (TOP)
   * @throws {MessageGoneError}
   * @throws {MessageUnreadableError}
   */
  open(message: number, bodyLines?: number): MessageReader;

  /**
   * UPDATE state: deletes messages, and marks retrieved ones as seen (moved from `new/` to `cur/`
   * with the flag S).
   *
   * @returns when all of it is done; never throws for a message that could not be handled
   */
  update(deleted: Iterable<number>, retrieved: Iterable<number>): Promise<UpdateReport>;

  /** Lets go of the maildrop and its lock; safe to call more than once. */
  close(): void;
}

/** Where maildrops are. */
export interface MaildropStore {
  /**
   * Opens and locks a user's maildrop. A user who never had mail has an empty one.
   *
   * @throws {MaildropInUseError}
   * @throws {MaildropUnavailableError}
   */
  open(user: string): Promise<Maildrop>;
}
