/**
 * What has to be said when a log itself cannot be written.
 *
 * @module
 */
import { encodeText } from "../wire/text.ts";

/** Sentences that wait at most; further ones are dropped. */
const MOST_WAITING = 100;

/** Takes a sentence for the administrator; if it returns a promise, that settles in the end. */
export type Reporter = (sentence: string) => unknown;

/**
 * Makes a reporter that writes a line for each sentence. Nobody waits for the stream's reader, who
 * may have stopped reading (a pager, Ctrl-S on a terminal): a thread that writes at once would
 * stand still then, with all that it has to do, signals included.
 *
 * @param write appends to the stream
 * @returns takes sentences; its promise settles when one is written or given up
 */
export function createReporter(
  write: (bytes: Uint8Array) => Promise<number>,
): (sentence: string) => Promise<void> {
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  const writeAll = async (bytes: Uint8Array): Promise<void> => {
    try {
      for (let at = 0; at < bytes.length;) at += await write(bytes.subarray(at));
    } catch {
      // Nobody is left to tell.
    } finally {
      waiting--;
    }
  };
  return (sentence) => {
    if (waiting >= MOST_WAITING) return Promise.resolve();
    waiting++;
    return last = last.then(() => writeAll(encodeText(sentence + "\n")));
  };
}

/** Reports on standard error. */
export const reportOnStandardError: Reporter = createReporter((bytes) => Deno.stderr.write(bytes));
