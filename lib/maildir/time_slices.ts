/**
 * Long synchronous work in slices, so that one large mailbox does not hold up
 * the other sessions of its worker thread.
 *
 * @module
 */

/**
 * How long work may go on before the others get their turn, in milliseconds. A turn takes 2 ms even
 * if nobody wants it; cheaper ways of giving it (`setImmediate`, a message) let sockets starve.
 */
const SLICE = 12;

/**
 * Makes a function to call between pieces of work: it gives a promise to wait
 * for once the slice is used up, else nothing.
 */
export function timeSlices(): () => Promise<void> | undefined {
  let start = performance.now();
  return () => {
    if (performance.now() - start < SLICE) return undefined;
    return new Promise((resolve) =>
      setTimeout(() => {
        start = performance.now();
        resolve();
      }, 0)
    );
  };
}
