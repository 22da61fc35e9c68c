/**
 * The commands of the TRANSACTION state that send no message text (RFC 1939 sections 5 and 7), and
 * QUIT with the UPDATE state (section 6).
 *
 * @module
 */

import { reasonOf } from "../errors.ts";
import { isBlank, type NumberFault, parseNumbers } from "./command_line.ts";
import { shown } from "./login.ts";
import type { Totals, Transaction } from "./phase.ts";
import type { SessionContext } from "./session_context.ts";

const FAULTS: Record<NumberFault, string> = {
  "missing": "A message number is missing",
  "not a number": "A number of decimal digits is needed",
  "too large": "The number is too large",
  "noise": "Something follows the number",
};

/**
 * Lines of a list that a transcript shows: small mailboxes are shown whole, and a client that asks
 * again and again fills no disk with a command of six octets.
 */
const MOST_SHOWN = 100;

/**
 * Reads a command's numbers, the first of which is that of a message. It must be there and not
 * deleted; what is wrong is told the client.
 *
 * @returns undefined if something is wrong
 */
export function messageNumbers(
  session: SessionContext,
  phase: Transaction,
  args: Uint8Array,
  count: number,
): number[] | undefined {
  const numbers = parseNumbers(args, count);
  if (typeof numbers === "string") {
    session.bad(
      numbers === "missing" && count > 1
        ? "A message number and a number of lines are needed"
        : FAULTS[numbers],
    );
    return undefined;
  }
  const message = numbers[0]!;
  const there = phase.maildrop.count;
  if (message < 1 || message > there) {
    session.bad(
      there === 0
        ? "No such message: the maildrop is empty"
        : `No such message: the maildrop has ${there === 1 ? "only message 1" : `1 to ${there}`}`,
    );
    return undefined;
  }
  if (phase.marks.isDeleted(message)) {
    session.bad("The message is deleted");
    return undefined;
  }
  return numbers;
}

/** Counted once, for some hundred STATs fit into one packet. */
function totals(phase: Transaction): Totals {
  return phase.totals ??= countLeft(phase);
}

function countLeft({ maildrop, marks }: Transaction): Totals {
  let messages = 0;
  let octets = 0;
  for (let message = 1; message <= maildrop.count; message++) {
    if (marks.isDeleted(message)) continue;
    messages++;
    octets += maildrop.size(message);
  }
  return { messages, octets };
}

/** STAT */
export function stat(session: SessionContext, phase: Transaction): void {
  const { messages, octets } = totals(phase);
  session.ok(`${messages} ${octets}`);
}

/** LIST [message] */
export function list(
  session: SessionContext,
  phase: Transaction,
  args: Uint8Array,
): void | Promise<void> {
  if (!isBlank(args)) return listOne(session, phase, args, "sizes");
  const { messages, octets } = totals(phase);
  session.ok(`${messages} messages (${octets} octets)`);
  return listAll(session, phase, "sizes");
}

/** UIDL [message] */
export function uidl(
  session: SessionContext,
  phase: Transaction,
  args: Uint8Array,
): void | Promise<void> {
  if (!isBlank(args)) return listOne(session, phase, args, "ids");
  session.ok("Unique ids follow");
  return listAll(session, phase, "ids");
}

/** The lists of a maildrop: `sizes` is LIST, `ids` is UIDL. */
type List = "sizes" | "ids";

/** A message's line, as the command with its number and the one without have it. */
function lineOf({ maildrop }: Transaction, kind: List, message: number): string {
  return `${message} ${kind === "sizes" ? maildrop.size(message) : maildrop.uidl(message)}`;
}

function listOne(
  session: SessionContext,
  phase: Transaction,
  args: Uint8Array,
  kind: List,
): void {
  const message = messageNumbers(session, phase, args, 1)?.[0];
  if (message !== undefined) session.ok(lineOf(phase, kind, message));
}

function listAll(
  session: SessionContext,
  phase: Transaction,
  kind: List,
): void | Promise<void> {
  const { maildrop, marks } = phase;
  recordList(session, phase, kind);
  const some = (from: number) =>
    marks.hasDeleted ? addLine(session, phase, from, kind) : addLines(session, phase, from, kind);
  const part = (from: number): number => {
    for (let message = from; message <= maildrop.count; message = some(message)) {
      if (session.out.full) return message;
    }
    session.line(".");
    return 0;
  };
  const next = part(1);
  if (next > 0) return listRest(session, part, next);
}

/** Notes the lines of a list in the transcript: the first of them, and how many more there are. */
function recordList(
  session: SessionContext,
  phase: Transaction,
  kind: List,
): void {
  const { transcript } = session.options;
  if (transcript === undefined) return;
  const { maildrop, marks } = phase;
  let shown = 0;
  for (let message = 1; message <= maildrop.count && shown < MOST_SHOWN; message++) {
    if (marks.isDeleted(message)) continue;
    transcript.server(lineOf(phase, kind, message));
    shown++;
  }
  const more = totals(phase).messages - shown;
  if (more > 0) transcript.server(`(${more} more ${more === 1 ? "line" : "lines"})`);
}

/** Numbers stay what they are after DELE: a deleted message only leaves a gap (RFC 1939 section 5). */
function addLine(
  session: SessionContext,
  phase: Transaction,
  message: number,
  kind: List,
): number {
  if (!phase.marks.isDeleted(message)) session.out.line(lineOf(phase, kind, message));
  return message + 1;
}

function addLines(
  session: SessionContext,
  { maildrop }: Transaction,
  from: number,
  kind: List,
): number {
  const { bytes, next } = maildrop.lines(kind, from);
  session.out.bytes(bytes);
  return next;
}

/** Goes on as fast as the client takes it. */
async function listRest(
  session: SessionContext,
  part: (from: number) => number,
  from: number,
): Promise<void> {
  let next = from;
  while (next > 0) {
    await session.flush();
    if (session.endReason !== undefined) return;
    next = part(next);
  }
}

/** DELE message: only a mark until QUIT. */
export function dele(session: SessionContext, phase: Transaction, args: Uint8Array): void {
  const message = messageNumbers(session, phase, args, 1)?.[0];
  if (message === undefined) return;
  phase.marks.delete(message);
  phase.totals = undefined;
  session.ok("Marked for deletion");
}

/** RSET takes back all marks, also those of retrieved messages that `expire` 0 would delete. */
export function rset(session: SessionContext, phase: Transaction): void {
  phase.marks.reset();
  phase.totals = undefined;
  session.ok("Nothing is marked for deletion");
}

/** NOOP */
export function noop(session: SessionContext): void {
  session.ok("Nothing done");
}

/**
 * QUIT after a login: the UPDATE state. What was retrieved must have been sent before it may be
 * deleted, and +OK means that deletion is complete.
 */
export async function quit(session: SessionContext, phase: Transaction): Promise<void> {
  const { maildrop, marks, user } = phase;
  await session.flush();
  if (session.endReason !== undefined) return;
  const retrieved = marks.retrieved();
  // Manual 4.8: retention of 0 days deletes what was downloaded at the end of the session.
  if (session.options.settings.expire === 0) {
    for (const message of retrieved) marks.delete(message);
  }
  const deleted = marks.deleted();
  const kept = retrieved.filter((message) => !marks.isDeleted(message));
  session.phase = { kind: "update", user, maildrop };
  session.end("logged out");
  if (deleted.length === 0 && kept.length === 0) {
    maildrop.close();
    return session.ok("Goodbye");
  }
  session.stopClock();
  await update(session, phase, deleted, kept);
}

async function update(
  session: SessionContext,
  { maildrop, user }: Transaction,
  deleted: number[],
  seen: number[],
): Promise<void> {
  const { log, id } = session.options;
  try {
    // Unlocked before the answer: the client may log in again as soon as it has it.
    const report = await maildrop.update(deleted, seen).finally(() => maildrop.close());
    session.counts.deleted = report.deleted;
    if (report.reason !== undefined) {
      log.warn(`${id}: mailbox of user ${shown(user)} could not be updated: ${report.reason}`);
    }
    if (report.undeleted > 0) {
      const { undeleted } = report;
      return session.fail(
        `${undeleted} message${undeleted === 1 ? "" : "s"} could not be deleted`,
        "SYS/PERM",
      );
    }
    session.ok(report.deleted === 0 ? "Goodbye" : `Goodbye, ${report.deleted} deleted`);
  } catch (error) {
    log.error(`${id}: mailbox of user ${shown(user)} could not be updated: ${reasonOf(error)}`);
    session.fail("The mailbox could not be updated: messages may not be deleted", "SYS/TEMP");
  }
}
