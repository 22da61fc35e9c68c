/**
 * The commands of the AUTHORIZATION state (RFC 1939 sections 4 and 7, RFC 2595 section 4), except
 * AUTH.
 *
 * @module
 */

import { apopDigest, parseDigest } from "../auth/digests.ts";
import type { ServerMechanism } from "../auth/types.ts";
import { reasonOf } from "../errors.ts";
import type { TlsInfo } from "../transport/connection.ts";
import { textOf } from "./command_line.ts";
import { login } from "./login.ts";
import type { Authorization } from "./phase.ts";
import { refusalOf } from "./policy.ts";
import type { SessionContext } from "./session_context.ts";
import { networkOf } from "./shared_tables.ts";

/** Whether a login method is accepted now; else the client is told why not. */
export function isAccepted(session: SessionContext, mechanism: ServerMechanism): boolean {
  const refusal = refusalOf(mechanism, session.options.settings, session.facts);
  if (refusal === undefined) return true;
  session.bad(refusal);
  return false;
}

/** USER name: always welcome, since the reply may not tell which users there are. */
export function user(session: SessionContext, phase: Authorization, name: Uint8Array): void {
  if (!isAccepted(session, "USERPASS")) return;
  phase.user = textOf(name);
  session.ok("Send the password with PASS");
}

/** PASS password: all behind the one space, since a password may hold and even begin with spaces. */
export function pass(
  session: SessionContext,
  phase: Authorization,
  secret: Uint8Array,
): void | Promise<void> {
  if (!isAccepted(session, "USERPASS")) return;
  const name = phase.user;
  if (name === undefined) return session.bad("Send the name with USER first");
  const password = textOf(secret);
  return login(session, {
    method: "PASS",
    user: name,
    check: () =>
      session.options.authenticator.checkPassword(name, password, networkOf(session.address)),
  });
}

/** APOP name digest. A name may hold spaces, a digest may not. */
export function apop(
  session: SessionContext,
  _phase: Authorization,
  args: Uint8Array,
): void | Promise<void> {
  if (!isAccepted(session, "APOP")) return;
  const text = textOf(args).trimEnd();
  const at = text.lastIndexOf(" ");
  const digest = parseDigest(text.slice(at + 1));
  const { stamp } = session;
  if (at < 1 || digest === undefined || stamp === undefined) {
    return session.bad("APOP takes a name and a digest of 32 hexadecimal digits");
  }
  const name = text.slice(0, at);
  return login(session, {
    method: "APOP",
    user: name,
    check: () =>
      session.options.authenticator.checkDigest(
        name,
        digest,
        (password) => apopDigest(stamp, password),
      ),
  });
}

/**
 * STLS (RFC 2595 section 4). Whatever came in the clear behind it could have been put there by
 * somebody on the line, to be obeyed as if it had come encrypted: it ends the connection, and so
 * does a part of a line.
 */
export async function stls(session: SessionContext): Promise<void> {
  const { startTls, transcript } = session.options;
  if (session.connection.tls !== undefined) return session.bad("TLS is in use already");
  if (startTls === undefined) return session.bad("TLS is not available here");
  const refusal = session.options.tlsRefusal?.();
  if (refusal !== undefined) return session.fail(refusal, "SYS/TEMP");
  session.ok("Begin the TLS negotiation");
  if (session.unreadInput > 0) return session.end("data in the clear behind STLS");
  await session.flush();
  if (session.stopping) session.end("server shutdown");
  if (session.endReason !== undefined) return;
  try {
    await session.secure(startTls);
  } catch (error) {
    return session.end(`TLS handshake failed: ${reasonOf(error)}`);
  }
  const { tls } = session.connection;
  if (tls !== undefined) transcript?.event(tlsEvent(tls));
}

/** How the transcript tells of an encrypted connection. */
export function tlsEvent(tls: TlsInfo): string {
  const { protocol, cipher, verifiedCommonName, certificateFault } = tls;
  let text = `TLS started: ${protocol} ${cipher}`;
  if (verifiedCommonName !== undefined) text += `, client certificate of "${verifiedCommonName}"`;
  if (certificateFault !== undefined) {
    text += `, client certificate not accepted: ${certificateFault}`;
  }
  return text;
}

/** QUIT before a login: there is nothing to update. */
export function quitEarly(session: SessionContext): void {
  session.ok("Goodbye");
  session.end("logged out");
}
