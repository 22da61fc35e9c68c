/**
 * What a connection may do now: which logins it is offered, and what CAPA says about it. The
 * greeting, CAPA, AUTH and the login commands all ask here, so that they cannot contradict each
 * other.
 *
 * @module
 */

import { SERVER_MECHANISMS, type ServerMechanism } from "../auth/types.ts";
import type { TlsInfo } from "../transport/connection.ts";
import type { SessionSettings } from "./session_options.ts";

/** The settings that logins depend on. */
export type LoginSettings = Pick<SessionSettings, "authtypes" | "authtypesSsl" | "mandatoryTls">;

/** What is so on a connection now, and changes with STLS. */
export interface ConnectionFacts {
  /** Present once the connection is encrypted. */
  readonly tls: TlsInfo | undefined;
  /** Whether STLS would work: TLS is configured. */
  readonly tlsPossible: boolean;
  /** Whether plain passwords are kept, see {@linkcode Authenticator.digestsPossible}. */
  readonly digestsPossible: boolean;
  /** The time stamp of the greeting, without which a client cannot do APOP. */
  readonly stamp: string | undefined;
}

/** The SASL names (RFC 4422) of the mechanisms that AUTH knows. */
export const SASL_NAMES: ReadonlyMap<string, ServerMechanism> = new Map([
  ["PLAIN", "SASL_PLAIN"],
  ["CRAM-MD5", "SASL_CRAM_MD5"],
  ["EXTERNAL", "SASL_EXTERNAL"],
]);

/**
 * Why a login method would be refused on this connection now, for the client to read; undefined
 * if it would be accepted.
 */
export function refusalOf(
  mechanism: ServerMechanism,
  settings: LoginSettings,
  facts: ConnectionFacts,
): string | undefined {
  if (!settings.authtypes.includes(mechanism)) return "This login method is not enabled";
  if (facts.tls === undefined) {
    if (
      settings.mandatoryTls || settings.authtypesSsl.includes(mechanism) ||
      mechanism === "SASL_EXTERNAL"
    ) {
      return facts.tlsPossible
        ? "This login method needs TLS: use STLS first"
        : "This login method needs TLS";
    }
  } else if (mechanism === "SASL_EXTERNAL" && facts.tls.verifiedCommonName === undefined) {
    return "EXTERNAL needs a client certificate that this server trusts";
  }
  if (mechanism === "APOP" || mechanism === "SASL_CRAM_MD5") {
    if (!facts.digestsPossible) return "This login method is not available here";
    if (mechanism === "APOP" && facts.stamp === undefined) {
      return "APOP is not possible: the greeting carried no time stamp";
    }
  }
  return undefined;
}

/** Whether the greeting shall carry a stamp: APOP would be accepted at once (RFC 1939 section 7). */
export function offersApop(settings: LoginSettings, facts: ConnectionFacts): boolean {
  return refusalOf("APOP", settings, { ...facts, stamp: "" }) === undefined;
}

/** The login methods that would be accepted now. */
export function acceptedMechanisms(
  settings: LoginSettings,
  facts: ConnectionFacts,
): ServerMechanism[] {
  return SERVER_MECHANISMS.filter((name) => refusalOf(name, settings, facts) === undefined);
}

/** The names that AUTH accepts now, as it and CAPA list them. */
export function acceptedSaslNames(settings: LoginSettings, facts: ConnectionFacts): string[] {
  const accepted = acceptedMechanisms(settings, facts);
  return [...SASL_NAMES].filter(([, name]) => accepted.includes(name)).map(([name]) => name);
}

/**
 * What CAPA says about the server as a whole (RFC 2449 section 6, RFC 3206 section 6); what it
 * says about single commands stands in the command table.
 */
export function generalCapabilities(settings: SessionSettings): string[] {
  return [
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "PIPELINING",
    `EXPIRE ${settings.expire < 0 ? "NEVER" : settings.expire}`,
    "IMPLEMENTATION Mailismus",
  ];
}
