/**
 * Idle and login timeouts for thousands of connections with one timer.
 *
 * @module
 */

/** A deadline in {@linkcode Deadlines}. */
export interface Deadline {
  /** Starts the time anew, with the same length. Costs one clock reading. */
  touch(): void;
  /** Sets another length, from now, in milliseconds. */
  set(ms: number): void;
  /** Takes the deadline out; safe to call more than once, also after it expired. */
  cancel(): void;
}

/**
 * A set of deadlines that are looked at every `resolution` milliseconds as long as there are
 * any. A deadline expires at its time at the earliest and up to one resolution later. Touching
 * one costs no timer, which matters where every command of every session starts its idle time
 * anew.
 */
export class Deadlines {
  readonly #resolution: number;
  readonly #now: () => number;
  readonly #entries = new Set<Entry>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * Makes an empty set; no timer runs yet.
   *
   * @param resolution how often deadlines are looked at, in milliseconds
   * @param now the clock, in milliseconds; a monotonic one
   */
  constructor(resolution = 250, now: () => number = () => performance.now()) {
    this.#resolution = resolution;
    this.#now = now;
  }

  /** How many deadlines are running. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Starts a deadline.
   *
   * @param ms its length in milliseconds
   * @param onExpire called once if the time runs out; it must not throw
   */
  add(ms: number, onExpire: () => void): Deadline {
    const entry = new Entry(this, this.#now, ms, onExpire);
    this.#entries.add(entry);
    this.#timer ??= setInterval(() => this.#check(), this.#resolution);
    return entry;
  }

  /** Takes a deadline out; {@linkcode Deadline.cancel} does the same. */
  remove(deadline: Deadline): void {
    if (!this.#entries.delete(deadline as Entry) || this.#entries.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const now = this.#now();
    for (const entry of this.#entries) {
      if (entry.due > now) continue;
      this.remove(entry);
      entry.onExpire();
    }
  }
}

class Entry implements Deadline {
  readonly #owner: Deadlines;
  readonly #now: () => number;
  readonly onExpire: () => void;
  #ms: number;
  due: number;

  constructor(owner: Deadlines, now: () => number, ms: number, onExpire: () => void) {
    this.#owner = owner;
    this.#now = now;
    this.#ms = ms;
    this.onExpire = onExpire;
    this.due = now() + ms;
  }

  touch(): void {
    this.due = this.#now() + this.#ms;
  }

  set(ms: number): void {
    this.#ms = ms;
    this.touch();
  }

  cancel(): void {
    this.#owner.remove(this);
  }
}
