/**
 * A POP3 session (RFC 1939) as a function of bytes: from the greeting to the end of the
 * connection.
 *
 * @module
 */

import { apopStamp } from "../auth/digests.ts";
import type { Connection } from "../transport/connection.ts";
import { OVERLONG } from "../wire/line_reader.ts";
import { tlsEvent } from "./authorization.ts";
import { argumentsOf, isBlank, keywordCode, textOf } from "./command_line.ts";
import { type Command, findCommand } from "./commands.ts";
import { shown } from "./login.ts";
import { offersApop } from "./policy.ts";
import { SessionContext } from "./session_context.ts";
import type { SessionOptions } from "./session_options.ts";

/**
 * Serves one connection until it ends. Messages are deleted only by a QUIT after a login.
 *
 * @param connection is closed in the end, whatever happens
 * @returns when the session is over; never rejects
 */
export async function runSession(connection: Connection, options: SessionOptions): Promise<void> {
  const session = new SessionContext(connection, options);
  const { group, transcript } = options;
  group.add(session);
  try {
    if (connection.tls !== undefined) transcript?.event(tlsEvent(connection.tls));
    await converse(session);
  } catch (error) {
    fault(session, error);
  } finally {
    session.close();
    group.delete(session);
    transcript?.event(`disconnected: ${session.endReason}`);
    noteEnd(session);
  }
}

/** Replies of commands that came together leave together, as one write. */
async function converse(session: SessionContext): Promise<void> {
  if (session.options.group.stage === "running") greet(session);
  else session.farewell();
  while (session.endReason === undefined) {
    const line = session.nextLine();
    if (line === undefined) {
      if (session.out.length > 0) await session.flush();
      if (!(await session.fill())) break;
      continue;
    }
    const pending = line === OVERLONG ? overlong(session) : handle(session, line);
    if (pending !== undefined) await pending;
    session.commandDone();
    if (session.out.full) await session.flush();
  }
  await session.flush();
}

function greet(session: SessionContext): void {
  const { settings } = session.options;
  if (offersApop(settings, session.facts)) session.stamp = apopStamp(settings.hostName);
  session.ok(session.stamp === undefined ? settings.greet : `${settings.greet} ${session.stamp}`);
}

function handle(session: SessionContext, line: Uint8Array): void | Promise<void> {
  const { phase, options: { transcript } } = session;
  transcript?.client(textOf(line));
  if (phase.kind === "authorization" && !session.mayAskMore()) return;
  if (phase.kind === "authorization" && phase.exchange !== undefined) return phase.exchange(line);
  if (line.includes(0)) return session.bad("A NUL byte is in the line");
  const command = findCommand(keywordCode(line));
  if (command === undefined) return session.bad("This command is unknown");
  const args = argumentsOf(line);
  if (phase.kind === "authorization") {
    if (command.authorization === undefined) {
      return session.bad(`${command.name} is possible only after login`);
    }
    if (fits(session, command, args)) return command.authorization(session, phase, args);
  } else if (phase.kind === "transaction") {
    if (command.transaction === undefined) {
      return session.bad(`${command.name} is possible only before login`);
    }
    if (fits(session, command, args)) return command.transaction(session, phase, args);
  }
}

/** Whether there is an argument just where one is wanted; else the client is told. */
function fits(session: SessionContext, { name, argument }: Command, args: Uint8Array): boolean {
  if (argument === "optional" || (argument === "none") === isBlank(args)) return true;
  session.bad(argument === "none" ? `${name} takes no argument` : `${name} needs an argument`);
  return false;
}

/** The line is dropped, and with it the exchange that it may have belonged to. */
function overlong(session: SessionContext): void {
  const { phase } = session;
  if (phase.kind === "authorization") phase.exchange = undefined;
  session.options.transcript?.event("a line over the limit was dropped");
  session.bad("The line is too long");
}

/** What the client does cannot get here: this is a fault of the program. */
function fault(session: SessionContext, error: unknown): void {
  const detail = error instanceof Error ? error.stack ?? error.message : String(error);
  session.options.log.error(`${session.options.id}: session ended by an internal error: ${detail}`);
  session.end("internal error");
}

/** One line a session, for whoever wants to know what a user did; noise at the port is a detail. */
function noteEnd(session: SessionContext): void {
  const { phase, address, connection: { tls }, counts, endReason, options: { log, id } } = session;
  const from = `from ${address} (${tls?.protocol ?? "no TLS"})`;
  if (phase.kind === "authorization") return log.trace(`${id}: no login ${from}: ${endReason}`);
  log.info(
    `${id}: user ${shown(phase.user)} ${from}: ${counts.retrieved} retrieved ` +
      `(${counts.retrievedOctets} octets), ${counts.deleted} deleted: ${endReason}`,
  );
}
