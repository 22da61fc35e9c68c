/**
 * Notices a thread that hangs: one that computes without end, or waits for a disk that does not
 * answer.
 *
 * What counts is not time but looks, each of which is a turn of this thread: while the machine
 * sleeps or the process is stopped (SIGSTOP), nobody looks and nobody is late. A busy thread is not
 * a hanging one either: its signs of life may come late, as long as one comes among many looks.
 *
 * @module
 */

/** What a {@linkcode Watchdog} needs. */
export interface WatchdogOptions {
  /** Between two looks, in milliseconds: as often as signs of life are due. */
  readonly interval: number;
  /** So many looks in a row without a sign of life mean that it hangs. */
  readonly patience: number;
  /** Told that it hangs, */
  readonly hangs: () => void;
  /** and that it does so no longer. */
  readonly answers: () => void;
  /** Calls `action` after so many milliseconds, unless the result is called before. */
  readonly timer?: (milliseconds: number, action: () => void) => () => void;
}

/** Watches one thread, from its first sign of life on. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #missed = 0;
  #hangs = false;
  #cancel: (() => void) | undefined;
  #stopped = false;

  /** Watches nothing yet. */
  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Takes a sign of life. */
  beat(): void {
    if (this.#stopped) return;
    this.#missed = 0;
    if (this.#cancel === undefined) this.#wait();
    if (!this.#hangs) return;
    this.#hangs = false;
    this.#options.answers();
  }

  /** Ends the watch; safe to call more than once. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #wait(): void {
    const { timer = startTimer, interval } = this.#options;
    this.#cancel = timer(interval, () => this.#look());
  }

  #look(): void {
    this.#wait();
    this.#missed++;
    if (this.#hangs || this.#missed <= this.#options.patience) return;
    this.#hangs = true;
    this.#options.hangs();
  }
}

function startTimer(milliseconds: number, action: () => void): () => void {
  const timer = setTimeout(action, milliseconds);
  return () => clearTimeout(timer);
}
