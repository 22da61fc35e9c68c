/**
 * The threads that compute dear password hashes, and their channels to the server workers.
 *
 * @module
 */
import type { HashWorkerMessage } from "../auth/hash_worker.ts";
import { type RunningWorker, WorkerKeeper } from "./worker_keeper.ts";
import { NO_GRANTS, workerPermissions } from "./permissions.ts";

/** Hands a server worker the end of a channel to the hash worker in a slot. */
export type PortReceiver = (slot: number, port: MessagePort) => void;

/** What {@linkcode HashWorkers} needs. */
export interface HashWorkersOptions {
  /** How many threads. */
  readonly count: number;
  /** Told when one dies. */
  readonly report: (sentence: string) => void;
  /** Starts a thread. */
  readonly create?: () => Worker;
}

/** The hash workers, none of which runs before {@linkcode HashWorkers.start}. */
export class HashWorkers {
  readonly #options: HashWorkersOptions;
  readonly #keepers: WorkerKeeper[] = [];
  readonly #running = new Map<number, Worker>();
  readonly #receivers = new Set<PortReceiver>();

  /** Starts nothing yet. */
  constructor(options: HashWorkersOptions) {
    this.#options = options;
  }

  /** Starts them, unless they run already. */
  start(): void {
    if (this.#keepers.length > 0) return;
    for (let slot = 0; slot < this.#options.count; slot++) {
      const keeper = new WorkerKeeper({
        name: `Hash worker ${slot + 1}`,
        start: (died) => this.#spawn(slot, died),
        report: this.#options.report,
      });
      this.#keepers.push(keeper);
      keeper.start();
    }
  }

  /**
   * Gives a server worker a channel to each hash worker, now and whenever one is started.
   *
   * @returns ends that
   */
  connect(receiver: PortReceiver): () => void {
    this.#receivers.add(receiver);
    for (const [slot, worker] of this.#running) link(slot, worker, receiver);
    return () => this.#receivers.delete(receiver);
  }

  /** Ends them. */
  stop(): void {
    for (const keeper of this.#keepers) keeper.stop();
  }

  #spawn(slot: number, died: (reason: string) => void): RunningWorker {
    const worker = (this.#options.create ?? createHashWorker)();
    worker.onerror = (event) => {
      event.preventDefault();
      died(event.message);
    };
    this.#running.set(slot, worker);
    for (const receiver of this.#receivers) link(slot, worker, receiver);
    return {
      stop: () => {
        worker.terminate();
        if (this.#running.get(slot) === worker) this.#running.delete(slot);
      },
    };
  }
}

function link(slot: number, worker: Worker, receiver: PortReceiver): void {
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ port: port1 } satisfies HashWorkerMessage, [port1]);
  receiver(slot, port2);
}

function createHashWorker(): Worker {
  return new Worker(new URL("../auth/hash_worker.ts", import.meta.url), {
    type: "module",
    name: "hash",
    deno: { permissions: workerPermissions(NO_GRANTS) },
  });
}
