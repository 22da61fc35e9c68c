/**
 * When clients run: each alone, independently of the others, `freq` after the end of its last run.
 *
 * @module
 */

/** When one client runs. */
export interface ClientSchedule {
  /** Names the client. */
  readonly id: string;
  /** The time from the end of a run to the next, in milliseconds; 0 = at once. */
  readonly freq: number;
  /** How many runs; 0 = without end, but once if `freq` is 0. */
  readonly runs: number;
}

/** Calls something later. */
export interface Clock {
  /**
   * Calls `action` after so many milliseconds.
   *
   * @returns calls it off
   */
  after(ms: number, action: () => void): () => void;
}

/**
 * A run that has lasted so long, in milliseconds, keeps no other client waiting: a server that sends
 * an octet now and then stays within every timeout, and a few of those would hold all places.
 */
export const LONG_RUN = 10 * 60 * 1000;

/** What a {@linkcode Schedule} goes by. */
export interface ScheduleOptions {
  /** Who runs. */
  readonly clients: readonly ClientSchedule[];
  /** How long the first runs are put off, in milliseconds. */
  readonly delayStart: number;
  /** How many runs may go on at once, and how many beside them that last {@linkcode LONG_RUN}. */
  readonly maxParallel: number;
  /** Does a run. */
  readonly run: (id: string) => Promise<void>;
  /** Told if that rejects; the next run takes place all the same. */
  readonly onError: (id: string, error: unknown) => void;
  /** Told once of each run that lasts {@linkcode LONG_RUN}. */
  readonly onLong: (id: string) => void;
  /** The clock; the system's by default. */
  readonly clock?: Clock;
}

/** Runs clients in their turns. */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #clock: Clock;
  /** Those whose time has come, in the order in which it came. */
  readonly #due: ClientSchedule[] = [];
  readonly #runs = new Map<ClientSchedule, number>();
  readonly #timers = new Set<() => void>();
  readonly #finished = Promise.withResolvers<void>();
  #running = 0;
  /** How many of those that run have lasted {@linkcode LONG_RUN}. */
  #long = 0;
  #stopped = false;

  /** Starts nothing yet. */
  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Runs the clients; settles when none is left, or after {@linkcode stop} when all runs have ended. */
  async run(): Promise<void> {
    const { clients, delayStart } = this.#options;
    for (const client of clients) this.#later(delayStart, client);
    this.#next();
    await this.#finished.promise;
  }

  /** Starts no run any more. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#due.length = 0;
    this.#next();
  }

  #later(ms: number, client: ClientSchedule): void {
    if (this.#stopped) return;
    if (ms <= 0) {
      this.#due.push(client);
      return;
    }
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(cancel);
      this.#due.push(client);
      this.#next();
    });
    this.#timers.add(cancel);
  }

  get #hasRoom(): boolean {
    const { maxParallel } = this.#options;
    return this.#running - Math.min(this.#long, maxParallel) < maxParallel;
  }

  #next(): void {
    while (this.#hasRoom) {
      const client = this.#due.shift();
      if (client === undefined) break;
      this.#running++;
      void this.#runOnce(client);
    }
    if (this.#running === 0 && this.#due.length === 0 && this.#timers.size === 0) {
      this.#finished.resolve();
    }
  }

  async #runOnce(client: ClientSchedule): Promise<void> {
    let isLong = false;
    const cancel = this.#clock.after(LONG_RUN, () => {
      isLong = true;
      this.#long++;
      this.#options.onLong(client.id);
      this.#next();
    });
    try {
      await this.#options.run(client.id);
    } catch (error) {
      this.#options.onError(client.id, error);
    } finally {
      const done = (this.#runs.get(client) ?? 0) + 1;
      this.#runs.set(client, done);
      cancel();
      this.#running--;
      if (isLong) this.#long--;
      const limit = client.runs > 0 ? client.runs : client.freq === 0 ? 1 : Infinity;
      if (done < limit) this.#later(client.freq, client);
      this.#next();
    }
  }
}

/** The longest time that a timer can take, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The system's timers, also for times of more than 24 days. */
export const systemClock: Clock = {
  after(ms: number, action: () => void): () => void {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (left: number): void => {
      const part = Math.min(left, LONGEST_TIMER);
      timer = setTimeout(() => left > part ? wait(left - part) : action(), part);
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
