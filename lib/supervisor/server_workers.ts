/**
 * The server workers as main sees them: started, kept running, told what changes, ended.
 *
 * @module
 */
import { reasonOf, UserError } from "../errors.ts";
import { releaseWorker } from "../server/shared_limits.ts";
import type {
  FromServerWorker,
  ServerSetup,
  ToServerWorker,
  WorkerStart,
} from "../server/worker_messages.ts";
import type { HashWorkers } from "./hash_workers.ts";
import type { Logs } from "./logs.ts";
import { type Grants, workerPermissions } from "./permissions.ts";
import { Watchdog } from "./watchdog.ts";
import { within } from "./within.ts";
import { type RunningWorker, WorkerKeeper } from "./worker_keeper.ts";

/** How long sessions may take to end once they must, in milliseconds. */
const END_LIMIT = 400;
/** How often a worker shows that it is alive, in milliseconds. */
const HEARTBEAT = 5000;
/** A worker that shows nothing for so many heartbeats hangs. */
const PATIENCE = 12;

/** A setup without what differs from worker to worker. */
export type SharedSetup = Omit<ServerSetup, "worker" | "sessionPrefix" | "heartbeat">;

/** What {@linkcode ServerWorkers} needs. */
export interface ServerWorkersOptions {
  /** How many workers. */
  readonly count: number;
  /** What each may do. */
  readonly grants: Grants;
  /** What each is told at its start; asked for anew at a restart. */
  readonly setup: () => SharedSetup;
  /** Where their log lines go. */
  readonly logs: Logs;
  /** Where dear hashes are computed. */
  readonly hashes: HashWorkers;
  /** Told when one dies or hangs. */
  readonly report: (sentence: string) => void;
  /** How often a worker shows that it is alive, in milliseconds; 5000 by default. */
  readonly heartbeat?: number;
  /** Starts a thread. */
  readonly create?: (grants: Grants) => Worker;
}

interface Live {
  readonly tell: (message: ToServerWorker, transfer?: MessagePort[]) => void;
  readonly finished: PromiseWithResolvers<void>;
}

/** All server workers of a run. */
export class ServerWorkers {
  readonly #options: ServerWorkersOptions;
  readonly #keepers: WorkerKeeper[] = [];
  readonly #live = new Map<number, Live>();
  readonly #listening = Promise.withResolvers<void>();
  readonly #ready = new Set<number>();
  #starting = true;
  #starts = 0;

  /** Starts nothing yet. */
  constructor(options: ServerWorkersOptions) {
    this.#options = options;
  }

  /**
   * Starts the workers; settles when all of them listen.
   *
   * @throws {UserError} if one cannot
   */
  async start(): Promise<void> {
    for (let index = 0; index < this.#options.count; index++) {
      const keeper = new WorkerKeeper({
        name: `Server worker ${index + 1}`,
        start: (died) => this.#start(index, died),
        report: (sentence) => this.#options.report(sentence),
      });
      this.#keepers.push(keeper);
      keeper.start();
    }
    await this.#listening.promise;
    this.#starting = false;
  }

  /** Tells all workers something. */
  broadcast(message: ToServerWorker): void {
    for (const { tell } of this.#live.values()) tell(message);
  }

  /**
   * Ends the workers: no new connections, `grace` for the sessions that are logged in, then the end.
   *
   * @param grace milliseconds
   * @param hurry cuts the grace short when it settles
   */
  async stop(grace: number, hurry: Promise<void>): Promise<void> {
    for (const keeper of this.#keepers) keeper.release();
    const finished = Promise.all([...this.#live.values()].map((one) => one.finished.promise));
    this.broadcast({ kind: "grace" });
    const done = await within(grace, Promise.race([finished.then(() => true), hurry]));
    if (done !== true) {
      this.broadcast({ kind: "end" });
      await within(END_LIMIT, finished);
    }
    this.terminate();
  }

  /** Ends the workers at once. */
  terminate(): void {
    for (const keeper of this.#keepers) keeper.stop();
  }

  /** A thread that cannot even be made, as for want of permissions, ends the start. */
  #start(index: number, died: (reason: string) => void): RunningWorker {
    try {
      return this.#spawn(index, died);
    } catch (error) {
      if (this.#starting) this.#cannotServe(reasonOf(error));
      throw error;
    }
  }

  #cannotServe(reason: string): void {
    this.#listening.reject(new UserError(`Cannot serve: ${reason}`));
  }

  #spawn(index: number, died: (reason: string) => void): RunningWorker {
    const { grants, create = createServerWorker, logs, hashes } = this.#options;
    const shared = this.#options.setup();
    const worker = create(grants);
    const control = new MessageChannel();
    const log = logs.channel();
    const live: Live = {
      tell: (message, transfer = []) => control.port1.postMessage(message, transfer),
      finished: Promise.withResolvers(),
    };
    const failed = (reason: string) => {
      live.finished.resolve();
      if (this.#starting) this.#cannotServe(reason);
      else died(reason);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      failed(event.message);
    };
    const watchdog = this.#watchdog(index);
    control.port1.onmessage = ({ data }: MessageEvent<FromServerWorker>) => {
      watchdog.beat();
      if (data.kind === "listening") this.#listens(index);
      else if (data.kind === "alive") return;
      else if (data.kind === "finished") live.finished.resolve();
      else failed(data.problem);
    };
    const sessionPrefix = `${runMark}${(this.#starts++).toString(36)}`;
    const { heartbeat = HEARTBEAT } = this.#options;
    const setup: ServerSetup = { ...shared, worker: index, sessionPrefix, heartbeat };
    worker.postMessage(
      { setup, port: control.port2, logPort: log.port } satisfies WorkerStart,
      [control.port2, log.port],
    );
    this.#live.set(index, live);
    const disconnect = hashes.connect((slot, port) =>
      live.tell({ kind: "hash-port", slot, port }, [port])
    );
    return {
      stop: () => {
        watchdog.stop();
        worker.terminate();
        disconnect();
        control.port1.close();
        log.close();
        live.finished.resolve();
        if (this.#live.get(index) === live) this.#live.delete(index);
        releaseWorker(shared.limits, index);
      },
    };
  }

  /**
   * A thread that hangs can only be reported. To terminate it does not help: neither computing nor
   * waiting for a disk ends by that (Deno 2.9), so it would keep its locks and its share of the new
   * connections, beside a successor.
   */
  #watchdog(index: number): Watchdog {
    const { heartbeat: interval = HEARTBEAT, report } = this.#options;
    const name = `Server worker ${index + 1}`;
    const seconds = Math.round(PATIENCE * interval / 1000);
    return new Watchdog({
      interval,
      patience: PATIENCE,
      hangs: () =>
        report(
          `${name} hangs: no sign of life for ${seconds} seconds. Its sessions wait, and so does a ` +
            "part of the new connections; if it stays so, the program must be started again",
        ),
      answers: () => report(`${name} answers again`),
    });
  }

  #listens(index: number): void {
    this.#ready.add(index);
    if (this.#ready.size === this.#options.count) this.#listening.resolve();
  }
}

/** Tells the sessions of this run from those of another that writes to the same transcript. */
const runMark = crypto.getRandomValues(new Uint8Array(2)).toHex();

function createServerWorker(grants: Grants): Worker {
  return new Worker(new URL("../server/worker.ts", import.meta.url), {
    type: "module",
    name: "server",
    deno: { permissions: workerPermissions(grants) },
  });
}
