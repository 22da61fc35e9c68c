/**
 * Fixed-size tables in shared memory, for counters that all server workers see.
 * Entries are found by a keyed hash, without any key being stored: memory stays
 * the same however many addresses come by. Two keys may share a slot, so every
 * table has two rows with independent hashes and answers with the lower of the
 * two; only a collision in both rows makes one key pay for another.
 *
 * @module
 */
import { hash } from "node:crypto";

/** How many rows a table has. */
export const ROWS = 2;

/** Where a key is found: a 32-bit hash for each row. */
export type Slots = readonly [number, number];

/**
 * Hashes keys with a secret made anew at each start, so that nobody can choose
 * a name or an address that falls together with somebody else's.
 *
 * Of SHA-256 over secret and key only 64 bits are ever used, and they are never shown, so nothing
 * is gained by HMAC; the runtime's one call for a hash takes 2.5 µs, HMAC 24 µs, and a login needs
 * seven of them.
 */
export class KeyedHash {
  /** In hexadecimal, so of one length: where the key begins is never in doubt. */
  readonly #secret: string;

  /**
   * Makes the hash of one secret.
   *
   * @param secret 32 random bytes
   */
  constructor(secret: Uint8Array) {
    this.#secret = secret.toHex();
  }

  /** The slots of a key made of parts; no two lists of parts are the same key. */
  slots(...parts: string[]): Slots {
    let key = this.#secret;
    for (const part of parts) key += `${part.length}:${part}`;
    const digest = hash("sha256", key);
    return [parseInt(digest.slice(0, 8), 16), parseInt(digest.slice(8, 16), 16)];
  }
}

/** Where in a table of so many columns a key's cell of a row is. */
function indexOf(columns: number, row: number, slots: Slots): number {
  return row * columns + slots[row]! % columns;
}

/** The network whose hosts count as one: an IPv4 address, or the /64 of an IPv6 one. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const front = head === "" ? [] : head.split(":");
  if (tail === undefined) return front.slice(0, 4).join(":");
  const back = tail === "" ? [] : tail.split(":");
  // An embedded IPv4 address stands for two groups.
  const width = back.length + (back.at(-1)?.includes(".") ? 1 : 0);
  const zeros: string[] = new Array(Math.max(0, 8 - front.length - width)).fill("0");
  return [...front, ...zeros, ...back].slice(0, 4).join(":");
}

/**
 * One worker's own counts of a key, beside those of the others: a worker writes
 * only its own part, and the total is the sum over all of them. So nothing that
 * a dead worker held is lost: its part is wiped.
 */
export class CountTable {
  readonly #cells: Int32Array;
  readonly #parts: readonly number[];
  readonly #own: number;
  readonly #columns: number;

  /**
   * Makes one worker's view of a table.
   *
   * @param cells the shared memory
   * @param parts where each worker's part begins in `cells`
   * @param own the index in `parts` of this worker's
   * @param columns the slots of a row
   */
  constructor(cells: Int32Array, parts: readonly number[], own: number, columns: number) {
    this.#cells = cells;
    this.#parts = parts;
    this.#own = parts[own]!;
    this.#columns = columns;
  }

  /** Changes this worker's count of a key. */
  add(slots: Slots, change: 1 | -1): void {
    for (let row = 0; row < ROWS; row++) {
      Atomics.add(this.#cells, this.#own + indexOf(this.#columns, row, slots), change);
    }
  }

  /** The count of a key over all workers, or a little more than that. */
  total(slots: Slots): number {
    let least = Infinity;
    for (let row = 0; row < ROWS; row++) {
      const offset = indexOf(this.#columns, row, slots);
      let sum = 0;
      for (const part of this.#parts) sum += Atomics.load(this.#cells, part + offset);
      least = Math.min(least, sum);
    }
    return least;
  }
}

const TICK_BITS = 24;
const TICK_MASK = (1 << TICK_BITS) - 1;

/** How a {@linkcode FailureTable} counts. */
export interface FailureRules {
  /** The most failures that are remembered, up to 127. */
  readonly most: number;
  /** How many ticks of the clock make one failure forgotten. */
  readonly ticksPerStep: number;
}

/**
 * Failures of a key that are forgotten one by one with time. A cell holds the
 * count and the tick of the last failure, changed together in one atomic step.
 */
export class FailureTable {
  readonly #cells: Int32Array;
  readonly #columns: number;
  readonly #rules: FailureRules;

  /**
   * Makes a view of a table.
   *
   * @param cells the shared memory, its length {@linkcode ROWS} times the slots of a row
   */
  constructor(cells: Int32Array, rules: FailureRules) {
    this.#cells = cells;
    this.#columns = cells.length / ROWS;
    this.#rules = rules;
  }

  /** The failures not yet forgotten at tick `now`. */
  count(slots: Slots, now: number): number {
    let least = Infinity;
    for (let row = 0; row < ROWS; row++) {
      const cell = Atomics.load(this.#cells, indexOf(this.#columns, row, slots));
      least = Math.min(least, this.#left(cell, now));
    }
    return least;
  }

  /** Notes a failure. */
  add(slots: Slots, now: number): void {
    this.#change(slots, now, (left) => Math.min(left + 1, this.#rules.most), true);
  }

  /** Forgets some failures. */
  subtract(slots: Slots, now: number, failures: number): void {
    if (failures > 0) this.#change(slots, now, (left) => Math.max(left - failures, 0), false);
  }

  #change(slots: Slots, now: number, next: (left: number) => number, restart: boolean): void {
    for (let row = 0; row < ROWS; row++) {
      const index = indexOf(this.#columns, row, slots);
      while (true) {
        const old = Atomics.load(this.#cells, index);
        // Steps already forgotten are settled here; without a new failure the clock of the
        // next step runs on.
        const left = this.#left(old, now);
        const forgotten = (old >>> TICK_BITS) - left;
        const since = (old & TICK_MASK) + forgotten * this.#rules.ticksPerStep;
        const tick = restart || left === 0 ? now : since;
        const cell = (next(left) << TICK_BITS) | (tick & TICK_MASK);
        if (Atomics.compareExchange(this.#cells, index, old, cell) === old) break;
      }
    }
  }

  #left(cell: number, now: number): number {
    const count = cell >>> TICK_BITS;
    const age = (now - cell) & TICK_MASK;
    // An age near the end of the range is a clock that was set back.
    const steps = age > TICK_MASK - (TICK_MASK >> 4)
      ? 0
      : Math.floor(age / this.#rules.ticksPerStep);
    return Math.max(0, count - steps);
  }
}

/** Remembers for some days that a key was seen. */
export class SeenTable {
  readonly #cells: Int32Array;
  readonly #columns: number;
  readonly #days: number;

  /**
   * Makes a view of a table.
   *
   * @param cells the shared memory, its length {@linkcode ROWS} times the slots of a row
   * @param days for how many days a key is remembered
   */
  constructor(cells: Int32Array, days: number) {
    this.#cells = cells;
    this.#columns = cells.length / ROWS;
    this.#days = days;
  }

  /** Notes a key. @param today the day, 1 or later */
  add(slots: Slots, today: number): void {
    for (let row = 0; row < ROWS; row++) {
      Atomics.store(this.#cells, indexOf(this.#columns, row, slots), today);
    }
  }

  /** Whether a key was noted within the last days. */
  has(slots: Slots, today: number): boolean {
    for (let row = 0; row < ROWS; row++) {
      const day = Atomics.load(this.#cells, indexOf(this.#columns, row, slots));
      if (day === 0 || today - day > this.#days) return false;
    }
    return true;
  }
}

/** A time that differs by more than this from now comes of a clock that was set, in milliseconds. */
const CLOCK_STEP_MS = 60_000;

/**
 * When each key last had its turn: the lower 32 bits of the milliseconds since 1970, 0 for never.
 */
export class TurnTable {
  readonly #cells: Int32Array;
  readonly #columns: number;

  /**
   * Makes a view of a table.
   *
   * @param cells the shared memory, its length {@linkcode ROWS} times the slots of a row
   */
  constructor(cells: Int32Array) {
    this.#cells = cells;
    this.#columns = cells.length / ROWS;
  }

  /** How many milliseconds after `now` a key may have its next turn, or 0 and less. */
  wait(slots: Slots, now: number, spacing: number): number {
    let least = Infinity;
    for (let row = 0; row < ROWS; row++) {
      const last = Atomics.load(this.#cells, indexOf(this.#columns, row, slots));
      least = Math.min(least, left(last, now, spacing));
    }
    return least;
  }

  /**
   * Takes a key's turn now, unless it is not due.
   *
   * @returns whether it was taken
   */
  take(slots: Slots, now: number, spacing: number): boolean {
    // The first row decides between two at once: only one of them changes the value it has seen.
    const index = indexOf(this.#columns, 0, slots);
    const seen = Atomics.load(this.#cells, index);
    if (spacing > 0 && this.wait(slots, now, spacing) > 0) return false;
    const taken = Atomics.compareExchange(this.#cells, index, seen, now | 0) === seen;
    // Where there is no spacing, nobody needs to be told apart.
    if (!taken && spacing > 0) return false;
    this.note(slots, now);
    return true;
  }

  /** Notes that a key had a turn. */
  note(slots: Slots, now: number): void {
    for (let row = 0; row < ROWS; row++) {
      Atomics.store(this.#cells, indexOf(this.#columns, row, slots), now | 0);
    }
  }
}

function left(last: number, now: number, spacing: number): number {
  if (last === 0) return 0;
  const age = ((now | 0) - last) | 0;
  return age < -CLOCK_STEP_MS ? 0 : spacing - Math.max(age, 0);
}
