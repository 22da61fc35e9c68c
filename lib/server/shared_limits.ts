/**
 * The limits on connections, on TLS handshakes and on failed logins, counted over all workers in
 * shared memory.
 *
 * @module
 */
import type { LoginGate } from "./login_gate.ts";
import { type DelaySettings, LOGIN_CELLS, LoginLimits } from "./login_limits.ts";
import { CountTable, KeyedHash, networkOf, ROWS, type Slots } from "./shared_tables.ts";

/** Slots of a row for connections; there are never more open ones than a few thousand. */
const CONNECTION_COLUMNS = 4096;
const TABLE = ROWS * CONNECTION_COLUMNS;

/**
 * The last places of those who are not logged in are kept for addresses that hold few, or else ten
 * addresses would be enough to keep everybody out.
 */
const SCARCE = {
  /** Places are scarce when more than this share of them is taken. */
  share: 3 / 4,
  /** What an address may then hold; who logs in needs a place for a moment only. */
  perAddress: 4,
  /** Of fewer places than this one address may take them all. */
  places: 100,
};

/** The limits; 0 means none. */
export interface LimitSettings extends DelaySettings {
  /** The most connections of each listener, by its index. */
  readonly maxServers: readonly number[];
  /** The most connections that are not logged in. */
  readonly unauthenticated: number;
  /** The same for one address; fewer when the places become scarce. */
  readonly unauthenticatedPerAddress: number;
  /** The most connections of one address. */
  readonly connectionsPerAddress: number;
  /** The most TLS handshakes under way. */
  readonly handshakes: number;
  /** The same for one address. */
  readonly handshakesPerAddress: number;
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

/** Why a connection or a handshake is refused; the words are meant for the reply and the log. */
export type Refusal =
  | "Too many connections to this server"
  | "Too many connections that are not logged in"
  | "Too many connections from your address"
  | "Too many connections from your address that are not logged in"
  | "Too many TLS handshakes under way"
  | "Too many TLS handshakes from your address";

/** A connection's place in the counts. */
export interface Admission {
  /** The login limits as this connection's session sees them. */
  readonly gate: LoginGate;
  /**
   * Counts a TLS handshake of this connection in, unless that would pass a limit.
   *
   * @returns what to call once it has ended, or why it cannot be made now
   */
  startHandshake(): (() => void) | Refusal;
  /** The connection has ended; safe to call more than once. */
  release(): void;
}

/** Where things are in the memory, in cells of 32 bits. */
function layout(listeners: number, workers: number): {
  part: number;
  parts: number[];
  tables: number;
  logins: number;
  cells: number;
} {
  // A worker's part: its connections by listener, those not logged in, its handshakes, and tables.
  const tables = listeners + 2;
  const part = tables + 4 * TABLE;
  const logins = part * workers;
  return {
    part,
    parts: Array.from({ length: workers }, (_, worker) => worker * part),
    tables,
    logins,
    cells: logins + LOGIN_CELLS,
  };
}

/**
 * Makes the memory for so many workers, 3.5 megabytes and 128 kilobytes a worker. It never grows;
 * pages that nobody touches cost nothing.
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
  readonly #connections: CountTable;
  readonly #unauthenticated: CountTable;
  readonly #handshakes: CountTable;
  readonly #logins: LoginLimits;

  /**
   * Makes a worker's view.
   *
   * @param worker this worker's index, below {@linkcode LimitsShare.workers}
   * @param now the clock, in milliseconds since 1970
   */
  constructor(share: LimitsShare, worker: number, now: () => number = Date.now) {
    const { settings } = share;
    const { parts, tables, logins } = layout(settings.maxServers.length, share.workers);
    const cells = this.#cells = new Int32Array(share.memory);
    const hash = this.#hash = new KeyedHash(share.secret);
    this.#settings = settings;
    this.#parts = parts;
    this.#own = parts[worker]!;
    const counts = (index: number) => {
      const offset = tables + index * TABLE;
      return new CountTable(cells, parts.map((part) => part + offset), worker, CONNECTION_COLUMNS);
    };
    this.#connections = counts(0);
    this.#unauthenticated = counts(1);
    this.#handshakes = counts(2);
    this.#logins = new LoginLimits(cells.subarray(logins), {
      settings,
      hash,
      checks: counts(3),
      now,
    });
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
    return {
      gate: {
        attempt: (address, user) => this.#logins.attempt(networkOf(address), user),
        authenticated,
      },
      startHandshake: () => this.#startHandshake(slots),
      release,
    };
  }

  #startHandshake(slots: Slots): (() => void) | Refusal {
    const { handshakes, handshakesPerAddress, maxServers } = this.#settings;
    const total = maxServers.length + 1;
    const count = (change: 1 | -1) => {
      Atomics.add(this.#cells, this.#own + total, change);
      this.#handshakes.add(slots, change);
    };
    count(1);
    const refusal: Refusal | undefined =
      over(handshakesPerAddress, () => this.#handshakes.total(slots))
        ? "Too many TLS handshakes from your address"
        : over(handshakes, () => this.#sum(total))
        ? "Too many TLS handshakes under way"
        : undefined;
    let counted = true;
    const end = () => {
      if (counted) count(-1);
      counted = false;
    };
    if (refusal === undefined) return end;
    end();
    return refusal;
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
    const { maxServers, unauthenticated, connectionsPerAddress } = this.#settings;
    if (over(maxServers[listener] ?? 0, () => this.#sum(listener))) {
      return "Too many connections to this server";
    }
    if (over(connectionsPerAddress, () => this.#connections.total(slots))) {
      return "Too many connections from your address";
    }
    if (over(this.#placesOfOne(), () => this.#unauthenticated.total(slots))) {
      return "Too many connections from your address that are not logged in";
    }
    if (over(unauthenticated, () => this.#sum(maxServers.length))) {
      return "Too many connections that are not logged in";
    }
    return undefined;
  }

  /** How many connections that are not logged in one address may hold now; 0 for no limit. */
  #placesOfOne(): number {
    const { maxServers, unauthenticated, unauthenticatedPerAddress } = this.#settings;
    const scarce = unauthenticated >= SCARCE.places &&
      this.#sum(maxServers.length) > SCARCE.share * unauthenticated;
    return scarce
      ? Math.min(unauthenticatedPerAddress, SCARCE.perAddress)
      : unauthenticatedPerAddress;
  }

  #sum(offset: number): number {
    return this.#parts.reduce((sum, part) => sum + Atomics.load(this.#cells, part + offset), 0);
  }
}

function over(limit: number, count: () => number): boolean {
  return limit > 0 && count() > limit;
}
