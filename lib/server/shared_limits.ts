/**
 * The limits on connections and on failed logins, counted over all workers in
 * shared memory.
 *
 * @module
 */
import {
  CountTable,
  FailureTable,
  KeyedHash,
  networkOf,
  ROWS,
  SeenTable,
} from "./shared_tables.ts";
import type { Slots } from "./shared_tables.ts";
import type { LoginGate } from "./login_gate.ts";

/** Slots of a row for connections; there are never more open ones than a few thousand. */
const CONNECTION_COLUMNS = 4096;
/** Slots of a row for failed logins, which many addresses may cause within minutes. */
const FAILURE_COLUMNS = 65536;
/** How long a user's earlier login from an address counts, in days. */
const SEEN_DAYS = 60;
const DAY_MS = 86_400_000;
/** Ticks of the failure clock in one `auth_delay_max`. */
const TICKS_PER_STEP = 8;

/** The limits; 0 means none. */
export interface LimitSettings {
  /** The most connections of each listener, by its index. */
  readonly maxServers: readonly number[];
  /** The most connections that are not logged in. */
  readonly unauthenticated: number;
  /** The same for one address. */
  readonly unauthenticatedPerAddress: number;
  /** The most connections of one address. */
  readonly connectionsPerAddress: number;
  /** The delay after the first failed login, in milliseconds; 0 for no delays. */
  readonly authDelay: number;
  /** The longest delay, in milliseconds. */
  readonly authDelayMax: number;
}

/** What the workers share; it can be posted to them. */
export interface LimitsShare {
  /** The counters. */
  readonly memory: SharedArrayBuffer;
  /** The secret of this start. */
  readonly secret: Uint8Array;
  /** How many workers have a part of it. */
  readonly workers: number;
  /** The limits. */
  readonly settings: LimitSettings;
}

/** Why a connection is not served; the words are meant for the reply and the log. */
export type Refusal =
  | "Too many connections to this server"
  | "Too many connections that are not logged in"
  | "Too many connections from your address"
  | "Too many connections from your address that are not logged in";

/** A connection's place in the counts. */
export interface Admission {
  /** The login limits as this connection's session sees them. */
  readonly gate: LoginGate;
  /** The connection has ended; safe to call more than once. */
  release(): void;
}

/** Where things are in the memory, in cells of 32 bits. */
function layout(listeners: number, workers: number): {
  part: number;
  parts: number[];
  connections: number;
  unauthenticated: number;
  failures: number;
  seen: number;
  cells: number;
} {
  const table = ROWS * CONNECTION_COLUMNS;
  // A worker's part: its connections by listener, those not logged in, and two tables by address.
  const connections = listeners + 1;
  const unauthenticated = connections + table;
  const part = unauthenticated + table;
  const failures = part * workers;
  const seen = failures + 3 * ROWS * FAILURE_COLUMNS;
  return {
    part,
    parts: Array.from({ length: workers }, (_, worker) => worker * part),
    connections,
    unauthenticated,
    failures,
    seen,
    cells: seen + ROWS * FAILURE_COLUMNS,
  };
}

/**
 * Makes the memory for so many workers, about two megabytes and 64 kilobytes a worker; pages that
 * nobody touches cost nothing.
 */
export function createLimits(settings: LimitSettings, workers: number): LimitsShare {
  const { cells } = layout(settings.maxServers.length, workers);
  return {
    memory: new SharedArrayBuffer(cells * Int32Array.BYTES_PER_ELEMENT),
    secret: crypto.getRandomValues(new Uint8Array(32)),
    workers,
    settings,
  };
}

/** Gives back all that a worker held which is no more. It must not run any longer. */
export function releaseWorker(share: LimitsShare, worker: number): void {
  const cells = new Int32Array(share.memory);
  const { part } = layout(share.settings.maxServers.length, share.workers);
  for (let i = worker * part; i < (worker + 1) * part; i++) Atomics.store(cells, i, 0);
}

/** How many connections a listener has, over all workers. */
export function countConnections(share: LimitsShare, listener: number): number {
  const cells = new Int32Array(share.memory);
  const { parts } = layout(share.settings.maxServers.length, share.workers);
  return parts.reduce((sum, part) => sum + Atomics.load(cells, part + listener), 0);
}

/** One worker's view of the limits. */
export class SharedLimits {
  readonly #settings: LimitSettings;
  readonly #cells: Int32Array;
  readonly #hash: KeyedHash;
  readonly #parts: readonly number[];
  readonly #own: number;
  readonly #now: () => number;
  readonly #connections: CountTable;
  readonly #unauthenticated: CountTable;
  readonly #failures: { address: FailureTable; user: FailureTable; pair: FailureTable };
  readonly #seen: SeenTable;

  /**
   * Makes a worker's view.
   *
   * @param worker this worker's index, below {@linkcode LimitsShare.workers}
   * @param now the clock, in milliseconds since 1970
   */
  constructor(share: LimitsShare, worker: number, now: () => number = Date.now) {
    const { settings } = share;
    const places = layout(settings.maxServers.length, share.workers);
    const cells = this.#cells = new Int32Array(share.memory);
    this.#settings = settings;
    this.#hash = new KeyedHash(share.secret);
    this.#parts = places.parts;
    this.#own = places.parts[worker]!;
    this.#now = now;
    const counts = (offset: number) =>
      new CountTable(cells, places.parts.map((part) => part + offset), worker, CONNECTION_COLUMNS);
    this.#connections = counts(places.connections);
    this.#unauthenticated = counts(places.unauthenticated);
    const rules = { most: mostFailures(settings), ticksPerStep: TICKS_PER_STEP };
    const size = ROWS * FAILURE_COLUMNS;
    const failures = (index: number) => {
      const from = places.failures + index * size;
      return new FailureTable(cells.subarray(from, from + size), rules);
    };
    this.#failures = { address: failures(0), user: failures(1), pair: failures(2) };
    this.#seen = new SeenTable(cells.subarray(places.seen), SEEN_DAYS);
  }

  /**
   * Counts a new connection in, unless that would pass a limit.
   *
   * @param listener the listener's index in {@linkcode LimitSettings.maxServers}
   * @param address the peer's
   */
  admit(listener: number, address: string): Admission | Refusal {
    const slots = this.#hash.slots("connection", networkOf(address));
    // Counting first and looking then: of two workers at the last place at most one gets it.
    this.#count(listener, slots, 1);
    this.#countUnauthenticated(slots, 1);
    const refusal = this.#passed(listener, slots);
    if (refusal !== undefined) {
      this.#count(listener, slots, -1);
      this.#countUnauthenticated(slots, -1);
      return refusal;
    }
    let phase: "unauthenticated" | "authenticated" | "released" = "unauthenticated";
    const authenticated = () => {
      if (phase !== "unauthenticated") return;
      phase = "authenticated";
      this.#countUnauthenticated(slots, -1);
    };
    const release = () => {
      if (phase === "released") return;
      authenticated();
      phase = "released";
      this.#count(listener, slots, -1);
    };
    return { gate: this.#gate(authenticated), release };
  }

  #count(listener: number, slots: Slots, change: 1 | -1): void {
    Atomics.add(this.#cells, this.#own + listener, change);
    this.#connections.add(slots, change);
  }

  #countUnauthenticated(slots: Slots, change: 1 | -1): void {
    Atomics.add(this.#cells, this.#own + this.#settings.maxServers.length, change);
    this.#unauthenticated.add(slots, change);
  }

  #passed(listener: number, slots: Slots): Refusal | undefined {
    const { maxServers, unauthenticated, unauthenticatedPerAddress, connectionsPerAddress } =
      this.#settings;
    const over = (limit: number, count: () => number) => limit > 0 && count() > limit;
    if (over(maxServers[listener] ?? 0, () => this.#sum(listener))) {
      return "Too many connections to this server";
    }
    if (over(connectionsPerAddress, () => this.#connections.total(slots))) {
      return "Too many connections from your address";
    }
    if (over(unauthenticatedPerAddress, () => this.#unauthenticated.total(slots))) {
      return "Too many connections from your address that are not logged in";
    }
    if (over(unauthenticated, () => this.#sum(maxServers.length))) {
      return "Too many connections that are not logged in";
    }
    return undefined;
  }

  #sum(offset: number): number {
    return this.#parts.reduce((sum, part) => sum + Atomics.load(this.#cells, part + offset), 0);
  }

  #gate(authenticated: () => void): LoginGate {
    return {
      delayFor: (address, user) => this.#delayFor(networkOf(address), user),
      failed: (address, user) => this.#failed(networkOf(address), user),
      succeeded: (address, user) => this.#succeeded(networkOf(address), user),
      authenticated,
    };
  }

  #delayFor(network: string, user: string): number {
    const { authDelay, authDelayMax } = this.#settings;
    if (authDelay <= 0 || authDelayMax <= 0) return 0;
    const tick = this.#tick();
    const { address, pair, user: byUser } = this.#slots(network, user);
    let failures = this.#failures.address.count(address, tick);
    // Whoever logged in from here before is not made to wait because others guess elsewhere.
    const known = this.#seen.has(pair, this.#today());
    if (!known) failures = Math.max(failures, this.#failures.user.count(byUser, tick));
    return failures === 0 ? 0 : Math.min(authDelayMax, authDelay * 2 ** (failures - 1));
  }

  #failed(network: string, user: string): void {
    const tick = this.#tick();
    const slots = this.#slots(network, user);
    this.#failures.address.add(slots.address, tick);
    this.#failures.user.add(slots.user, tick);
    this.#failures.pair.add(slots.pair, tick);
  }

  /**
   * Forgives what this user did wrong from this address, and only that: an attacker's own account
   * must not wipe out the guesses at other accounts, nor a user's login those of an attacker.
   */
  #succeeded(network: string, user: string): void {
    const tick = this.#tick();
    const slots = this.#slots(network, user);
    const own = this.#failures.pair.count(slots.pair, tick);
    this.#failures.address.subtract(slots.address, tick, own);
    this.#failures.user.subtract(slots.user, tick, own);
    this.#failures.pair.subtract(slots.pair, tick, own);
    this.#seen.add(slots.pair, this.#today());
  }

  #slots(network: string, user: string): { address: Slots; user: Slots; pair: Slots } {
    return {
      address: this.#hash.slots("address", network),
      user: this.#hash.slots("user", user),
      pair: this.#hash.slots("pair", network, user),
    };
  }

  #tick(): number {
    return Math.floor(this.#now() * TICKS_PER_STEP / Math.max(1, this.#settings.authDelayMax));
  }

  #today(): number {
    return Math.floor(this.#now() / DAY_MS);
  }
}

/** With so many failures the delay is at its longest; more need not be remembered. */
function mostFailures({ authDelay, authDelayMax }: LimitSettings): number {
  if (authDelay <= 0 || authDelayMax <= authDelay) return 1;
  return Math.min(127, Math.ceil(Math.log2(authDelayMax / authDelay)) + 1);
}
