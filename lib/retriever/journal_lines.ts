/**
 * The lines of a journal: one a fact, each with a checksum, so that a line that a crash cut off
 * or a disk spoilt is known for what it is.
 *
 * ```text
 * 8d1f0a3c A 1763733802123 mailbox:alice 0001c6a4 4096 <digest> <temporary name> <final name>
 * 51ee1c90 D 1763733802180 mailbox:alice 0001c6a4 4096 <digest>
 * e01b2f77 F mailbox:alice 0001c6a4
 * ```
 *
 * @module
 */
import { crc32 } from "node:zlib";
import type { Names } from "./destination.ts";

/** What is known of a message: it was announced (its names are known), or it is delivered. */
export interface JournalEntry {
  /** The message's UIDL, or what stands in for it. */
  readonly uid: string;
  /** When this was written down, in milliseconds since 1970. */
  readonly time: number;
  /** The size that LIST gave, in octets, if it gave one. */
  readonly size: number | undefined;
  /** A digest of the message as it was delivered, without the added header. */
  readonly digest: string;
  /** Present for a message whose delivery was announced and is not known to have taken place. */
  readonly names?: Names;
}

/** A line that was read. */
export type JournalLine =
  | { readonly kind: "entry"; readonly key: string; readonly entry: JournalEntry }
  | { readonly kind: "forget"; readonly key: string; readonly uid: string };

/** The line that says that a message is announced or delivered. */
export function entryLine(key: string, entry: JournalEntry): string {
  const { uid, time, size, digest, names } = entry;
  const common = [String(time), key, uid, size === undefined ? "-" : String(size), digest];
  return names === undefined
    ? sealed(["D", ...common])
    : sealed(["A", ...common, names.temporary, names.final]);
}

/** The line that takes a message out. */
export function forgetLine(key: string, uid: string): string {
  return sealed(["F", key, uid]);
}

/**
 * Reads a line.
 *
 * @param line without its LF
 * @returns undefined if it is not whole
 */
export function parseLine(line: string): JournalLine | undefined {
  const body = line.slice(9);
  if (line[8] !== " " || checksum(body) !== line.slice(0, 8)) return undefined;
  const fields = body.split(" ").map(decoded);
  const kind = fields[0];
  if (kind === "F" && fields.length === 3) {
    return { kind: "forget", key: fields[1]!, uid: fields[2]! };
  }
  const announced = kind === "A" && fields.length === 8;
  if (!announced && !(kind === "D" && fields.length === 6)) return undefined;
  const [, time, key, uid, size, digest, temporary, final] = fields as string[];
  const entry = {
    uid: uid!,
    time: Number(time),
    size: size === "-" ? undefined : Number(size),
    digest: digest!,
  };
  if (!announced) return { kind: "entry", key: key!, entry };
  const names = { temporary: temporary!, final: final! };
  return { kind: "entry", key: key!, entry: { ...entry, names } };
}

function sealed(fields: readonly string[]): string {
  const body = fields.map(encoded).join(" ");
  return `${checksum(body)} ${body}\n`;
}

function checksum(text: string): string {
  return (crc32(text) >>> 0).toString(16).padStart(8, "0");
}

const PLAIN = /^[!-$&-~]+$/;

/** A field without white space; most need no change. */
function encoded(field: string): string {
  return PLAIN.test(field) ? field : encodeURIComponent(field) || "%";
}

function decoded(field: string): string {
  if (field === "%") return "";
  try {
    return field.includes("%") ? decodeURIComponent(field) : field;
  } catch {
    return field;
  }
}
