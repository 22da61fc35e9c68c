/**
 * The retriever's audit log: a line for each message that was retrieved.
 *
 * ```text
 * 2026-11-21 14:03:22.123 Client=home Server=pop.example.org:995 User=bob TLS=yes Mailbox=alice Message-ID=<1@example.net> Octets=4096 Sender="Carol <carol@example.net>"
 * ```
 *
 * @module
 */
import { harmless, timeStamp } from "./line.ts";

/** Where a message went: a mailbox's user, a file's path, or the envelope recipient of SMTP. */
export interface AuditDestination {
  /** The kind, as it stands in the line. */
  readonly kind: "Mailbox" | "File" | "SMTP";
  /** Its name. */
  readonly name: string;
}

/** What is recorded of a retrieved message. */
export interface AuditEntry {
  /** The client's `id` in the config. */
  readonly client: string;
  /** The remote server, `host:port`. */
  readonly server: string;
  /** The login name there, if the login had one. */
  readonly user?: string | undefined;
  /** Whether the session was encrypted. */
  readonly tls: boolean;
  /** Where it went: more than one for an alias. */
  readonly destinations: readonly AuditDestination[];
  /** The Message-ID field's value, if there is one. */
  readonly messageId?: string | undefined;
  /** Its size as RETR sent it, without the added header. */
  readonly octets: number;
  /** The From field's value, else the Sender field's, if there is either. */
  readonly sender?: string | undefined;
}

/** Characters of a value at most: header fields are the remote sender's, of any length. */
const LONGEST = 500;

/** Values that need no quotes: what addresses, paths and message ids are made of. */
const PLAIN = /^[\w@.:\/<>+\-\[\]$%&!#*?^{|}~']+$/;

/**
 * The line of an entry, its line end included. A value that holds anything but plain characters
 * is quoted, with `\"` and `\\`, and control characters as `\x0d`: no sender can forge a line or
 * a field of one. What a message does not have is `-`.
 *
 * @param now milliseconds since 1970
 */
export function auditLine(entry: AuditEntry, now: number): string {
  const fields: [string, string | undefined][] = [
    ["Client", entry.client],
    ["Server", entry.server],
    ["User", entry.user],
    ["TLS", entry.tls ? "yes" : "no"],
    ...entry.destinations.map(({ kind, name }): [string, string] => [kind, name]),
    ["Message-ID", entry.messageId],
    ["Octets", String(entry.octets)],
    ["Sender", entry.sender],
  ];
  const text = fields.map(([name, value]) =>
    `${name}=${value === undefined ? "-" : quoted(value)}`
  );
  return `${timeStamp(now)} ${text.join(" ")}\n`;
}

function quoted(value: string): string {
  const short = value.length > LONGEST ? value.slice(0, LONGEST) + "…" : value;
  if (short !== "-" && PLAIN.test(short)) return short;
  return `"${harmless(short.replace(/["\\]/g, "\\$&"))}"`;
}
