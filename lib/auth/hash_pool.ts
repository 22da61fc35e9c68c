/**
 * The way from a session to the threads that compute dear hashes. A check waits
 * behind those that go before it from the same place or for the same name, and
 * hardly behind others: a storm of logins for one name, or from one place for
 * many names, delays that name or place and not the rest. Their number is bounded.
 *
 * @module
 */
import type { HashAnswer, HashQuestion, HashWork } from "./hash_protocol.ts";

/** A check could not be made now: too many are waiting, or the thread did not answer. */
export class HashesUnavailableError extends Error {
  /** Tells it from other errors in a log. */
  override name = "HashesUnavailableError";
}

/** A check, and whose it is. */
export interface HashJob extends HashWork {
  /** The user that logs in, known or not: checks of one key wait behind each other. */
  readonly key: string;
  /** Where the login comes from: checks of one origin wait behind each other, too. */
  readonly origin?: string;
}

/** Computes dear hashes elsewhere. */
export interface HashPool {
  /**
   * Checks a password.
   *
   * @throws {HashesUnavailableError}
   */
  check(job: HashJob): Promise<boolean>;
}

/** The bounds of a {@linkcode PortHashPool}. */
export interface HashPoolOptions {
  /** The most checks that wait; 256 by default. */
  readonly maxWaiting?: number;
  /** The most checks that wait for one user; 16 by default. */
  readonly maxWaitingPerKey?: number;
  /** After this many milliseconds a check counts as failed; 30000 by default. */
  readonly timeout?: number;
}

interface Waiting {
  readonly job: HashJob;
  /** How many of the same key or origin, whichever are more, waited when it came. */
  readonly rank: number;
  readonly settle: (outcome: boolean | HashesUnavailableError) => void;
}

interface Slot {
  readonly port: MessagePort;
  /** The question under way; the port is given one at a time. */
  asked?: { readonly id: number; readonly settle: Waiting["settle"] };
}

/** A pool over the message ports of hash workers, one question at a time for each. */
export class PortHashPool implements HashPool {
  readonly #slots = new Map<number, Slot>();
  /** What waits, by its rank; of one rank, whoever came first is first. */
  readonly #ranks: Waiting[][] = [];
  /** How many wait of each key and of each origin, if any do. */
  readonly #keys = new Map<string, number>();
  readonly #origins = new Map<string, number>();
  readonly #maxWaiting: number;
  readonly #maxWaitingPerKey: number;
  readonly #timeout: number;
  #waiting = 0;
  #lastId = 0;

  /** Uses the ports as slots 0, 1, …; see {@linkcode createHashPool}. */
  constructor(ports: Iterable<MessagePort>, options: HashPoolOptions = {}) {
    this.#maxWaiting = options.maxWaiting ?? 256;
    this.#maxWaitingPerKey = options.maxWaitingPerKey ?? 16;
    this.#timeout = options.timeout ?? 30_000;
    let slot = 0;
    for (const port of ports) this.setPort(slot++, port);
  }

  /** Takes a port into use, in the place of the slot's former one, whose question then fails. */
  setPort(slot: number, port: MessagePort): void {
    this.#drop(slot);
    const entry: Slot = { port };
    this.#slots.set(slot, entry);
    port.onmessage = (event: MessageEvent<HashAnswer>) => this.#answered(entry, event.data);
    this.#next();
  }

  /** Checks a password; see {@linkcode HashPool.check}. */
  check(job: HashJob): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const ofKey = this.#keys.get(job.key) ?? 0;
    const rank = Math.max(ofKey, this.#origins.get(job.origin ?? "") ?? 0);
    if (ofKey >= this.#maxWaitingPerKey || !this.#makeRoom(rank)) {
      reject(tooMany());
      return promise;
    }
    const timer = setTimeout(() => {
      this.#leave(waiting);
      waiting.settle(
        new HashesUnavailableError(`no password check within ${this.#timeout} milliseconds`),
      );
    }, this.#timeout);
    const waiting: Waiting = {
      job,
      rank,
      settle: (outcome) => {
        clearTimeout(timer);
        if (typeof outcome === "boolean") resolve(outcome);
        else reject(outcome);
      },
    };
    (this.#ranks[rank] ??= []).push(waiting);
    this.#count(job, 1);
    this.#next();
    return promise;
  }

  /** Lets go of all ports; checks under way fail. */
  close(): void {
    for (const slot of [...this.#slots.keys()]) this.#drop(slot);
    for (const waiting of this.#ranks.flat()) {
      this.#leave(waiting);
      waiting.settle(new HashesUnavailableError("shutting down"));
    }
  }

  #next(): void {
    for (const slot of this.#slots.values()) {
      if (slot.asked) continue;
      const waiting = this.#take();
      if (!waiting) return;
      const { password, own, others } = waiting.job;
      const id = ++this.#lastId;
      const question: HashQuestion = {
        id,
        password,
        others,
        ...(own === undefined ? {} : { own }),
      };
      slot.asked = { id, settle: waiting.settle };
      slot.port.postMessage(question);
    }
  }

  /** The one that the fewest of its kind went before. */
  #take(): Waiting | undefined {
    const first = this.#ranks.find((rank) => rank !== undefined && rank.length > 0)?.[0];
    if (first !== undefined) this.#leave(first);
    return first;
  }

  /** Whether one more of this rank may wait; where there is no place, one of a higher rank goes. */
  #makeRoom(rank: number): boolean {
    if (this.#waiting < this.#maxWaiting) return true;
    const highest = this.#ranks.findLast((one) => one !== undefined && one.length > 0)?.at(-1);
    if (highest === undefined || highest.rank <= rank) return false;
    this.#leave(highest);
    highest.settle(tooMany());
    return true;
  }

  #leave(waiting: Waiting): void {
    const rank = this.#ranks[waiting.rank];
    const at = rank?.indexOf(waiting) ?? -1;
    if (rank === undefined || at < 0) return;
    rank.splice(at, 1);
    this.#count(waiting.job, -1);
  }

  #count({ key, origin }: HashJob, change: 1 | -1): void {
    this.#waiting += change;
    add(this.#keys, key, change);
    if (origin !== undefined) add(this.#origins, origin, change);
  }

  #answered(slot: Slot, answer: HashAnswer): void {
    if (slot.asked?.id !== answer.id) return;
    const { settle } = slot.asked;
    delete slot.asked;
    settle(answer.ok ?? new HashesUnavailableError(answer.failure ?? "the check failed"));
    this.#next();
  }

  #drop(slot: number): void {
    const entry = this.#slots.get(slot);
    if (!entry) return;
    this.#slots.delete(slot);
    entry.port.onmessage = null;
    entry.port.close();
    entry.asked?.settle(new HashesUnavailableError("the password check was cut off"));
  }
}

function tooMany(): HashesUnavailableError {
  return new HashesUnavailableError("too many logins are waiting for their password check");
}

function add(counts: Map<string, number>, name: string, change: number): void {
  const count = (counts.get(name) ?? 0) + change;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}

/** A pool over the message ports of hash workers. */
export function createHashPool(
  ports: Iterable<MessagePort>,
  options: HashPoolOptions = {},
): PortHashPool {
  return new PortHashPool(ports, options);
}
