/**
 * The commands that send message text: RETR and TOP (RFC 1939 sections 5 and 7).
 *
 * @module
 */

import { reasonOf } from "../errors.ts";
import { MessageGoneError, type MessageReader } from "../maildir/maildrop.ts";
import type { Transaction } from "./phase.ts";
import type { SessionContext } from "./session_context.ts";
import { messageNumbers } from "./transaction.ts";

/** A message on its way to the client. */
interface Sending {
  readonly message: number;
  readonly reader: MessageReader;
  /** The first line of the reply. */
  readonly reply: string;
  /** Called when the last byte is in the buffer. */
  readonly done: () => void;
  /** Bytes of message text so far. */
  sent: number;
}

/** RETR message */
export function retr(
  session: SessionContext,
  phase: Transaction,
  args: Uint8Array,
): void | Promise<void> {
  const message = messageNumbers(session, phase, args, 1)?.[0];
  if (message === undefined) return;
  const reader = open(session, phase, message);
  if (reader === undefined) return;
  const { octets } = reader;
  const done = () => {
    phase.marks.retrieve(message);
    session.counts.retrieved++;
    session.counts.retrievedOctets += octets;
  };
  return send(session, { message, reader, reply: `+OK ${octets} octets`, done, sent: 0 });
}

/** TOP message lines: looking at the top of a message is not retrieving it. */
export function top(
  session: SessionContext,
  phase: Transaction,
  args: Uint8Array,
): void | Promise<void> {
  const numbers = messageNumbers(session, phase, args, 2);
  if (numbers === undefined) return;
  const [message, lines] = numbers as [number, number];
  const reader = open(session, phase, message, lines);
  if (reader === undefined) return;
  return send(session, { message, reader, reply: "+OK Top follows", done: () => {}, sent: 0 });
}

function open(
  session: SessionContext,
  phase: Transaction,
  message: number,
  lines?: number,
): MessageReader | undefined {
  try {
    return phase.maildrop.open(message, lines);
  } catch (error) {
    unreadable(session, message, error);
    return undefined;
  }
}

/** The command was right, and the next one may be as well: it is the message that cannot be had. */
function unreadable(session: SessionContext, message: number, error: unknown): void {
  session.options.log.trace(
    `${session.options.id}: message ${message} cannot be read: ${reasonOf(error)}`,
  );
  const isGone = error instanceof MessageGoneError;
  session.fail(
    isGone ? "The message is no longer there" : "The message cannot be read now",
    "SYS/TEMP",
  );
}

/** Most messages fit into the buffer and need no promise; the others stream. */
function send(session: SessionContext, sending: Sending): void | Promise<void> {
  const { out, options: { transcript } } = session;
  const start = out.length;
  out.line(sending.reply);
  let whole: boolean;
  try {
    whole = fillBuffer(session, sending);
  } catch (error) {
    // Nothing of it has been sent, so there is still a choice.
    sending.reader.close();
    out.truncate(start);
    return unreadable(session, sending.message, error);
  }
  transcript?.server(sending.reply);
  if (whole) return finish(session, sending);
  return stream(session, sending);
}

/** Sends as fast as the client takes it, holding no more than one buffer. */
async function stream(session: SessionContext, sending: Sending): Promise<void> {
  try {
    let whole = false;
    while (!whole) {
      await session.flush();
      if (session.endReason !== undefined) break;
      whole = fillBuffer(session, sending);
    }
    if (whole) return finish(session, sending);
  } catch (error) {
    // Without the final dot the client knows that the message is not whole.
    session.abandon(`message ${sending.message} could not be read: ${reasonOf(error)}`);
  }
  sending.reader.close();
  session.options.transcript?.message(sending.sent);
}

/**
 * Takes as much of the message as the buffer holds.
 *
 * @returns whether that was the end of it
 */
function fillBuffer({ out }: SessionContext, sending: Sending): boolean {
  const { reader } = sending;
  while (!out.full) {
    const before = out.length;
    const end = reader.read(out.part(), before);
    if (end === before) return true;
    out.advance(end);
    sending.sent += end - before;
  }
  return false;
}

function finish(session: SessionContext, sending: Sending): void {
  sending.reader.close();
  session.options.transcript?.message(sending.sent);
  session.line(".");
  sending.done();
}
