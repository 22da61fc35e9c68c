/**
 * The way from a session to the threads that compute dear hashes. Waiting
 * checks are taken one user after the other, so that a storm of logins for one
 * name delays that name and not the rest, and their number is bounded.
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
  /** In the order of the users' turns; no queue in it is empty. */
  readonly #queues = new Map<string, Waiting[]>();
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
    const queue = this.#queues.get(job.key) ?? [];
    if (this.#waiting >= this.#maxWaiting || queue.length >= this.#maxWaitingPerKey) {
      reject(new HashesUnavailableError("too many logins are waiting for their password check"));
      return promise;
    }
    const timer = setTimeout(() => {
      this.#forget(job.key, waiting);
      waiting.settle(
        new HashesUnavailableError(`no password check within ${this.#timeout} milliseconds`),
      );
    }, this.#timeout);
    const waiting: Waiting = {
      job,
      settle: (outcome) => {
        clearTimeout(timer);
        if (typeof outcome === "boolean") resolve(outcome);
        else reject(outcome);
      },
    };
    queue.push(waiting);
    this.#queues.set(job.key, queue);
    this.#waiting++;
    this.#next();
    return promise;
  }

  /** Lets go of all ports; checks under way fail. */
  close(): void {
    for (const slot of [...this.#slots.keys()]) this.#drop(slot);
    for (const queue of this.#queues.values()) {
      for (const waiting of queue) waiting.settle(new HashesUnavailableError("shutting down"));
    }
    this.#queues.clear();
    this.#waiting = 0;
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

  /** The next user's first check; the user then goes to the end of the line. */
  #take(): Waiting | undefined {
    const turn = this.#queues.entries().next().value;
    if (!turn) return undefined;
    const [key, queue] = turn;
    const waiting = queue.shift();
    this.#queues.delete(key);
    if (queue.length > 0) this.#queues.set(key, queue);
    this.#waiting--;
    return waiting;
  }

  #forget(key: string, waiting: Waiting): void {
    const queue = this.#queues.get(key);
    const at = queue?.indexOf(waiting) ?? -1;
    if (!queue || at < 0) return;
    queue.splice(at, 1);
    if (queue.length === 0) this.#queues.delete(key);
    this.#waiting--;
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

/** A pool over the message ports of hash workers. */
export function createHashPool(
  ports: Iterable<MessagePort>,
  options: HashPoolOptions = {},
): PortHashPool {
  return new PortHashPool(ports, options);
}
