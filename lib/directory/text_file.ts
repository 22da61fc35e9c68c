/**
 * The lines of the directory's files.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { readRegularFile } from "../regular_file.ts";
import { decodeText, firstBadLine } from "../wire/text.ts";
import type { FileProblem } from "./problems.ts";

/** A line that says something. */
export interface FileLine {
  /** From 1. */
  readonly number: number;
  /** Without the white space around it. */
  readonly text: string;
}

/** What {@linkcode trim} removes: the white space of ASCII but LF, of which lines are made. */
const WHITE_SPACE = " \t\r\f\v";

/**
 * Removes the white space around a name or value: that of ASCII only, since a password may end in
 * another. Not by a regular expression, which would take the square of the time for a line of very
 * many spaces.
 */
export function trim(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && WHITE_SPACE.includes(text[from]!)) from++;
  while (to > from && WHITE_SPACE.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

/**
 * Reads a file's lines, leaving out blank ones and those that start with `#`.
 *
 * @returns the problem if it cannot be read or is not UTF-8; never throws
 */
export async function readLines(file: string): Promise<FileLine[] | FileProblem> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(file);
  } catch (error) {
    return { file, message: `Cannot read the file: ${reasonOf(error)}` };
  }
  const text = decodeText(bytes);
  if (text === undefined) {
    return { file, line: firstBadLine(bytes), message: "The line is not UTF-8 text" };
  }
  return linesOf(text);
}

/** The lines of a file's text; a byte order mark before the first one is ignored. */
export function linesOf(text: string): FileLine[] {
  const lines: FileLine[] = [];
  text.replace(/^\uFEFF/, "").split("\n").forEach((line, index) => {
    const trimmed = trim(line);
    if (trimmed !== "" && !trimmed.startsWith("#")) {
      lines.push({ number: index + 1, text: trimmed });
    }
  });
  return lines;
}
