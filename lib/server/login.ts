/**
 * From credentials to an open maildrop, the same for every way of logging in.
 *
 * @module
 */

import type { AuthOutcome } from "../auth/types.ts";
import { reasonOf } from "../errors.ts";
import { harmless } from "../log/line.ts";
import {
  type Maildrop,
  MaildropInUseError,
  MaildropUnavailableError,
} from "../maildir/maildrop.ts";
import { Marks } from "./marks.ts";
import type { LoginTurn } from "./login_gate.ts";
import type { SessionContext } from "./session_context.ts";

/** The most characters of a name that the log shows. */
const NAME_SHOWN = 80;

/** One attempt to log in. */
export interface LoginAttempt {
  /** As the log names it: `PASS`, `CRAM-MD5`. */
  readonly method: string;
  /** The name that the client claims. */
  readonly user: string;
  /** Makes the check. */
  check(): Promise<AuthOutcome>;
}

/**
 * Checks credentials and enters the TRANSACTION state, or replies why not. A wait that the login
 * gate demands comes before the check.
 */
export async function login(session: SessionContext, attempt: LoginAttempt): Promise<void> {
  const { loginGate } = session.options;
  if (session.phase.kind === "authorization") session.phase.user = undefined;
  const turn = loginGate.attempt(session.address, attempt.user);
  const outcome = await checkInTurn(session, attempt, turn);
  if (outcome === undefined || session.endReason !== undefined) return;
  if (outcome.kind === "accepted") return await enter(session, outcome.user);
  if (outcome.kind === "refused") {
    session.options.log.warn(
      `${session.options.id}: login failed (${attempt.method}): user ${shown(attempt.user)} ` +
        `from ${session.address}`,
    );
    return session.fail("Login failed: unknown user or wrong credentials", "AUTH");
  }
  session.options.log.error(
    `${session.options.id}: login of user ${shown(attempt.user)} could not be checked: ` +
      outcome.reason,
  );
  session.fail("The login cannot be checked now: try again later", "SYS/TEMP");
}

/** The check's outcome, which counts even if the client has gone; undefined if none was made. */
async function checkInTurn(
  session: SessionContext,
  attempt: LoginAttempt,
  turn: LoginTurn,
): Promise<AuthOutcome | undefined> {
  let outcome: AuthOutcome | undefined;
  try {
    for (let wait = turn.wait(); wait > 0; wait = turn.wait()) {
      if (!(await session.pause(wait))) return undefined;
    }
    return outcome = await check(attempt);
  } finally {
    turn.end(outcome?.kind ?? "unavailable");
  }
}

async function check(attempt: LoginAttempt): Promise<AuthOutcome> {
  try {
    return await attempt.check();
  } catch (error) {
    return { kind: "unavailable", reason: reasonOf(error) };
  }
}

async function enter(session: SessionContext, user: string): Promise<void> {
  if (session.stopping) return;
  session.stopClock();
  const maildrop = await open(session, user);
  if (maildrop === undefined) return;
  if (session.endReason !== undefined || session.stopping) return maildrop.close();
  session.phase = { kind: "transaction", user, maildrop, marks: new Marks(maildrop.count) };
  session.out.allowLarge();
  session.options.loginGate.authenticated();
  session.ok("Logged in");
}

/** Whoever is refused here has proved who they are, and so may know why (RFC 3206 section 4). */
async function open(session: SessionContext, user: string): Promise<Maildrop | undefined> {
  const { store, log, id } = session.options;
  try {
    return await store.open(user);
  } catch (error) {
    if (error instanceof MaildropInUseError) {
      log.trace(`${id}: mailbox of user ${shown(user)} is in use by another session`);
      session.fail("Mailbox is in use by another session", "IN-USE");
    } else {
      log.error(`${id}: cannot open the mailbox of user ${shown(user)}: ${reasonOf(error)}`);
      if (error instanceof MaildropUnavailableError && error.lasting) {
        session.fail("Mailbox cannot be opened: ask the server's administrator", "SYS/PERM");
      } else session.fail("Mailbox cannot be opened now: try again later", "SYS/TEMP");
    }
    return undefined;
  }
}

/**
 * A name as the log shows it: of bounded length, without control characters, and in quotes that it
 * cannot end: programs that ban addresses read these lines.
 */
export function shown(name: string): string {
  return `"${harmless(name.replace(/["\\]/g, "\\$&"), NAME_SHOWN)}"`;
}
