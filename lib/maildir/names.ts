/**
 * Names of Maildir files: `base:2,FLAGS`, where the base says when the message
 * arrived (`1763733802.M123456P17R5e1b22c9Q1.host`) and may carry its sizes (`,S=4016,W=4077`).
 *
 * @module
 */
import { createHash } from "node:crypto";

/** The characters that set a name's info part off, for file systems that forbid the usual ones. */
export interface NameMarks {
  /** Before the info part; `:` by default. */
  readonly colon: string;
  /** Before the flags and the sizes; `,` by default. */
  readonly comma: string;
}

/** The sizes that a name claims, in octets. */
export interface SizeHints {
  /** S: as the file lies on disk. */
  readonly disk: number;
  /** W: with CRLF line ends. */
  readonly wire: number;
}

const PRINTABLE = /^[\x21-\x7e]{1,70}$/;

/** Reads and makes file names with one store's marks. */
export class MaildirNames {
  readonly #marks: NameMarks;
  readonly #sizes: RegExp;

  /**
   * Makes a reader of one store's names.
   *
   * @param marks the store's `filename_colon` and `filename_comma`
   */
  constructor(marks: NameMarks) {
    this.#marks = marks;
    const comma = marks.comma.replace(/[^A-Za-z0-9]/g, "\\$&");
    this.#sizes = new RegExp(`${comma}S=(\\d{1,15})(?=.*${comma}W=(\\d{1,15}))`);
  }

  /** The part of a name that stays the same while the message exists. */
  base(name: string): string {
    const at = this.#infoAt(name);
    return at < 0 ? name : name.slice(0, at);
  }

  /** The flags of a name, such as `FS`; empty if there are none. */
  flags(name: string): string {
    const at = this.#infoAt(name);
    return at < 0 || name[at + 1] !== "2" ? "" : name.slice(at + 3);
  }

  /** The name that a message gets when a flag is added; flags stand in ASCII order. */
  withFlag(name: string, flag: string): string {
    const flags = [...new Set(this.flags(name) + flag)].sort().join("");
    return `${this.base(name)}${this.#marks.colon}2${this.#marks.comma}${flags}`;
  }

  /** The sizes that a name claims, if it claims both. */
  sizeHints(name: string): SizeHints | undefined {
    const match = this.#sizes.exec(name);
    return match ? { disk: Number(match[1]), wire: Number(match[2]) } : undefined;
  }

  #infoAt(name: string): number {
    const at = name.lastIndexOf(this.#marks.colon);
    if (at <= 0 || name[at + 2] !== this.#marks.comma) return -1;
    return name[at + 1] === "2" || name[at + 1] === "1" ? at : -1;
  }
}

/**
 * When a message arrived, as its name says: microseconds since 1970, to sort by.
 *
 * @returns undefined if the name does not begin with a time
 */
export function arrivalTime(name: string): number | undefined {
  const match = /^(\d{9,11})\.(?:[^.]*?M(\d{1,6})(?!\d))?/.exec(name);
  return match ? Number(match[1]) * 1e6 + Number(match[2] ?? 0) : undefined;
}

/**
 * The unique id of a message (RFC 1939 section 7, UIDL: 1 to 70 characters from 0x21 to 0x7E): its
 * base name where that is one, else a digest of it.
 *
 * @param distinction tells apart two files that claim the same base name
 */
export function uidlOf(base: string, distinction?: string): string {
  if (distinction === undefined && PRINTABLE.test(base)) return base;
  const hash = createHash("sha256").update(base);
  if (distinction !== undefined) hash.update("\0").update(distinction);
  return hash.digest("base64url");
}
