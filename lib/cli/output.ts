/**
 * Standard output and standard error. A reader that has gone away
 * (`mailismus check | head -1`) is nobody's error.
 *
 * @module
 */
import { encodeText } from "../wire/text.ts";

/** What can take bytes at once; `Deno.stdout` and `Deno.stderr` do. */
export interface SyncSink {
  /** Writes some of `bytes`, and says how many. */
  writeSync(bytes: Uint8Array): number;
}

/** A failure to write because nobody reads any more. */
export function isBrokenPipe(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe;
}

/**
 * Writes all of a text to a stream.
 *
 * @returns whether somebody still read it
 */
function writeText(sink: SyncSink, text: string): boolean {
  const bytes = encodeText(text);
  try {
    for (let at = 0; at < bytes.length;) at += sink.writeSync(bytes.subarray(at));
    return true;
  } catch (error) {
    if (isBrokenPipe(error)) return false;
    throw error;
  }
}

/** Writes a text to standard output; see {@linkcode writeText}. */
export function writeOut(text: string): boolean {
  return writeText(Deno.stdout, text);
}

/** Writes a line to standard output. */
export function printLine(line: string): boolean {
  return writeOut(line + "\n");
}

/** Writes a line to standard error; a failure to do so has nowhere to be told. */
export function printError(line: string): void {
  try {
    writeText(Deno.stderr, line + "\n");
  } catch {
    // Standard error is closed or full.
  }
}
