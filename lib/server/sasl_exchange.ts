/**
 * AUTH (RFC 5034): a mechanism's exchange of base64 lines, and the login at its end.
 *
 * @module
 */

import { decodeBase64, decodeInitialResponse, encodeBase64 } from "../auth/base64.ts";
import { cramMd5Challenge, cramMd5Digest } from "../auth/digests.ts";
import { authorizesItself, parseCramMd5, parseExternal, parsePlain } from "../auth/sasl.ts";
import type { ServerMechanism } from "../auth/types.ts";
import { encodeText, latin1 } from "../wire/text.ts";
import { isAccepted } from "./authorization.ts";
import { isBlank } from "./command_line.ts";
import { login } from "./login.ts";
import type { Authorization } from "./phase.ts";
import { acceptedSaslNames, SASL_NAMES } from "./policy.ts";
import type { SessionContext } from "./session_context.ts";
import { networkOf } from "./shared_tables.ts";

/** Handles a mechanism's message, after base64. */
type Answer = (message: Uint8Array) => void | Promise<void>;

/** AUTH alone lists the mechanisms; with a mechanism and perhaps an initial response it begins. */
export function auth(
  session: SessionContext,
  phase: Authorization,
  args: Uint8Array,
): void | Promise<void> {
  if (isBlank(args)) return listMechanisms(session);
  const [name = "", response, ...more] = latin1(args).trimEnd().split(" ");
  const mechanism = SASL_NAMES.get(name.toUpperCase());
  if (mechanism === undefined) {
    return session.bad("This mechanism is unknown: AUTH alone lists all");
  }
  if (!isAccepted(session, mechanism)) return;
  if (more.length > 0) return session.bad("AUTH takes a mechanism and one initial response");
  return begin(session, phase, mechanism, response);
}

function listMechanisms(session: SessionContext): void {
  session.ok("Mechanisms:");
  for (const name of acceptedSaslNames(session.options.settings, session.facts)) session.line(name);
  session.line(".");
}

function begin(
  session: SessionContext,
  phase: Authorization,
  mechanism: ServerMechanism,
  response: string | undefined,
): void | Promise<void> {
  if (mechanism === "SASL_CRAM_MD5") {
    // RFC 5034 section 4: where the server speaks first, an initial response is an error.
    if (response !== undefined) return session.bad("CRAM-MD5 takes no initial response");
    const challenge = cramMd5Challenge(session.options.settings.hostName);
    return ask(
      session,
      phase,
      encodeText(challenge),
      (message) => cramMd5(session, challenge, message),
    );
  }
  const answer: Answer = mechanism === "SASL_PLAIN"
    ? (message) => plain(session, message)
    : (message) => external(session, message);
  if (response === undefined) return ask(session, phase, new Uint8Array(0), answer);
  const message = decodeInitialResponse(response);
  return message === undefined
    ? session.bad("The initial response is not base64")
    : answer(message);
}

/** Sends a challenge and takes the client's next line as the answer to it. */
function ask(
  session: SessionContext,
  phase: Authorization,
  challenge: Uint8Array,
  answer: Answer,
): void {
  phase.exchange = (line) => {
    phase.exchange = undefined;
    const text = latin1(line);
    if (text === "*") return session.fail("Authentication cancelled");
    const message = decodeBase64(text);
    return message === undefined ? session.bad("The answer is not base64") : answer(message);
  };
  session.line(`+ ${encodeBase64(challenge)}`);
}

function plain(session: SessionContext, message: Uint8Array): void | Promise<void> {
  const credentials = parsePlain(message);
  if (credentials === undefined) return session.bad("The answer is no PLAIN message (RFC 4616)");
  const { authzid, user, password } = credentials;
  if (!authorizesItself(authzid, user)) return refuseProxy(session);
  return login(session, {
    method: "PLAIN",
    user,
    check: () =>
      session.options.authenticator.checkPassword(user, password, networkOf(session.address)),
  });
}

function cramMd5(
  session: SessionContext,
  challenge: string,
  message: Uint8Array,
): void | Promise<void> {
  const response = parseCramMd5(message);
  if (response === undefined) return session.bad("The answer is no CRAM-MD5 message (RFC 2195)");
  const { user, digest } = response;
  return login(session, {
    method: "CRAM-MD5",
    user,
    check: () =>
      session.options.authenticator.checkDigest(
        user,
        digest,
        (password) => cramMd5Digest(challenge, password),
      ),
  });
}

function external(session: SessionContext, message: Uint8Array): void | Promise<void> {
  const authzid = parseExternal(message);
  const user = session.connection.tls?.verifiedCommonName;
  if (authzid === undefined || user === undefined) {
    return session.bad("The answer is no EXTERNAL message (RFC 4422)");
  }
  if (!authorizesItself(authzid, user)) return refuseProxy(session);
  return login(session, {
    method: "EXTERNAL",
    user,
    check: () => session.options.authenticator.checkCertificate(user),
  });
}

function refuseProxy(session: SessionContext): void {
  session.fail("Nobody may log in on behalf of another user", "AUTH");
}
