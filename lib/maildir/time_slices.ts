/**
 * Long synchronous work in slices, so that large mailboxes do not hold up
 * the other sessions of their worker thread.
 *
 * @module
 */

/**
 * How long work may go on before the others get their turn, in milliseconds. A turn takes 2 ms even
 * if nobody wants it; cheaper ways of giving it (`setImmediate`, a message) let sockets starve.
 */
const SLICE = 12;

/** The first slice where other work waits for its next one: enough for a small mailbox. */
const FIRST_SLICE = 2;

/** What waits for its next slice, first come first served. */
const waiting: (() => void)[] = [];

/**
 * Makes a function to call between pieces of work: it gives a promise to wait
 * for once the slice is used up, else nothing. Of all work of the thread, one slice is done in a
 * turn: with a slice for each, a hundred large mailboxes would stop the thread for over a second.
 */
export function timeSlices(): () => Promise<void> | undefined {
  let end = performance.now() + (waiting.length === 0 ? SLICE : FIRST_SLICE);
  return () => {
    if (performance.now() < end) return undefined;
    return nextSlice().then(() => {
      end = performance.now() + SLICE;
    });
  };
}

function nextSlice(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  if (waiting.length === 1) setTimeout(giveSlice, 0);
  return promise;
}

function giveSlice(): void {
  waiting.shift()!();
  if (waiting.length > 0) setTimeout(giveSlice, 0);
}
