/**
 * Keeps a worker running: one that dies is started again, after a wait that
 * grows while it dies again and again.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";

/** The first wait before a restart, and the longest, in milliseconds. */
const BACK_OFF = { least: 100, most: 30_000 };
/** A worker that lived so long died of something new, in milliseconds. */
const LONG_LIFE = 60_000;

/** A worker that runs. */
export interface RunningWorker {
  /** Ends it at once, and gives back what it held. Safe to call more than once. */
  stop(): void;
}

/** What a keeper needs. */
export interface KeeperOptions {
  /** The worker's name in messages. */
  readonly name: string;
  /**
   * Starts a worker.
   *
   * @param died to be called once if it ends by itself, with the reason
   */
  readonly start: (died: (reason: string) => void) => RunningWorker;
  /** Told of each death. */
  readonly report: (sentence: string) => void;
  /** Calls `action` after so many milliseconds, unless the result is called before. */
  readonly timer?: (milliseconds: number, action: () => void) => () => void;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** One worker's place. */
export class WorkerKeeper {
  readonly #options: KeeperOptions;
  readonly #timer: (milliseconds: number, action: () => void) => () => void;
  readonly #now: () => number;
  #running: RunningWorker | undefined;
  #cancelRestart: (() => void) | undefined;
  #wait: number = BACK_OFF.least;
  #stopped = false;

  /** Starts nothing yet. */
  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#timer = options.timer ?? startTimer;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Starts the worker. */
  start(): void {
    const startedAt = this.#now();
    let dead = false;
    const died = (reason: string): void => {
      if (dead || this.#stopped) return;
      dead = true;
      // It may die while it is being started.
      queueMicrotask(() => this.#died(reason, this.#now() - startedAt));
    };
    try {
      this.#running = this.#options.start(died);
    } catch (error) {
      died(reasonOf(error));
    }
  }

  /** Leaves the worker running, but starts it no more. */
  release(): void {
    this.#stopped = true;
    this.#cancelRestart?.();
  }

  /** Ends the worker for good; safe to call more than once. */
  stop(): void {
    this.release();
    this.#running?.stop();
    this.#running = undefined;
  }

  #died(reason: string, lived: number): void {
    if (this.#stopped) return;
    this.#running?.stop();
    this.#running = undefined;
    if (lived >= LONG_LIFE) this.#wait = BACK_OFF.least;
    this.#options.report(
      `${this.#options.name} died: ${reason}. It is started again in ${this.#wait} milliseconds`,
    );
    this.#cancelRestart = this.#timer(this.#wait, () => this.start());
    this.#wait = Math.min(2 * this.#wait, BACK_OFF.most);
  }
}

function startTimer(milliseconds: number, action: () => void): () => void {
  const timer = setTimeout(action, milliseconds);
  return () => clearTimeout(timer);
}
