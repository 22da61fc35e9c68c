/**
 * The trace line that says how a message came here (RFC 5321 section 4.4).
 *
 * @module
 */
import { two } from "../log/line.ts";
import { encodeText } from "../wire/text.ts";
import type { MessageForm } from "./destination.ts";

/** What the header says. */
export interface ReceivedOptions {
  /** The remote server's name, as configured. */
  readonly host: string;
  /** Its address. */
  readonly address: string;
  /** This host's name. */
  readonly hostName: string;
  /** How it came here. */
  readonly protocol: "POP3" | "POP-to-SMTP";
  /** The recipient, as configured. */
  readonly recip: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/**
 * Makes the header for one message after the other; its octets change once a second only.
 *
 * @param now the clock, in milliseconds since 1970
 */
export function receivedHeaders(
  options: Omit<ReceivedOptions, "time">,
  form: MessageForm,
  now: () => number,
): () => Uint8Array {
  let second = NaN;
  let octets: Uint8Array = new Uint8Array(0);
  return () => {
    const time = now();
    if (Math.floor(time / 1000) === second) return octets;
    second = Math.floor(time / 1000);
    return octets = encodeText(receivedHeader({ ...options, time }, form));
  };
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** The header field, folded, with the line ends of `form`. */
export function receivedHeader(options: ReceivedOptions, form: MessageForm): string {
  const { host, address, hostName, protocol, recip, time } = options;
  const lineEnd = form === "lf" ? "\n" : "\r\n";
  return [
    `Received: from ${domain(host)} ([${word(literal(address))}])`,
    `\tby ${word(hostName)} (Mailismus) with ${protocol}`,
    `\tfor <${word(recip)}>; ${mailDate(time)}`,
    "",
  ].join(lineEnd);
}

/** RFC 5321 section 4.1.3. */
function literal(address: string): string {
  return address.includes(":") ? `IPv6:${address}` : address;
}

/** A host name; an address with colons can only be a literal. */
function domain(host: string): string {
  return host.includes(":") ? `[${word(literal(host))}]` : word(host);
}

/** A moment in local time (RFC 5322 section 3.3): `Sat, 21 Nov 2026 14:03:22 +0100`. */
export function mailDate(time: number): string {
  const date = new Date(time);
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${
    two(Math.abs(offset) % 60)
  }`;
  return `${DAYS[date.getDay()]}, ${date.getDate()} ${MONTHS[date.getMonth()]} ` +
    `${date.getFullYear()} ${two(date.getHours())}:${two(date.getMinutes())}:` +
    `${two(date.getSeconds())} ${zone}`;
}

/** Text that cannot end or confuse the field: no white space, controls, brackets, quotes. */
function word(text: string): string {
  return text.replace(/[\p{Cc}\s()<>"\\;]/gu, "_").slice(0, 255) || "unknown";
}
