/**
 * What all logs share: where lines go, how a moment is written, and how text
 * from outside is made harmless.
 *
 * @module
 */

/** Takes the lines of one log. */
export interface LineSink {
  /**
   * Takes one or more complete lines, each with its LF. Returns at once and never throws: a log
   * that cannot be written is the log's own affair.
   */
  write(lines: string): void;
}

/**
 * Everything that could end a line, or reorder or hide what a reader sees: control characters,
 * line and paragraph separators, format characters (the direction marks of bidirectional text
 * among them) and halves of characters.
 */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const ALL_HARMFUL = new RegExp(HARMFUL.source, "gu");

/**
 * Text that may stand in a log line whoever wrote it: control characters are shown as `\x0d`,
 * others that a terminal obeys as `\u202e`, so that nobody can forge a line or hide one.
 *
 * @param most how many characters are shown at most; of a longer text the rest is counted
 */
export function harmless(text: string, most = Infinity): string {
  if (text.length > most) {
    return `${harmless(text.slice(0, most))}… (${text.length - most} more characters)`;
  }
  return HARMFUL.test(text) ? text.replace(ALL_HARMFUL, escaped) : text;
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  if (code < 0x100) return "\\x" + hex.padStart(2, "0");
  return code < 0x10000 ? "\\u" + hex.padStart(4, "0") : `\\u{${hex}}`;
}

let stampedSecond = NaN;
let stampedText = "";

/**
 * A moment in local time as every log writes it: `2026-11-21 14:03:22.123`.
 *
 * @param now milliseconds since 1970
 */
export function timeStamp(now: number): string {
  const second = Math.floor(now / 1000);
  // Most lines fall into the second of the line before; asking the time zone is the dear part.
  if (second !== stampedSecond) {
    const date = new Date(second * 1000);
    stampedSecond = second;
    stampedText = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
      `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  }
  return `${stampedText}.${String(Math.floor(now) - second * 1000).padStart(3, "0")}`;
}

/** A number of at least two digits. */
export function two(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}
