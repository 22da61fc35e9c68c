/**
 * The table of all commands: the only place that knows which there are, in which state each is
 * legal, whether it takes an argument, and what CAPA says of it.
 *
 * @module
 */

import { apop, pass, quitEarly, stls, user } from "./authorization.ts";
import { codeOf } from "./command_line.ts";
import { retr, top } from "./message_commands.ts";
import type { Authorization, Transaction } from "./phase.ts";
import { acceptedMechanisms, acceptedSaslNames, generalCapabilities } from "./policy.ts";
import { auth } from "./sasl_exchange.ts";
import type { SessionContext } from "./session_context.ts";
import { dele, list, noop, quit, rset, stat, uidl } from "./transaction.ts";

/** Carries out a command in one state; replies through the session. */
export type Handler<P> = (
  session: SessionContext,
  phase: P,
  args: Uint8Array,
) => void | Promise<void>;

/** A command. It is legal in those states for which it has a handler. */
export interface Command {
  /** The keyword in capitals. */
  readonly name: string;
  /** Whether there must, may or must not be something behind the keyword. */
  readonly argument: "needed" | "optional" | "none";
  /** Its handler before login. */
  readonly authorization?: Handler<Authorization>;
  /** Its handler after login. */
  readonly transaction?: Handler<Transaction>;
  /** The line of CAPA that announces it now (RFC 2449 section 6), if any does. */
  readonly capability?: (session: SessionContext) => string | undefined;
}

/** In the order in which CAPA lists them. */
export const COMMANDS: readonly Command[] = [
  { name: "USER", argument: "needed", authorization: user, capability: userCapability },
  // An empty password is a failed login, not an error.
  { name: "PASS", argument: "optional", authorization: pass },
  { name: "APOP", argument: "needed", authorization: apop },
  { name: "AUTH", argument: "optional", authorization: auth, capability: saslCapability },
  { name: "STLS", argument: "none", authorization: stls, capability: stlsCapability },
  { name: "CAPA", argument: "none", authorization: capa, transaction: capa },
  { name: "STAT", argument: "none", transaction: stat },
  { name: "LIST", argument: "optional", transaction: list },
  { name: "RETR", argument: "needed", transaction: retr },
  { name: "DELE", argument: "needed", transaction: dele },
  { name: "NOOP", argument: "none", transaction: noop },
  { name: "RSET", argument: "none", transaction: rset },
  { name: "TOP", argument: "needed", transaction: top, capability: () => "TOP" },
  { name: "UIDL", argument: "optional", transaction: uidl, capability: () => "UIDL" },
  { name: "QUIT", argument: "none", authorization: quitEarly, transaction: quit },
];

const byCode: ReadonlyMap<number, Command> = new Map(
  COMMANDS.map((command) => [codeOf(command.name), command]),
);

/** The command of a keyword's code, see {@linkcode keywordCode}. */
export function findCommand(code: number): Command | undefined {
  return byCode.get(code);
}

/** CAPA (RFC 2449 section 5). */
function capa(session: SessionContext): void {
  session.ok("Capabilities:");
  for (const { capability } of COMMANDS) {
    const line = capability?.(session);
    if (line !== undefined) session.line(line);
  }
  for (const line of generalCapabilities(session.options.settings)) session.line(line);
  session.line(".");
}

function userCapability({ options, facts }: SessionContext): string | undefined {
  return acceptedMechanisms(options.settings, facts).includes("USERPASS") ? "USER" : undefined;
}

function saslCapability({ options, facts }: SessionContext): string | undefined {
  const names = acceptedSaslNames(options.settings, facts);
  return names.length > 0 ? `SASL ${names.join(" ")}` : undefined;
}

/** RFC 2595 section 4: only where it would be accepted. */
function stlsCapability({ facts, phase }: SessionContext): string | undefined {
  const possible = facts.tlsPossible && facts.tls === undefined && phase.kind === "authorization";
  return possible ? "STLS" : undefined;
}
