/**
 * Failed logins and the delays that they cause, counted over all workers in
 * shared memory.
 *
 * A check of a password waits after failures of its address or its user, and
 * the checks of one address take turns: however many connections guess at once,
 * they guess no faster than one. Whoever logged in from an address before does
 * not stand in that line, so that nobody who guesses can lock them out.
 *
 * @module
 */
import type { LoginTurn } from "./login_gate.ts";
import { type CountTable, FailureTable, ROWS, SeenTable, TurnTable } from "./shared_tables.ts";
import type { KeyedHash, Slots } from "./shared_tables.ts";

/** Slots of a row for failed logins, which many addresses may cause within minutes. */
const COLUMNS = 65536;
const TABLE = ROWS * COLUMNS;
/** How long a user's earlier login from an address counts, in days. */
const SEEN_DAYS = 60;
const DAY_MS = 86_400_000;
/** Ticks of the failure clock in one `auth_delay_max`. */
const TICKS_PER_STEP = 8;
/** So many passwords of one address, or of one user, may be in the middle of their check. */
const CHECKS_AT_ONCE = 8;
/**
 * How soon an attempt asks again that waits for the end of others' checks, in milliseconds: most
 * checks take microseconds, those of dear hashes some tenths of a second.
 */
const ASK_AGAIN_MS = { first: 2, most: 128 };

/** The cells that {@linkcode LoginLimits} needs, of 32 bits each. */
export const LOGIN_CELLS: number = 7 * TABLE;

/** The delays, in milliseconds; no delays if one of them is 0. */
export interface DelaySettings {
  /** After the first failed login; it doubles with each further one. */
  readonly authDelay: number;
  /** The longest. */
  readonly authDelayMax: number;
}

/** What counts by address, by user, and by both together. */
interface ByKey<T> {
  readonly address: T;
  readonly user: T;
  readonly pair: T;
}

/** A line in which attempts take turns, and the time between two of them. */
interface Line {
  readonly slots: Slots;
  readonly turns: TurnTable;
  readonly spacing: () => number;
}

/** One worker's view of the failed logins. */
export class LoginLimits {
  readonly #settings: DelaySettings;
  readonly #hash: KeyedHash;
  readonly #now: () => number;
  readonly #checks: CountTable;
  readonly #failures: ByKey<FailureTable>;
  readonly #turns: ByKey<TurnTable>;
  readonly #seen: SeenTable;

  /**
   * Makes a worker's view.
   *
   * @param cells the shared memory, {@linkcode LOGIN_CELLS} long
   * @param checks counts the checks under way
   * @param now the clock, in milliseconds since 1970
   */
  constructor(
    cells: Int32Array,
    parts: { settings: DelaySettings; hash: KeyedHash; checks: CountTable; now: () => number },
  ) {
    this.#settings = parts.settings;
    this.#hash = parts.hash;
    this.#now = parts.now;
    this.#checks = parts.checks;
    const rules = { most: mostFailures(parts.settings), ticksPerStep: TICKS_PER_STEP };
    const table = (index: number) => cells.subarray(index * TABLE, (index + 1) * TABLE);
    const failures = (index: number) => new FailureTable(table(index), rules);
    const turns = (index: number) => new TurnTable(table(index));
    this.#failures = { address: failures(0), user: failures(1), pair: failures(2) };
    this.#turns = { address: turns(3), user: turns(4), pair: turns(5) };
    this.#seen = new SeenTable(table(6), SEEN_DAYS);
  }

  /** See {@linkcode LoginGate.attempt}. @param network the address, or the /64 of it */
  attempt(network: string, user: string): LoginTurn {
    const { authDelay, authDelayMax } = this.#settings;
    if (authDelay <= 0 || authDelayMax <= 0) return { wait: () => 0, end: () => {} };
    const slots: ByKey<Slots> = {
      address: this.#hash.slots("address", network),
      user: this.#hash.slots("user", user),
      pair: this.#hash.slots("pair", network, user),
    };
    const known = this.#seen.has(slots.pair, this.#today());
    const lines = this.#lines(slots, known);
    const since = this.#now();
    let counted = false;
    let again = ASK_AGAIN_MS.first;
    return {
      wait: () => {
        if (counted) return 0;
        const wait = Math.max(since + this.#delay(slots, known) - this.#now(), this.#due(lines));
        if (wait > 0) return Math.ceil(wait);
        counted = this.#countIn(lines);
        if (counted) return 0;
        const pause = again;
        again = Math.min(2 * again, ASK_AGAIN_MS.most);
        return pause;
      },
      end: (outcome) => {
        if (counted) this.#countOut(lines);
        counted = false;
        if (outcome === "refused") this.#failed(slots);
        else if (outcome === "accepted") this.#succeeded(slots);
      },
    };
  }

  /** Whoever logged in from here before is not made to wait because others guess elsewhere. */
  #delay(slots: ByKey<Slots>, known: boolean): number {
    const byAddress = this.#delayOf("address", slots);
    return known ? byAddress : Math.max(byAddress, this.#delayOf("user", slots));
  }

  #delayOf(key: keyof ByKey<unknown>, slots: ByKey<Slots>): number {
    const failures = this.#failures[key].count(slots[key], this.#tick());
    const { authDelay, authDelayMax } = this.#settings;
    return failures === 0 ? 0 : Math.min(authDelayMax, authDelay * 2 ** (failures - 1));
  }

  /**
   * Who is known here stands only behind attempts at the same name from here. All others stand in
   * the line of their address, and in that of their user: this one moves on every `auth_delay`, so
   * that a user who comes from a new address has a chance in it while others guess.
   */
  #lines(slots: ByKey<Slots>, known: boolean): Line[] {
    const line = (key: keyof ByKey<unknown>, most = Infinity): Line => ({
      slots: slots[key],
      turns: this.#turns[key],
      spacing: () => Math.min(most, this.#delayOf(key, slots)),
    });
    return known ? [line("pair")] : [line("address"), line("user", this.#settings.authDelay)];
  }

  #due(lines: readonly Line[]): number {
    const now = this.#now();
    return Math.max(
      ...lines.map(({ slots, turns, spacing }) => turns.wait(slots, now, spacing())),
    );
  }

  /** Takes the turn in every line and counts the check as under way, unless others were faster. */
  #countIn(lines: readonly Line[]): boolean {
    const now = this.#now();
    // Counting first and looking then: of two workers at the last place at most one gets it.
    for (const { slots } of lines) this.#checks.add(slots, 1);
    const free = lines.every(({ slots }) => this.#checks.total(slots) <= CHECKS_AT_ONCE) &&
      lines.every(({ slots, turns, spacing }) => turns.take(slots, now, spacing()));
    if (!free) this.#countOut(lines);
    return free;
  }

  #countOut(lines: readonly Line[]): void {
    for (const { slots } of lines) this.#checks.add(slots, -1);
  }

  #failed(slots: ByKey<Slots>): void {
    const tick = this.#tick();
    for (const key of ["address", "user", "pair"] as const) {
      this.#failures[key].add(slots[key], tick);
      // The next one waits from now on, however long the check took.
      this.#turns[key].note(slots[key], this.#now());
    }
  }

  /**
   * Forgives what this user did wrong from this address, and only that: an attacker's own account
   * must not wipe out the guesses at other accounts, nor a user's login those of an attacker.
   */
  #succeeded(slots: ByKey<Slots>): void {
    const tick = this.#tick();
    const own = this.#failures.pair.count(slots.pair, tick);
    for (const key of ["address", "user", "pair"] as const) {
      this.#failures[key].subtract(slots[key], tick, own);
    }
    this.#seen.add(slots.pair, this.#today());
  }

  #tick(): number {
    return Math.floor(this.#now() * TICKS_PER_STEP / Math.max(1, this.#settings.authDelayMax));
  }

  #today(): number {
    return Math.floor(this.#now() / DAY_MS);
  }
}

/** With so many failures the delay is at its longest; more need not be remembered. */
function mostFailures({ authDelay, authDelayMax }: DelaySettings): number {
  if (authDelay <= 0 || authDelayMax <= authDelay) return 1;
  return Math.min(127, Math.ceil(Math.log2(authDelayMax / authDelay)) + 1);
}
