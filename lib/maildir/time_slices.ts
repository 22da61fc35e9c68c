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
let scheduled = false;
/** When the slice that was given last is used up, by whoever has a part of it. */
let sliceEnd = 0;

/** So many promises lie between the end of a wait and that of the work which it lets go on. */
const STEPS = 12;

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
      end = sliceEnd;
    });
  };
}

/** How long a thread may go on without a turn of its event loop, in milliseconds. */
const TURN_DUE = 10;

/** Since when the event loop has been watched, until it has turned. */
let watch: { readonly since: number; readonly timer: ReturnType<typeof setTimeout> } | undefined;

/**
 * To be called by work that awaits, but perhaps nothing that takes time: reads and writes of a
 * socket whose peer is as fast as we are end at once, and then no other socket, timer or message
 * gets its turn, however long it goes on.
 *
 * @returns what to wait for, if the event loop has not turned for a while
 */
export function turnDue(): Promise<void> | undefined {
  const now = performance.now();
  if (watch === undefined) {
    watch = { since: now, timer: setTimeout(() => watch = undefined, 0) };
    return undefined;
  }
  return now - watch.since < TURN_DUE ? undefined : nextSlice();
}

/** To be called where such work ends, so that nothing is left of it. */
export function turnsEnd(): void {
  clearTimeout(watch?.timer);
  watch = undefined;
}

function nextSlice(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  if (!scheduled) setTimeout(giveSlice, 0);
  scheduled = true;
  return promise;
}

/** Work that needs little leaves the rest of the slice to the next in line. */
async function giveSlice(): Promise<void> {
  sliceEnd = performance.now() + SLICE;
  do {
    waiting.shift()!();
    for (let step = 0; step < STEPS; step++) await undefined;
  } while (waiting.length > 0 && performance.now() < sliceEnd);
  scheduled = waiting.length > 0;
  if (scheduled) setTimeout(giveSlice, 0);
}
