/**
 * The retriever of a run: its worker, and what that is told.
 *
 * @module
 */
import type { Config } from "../config/config.ts";
import { EXIT_USAGE, reasonOf, UserError } from "../errors.ts";
import { fileFault } from "../log/log_file.ts";
import type { TraceLog } from "../log/trace.ts";
import { ensureDurableFolder } from "../maildir/durable_file.ts";
import type { RetrieverOptions } from "../retriever/options.ts";
import type { RunReport } from "../retriever/report.ts";
import type { RetrieverMode } from "../retriever/retriever.ts";
import type { Progress } from "../retriever/run.ts";
import type { FromRetriever, RetrieverStart, ToRetriever } from "../retriever/worker_messages.ts";
import type { DirectoryKeeper } from "./directory_keeper.ts";
import type { Logs } from "./logs.ts";
import { type Grants, retrieverGrants, workerPermissions } from "./permissions.ts";
import { type RetrieverConfig, retrieverSetup } from "./retriever_setup.ts";
import { within } from "./within.ts";
import { type RunningWorker, WorkerKeeper } from "./worker_keeper.ts";

/** How long sessions may take to end once they must, in milliseconds. */
const END_LIMIT = 400;

/** How the retriever works, and who is told of it. */
export interface RetrieverWays {
  /** Once or by the schedule, for real or not. */
  readonly mode: RetrieverMode;
  /** Overrides the config's `delay_start`, in milliseconds. */
  readonly delayStart?: number;
  /** Told of each run's end. */
  readonly onReport?: (report: RunReport) => void;
  /** Told how far runs are. */
  readonly onProgress?: (progress: Progress) => void;
}

/** What a {@linkcode RetrieverPart} is made of. */
export interface RetrieverPartOptions extends RetrieverWays {
  /** The whole config. */
  readonly config: Config;
  /** The config's retriever. */
  readonly retriever: RetrieverConfig;
  /** Where its worker's lines go. */
  readonly logs: Logs;
  /** Its own lines in the trace log. */
  readonly log: TraceLog;
  /** Where aliases lead; read already. */
  readonly directory: DirectoryKeeper;
  /** This host's name. */
  readonly hostName: string;
  /** Starts the thread. */
  readonly create?: (grants: Grants) => Worker;
}

/** The retriever of a run. */
export class RetrieverPart {
  readonly #options: RetrieverPartOptions;
  readonly #keeper: WorkerKeeper;
  readonly #grants: Grants;
  readonly #audit: string | undefined;
  readonly #transcript: string | undefined;
  readonly #finished = Promise.withResolvers<boolean>();
  #tell: ((message: ToRetriever) => void) | undefined;
  #setup: RetrieverOptions | undefined;

  /** Reads and starts nothing yet. */
  constructor(options: RetrieverPartOptions) {
    this.#options = options;
    const { config, retriever, logs, log } = options;
    this.#grants = retrieverGrants(config);
    this.#audit = retriever.audit && logs.add(retriever.audit);
    this.#transcript = retriever.transcript && logs.add(retriever.transcript);
    this.#keeper = new WorkerKeeper({
      name: "The retriever",
      start: (died) => this.#spawn(options.mode.once ? (reason) => this.#endEarly(reason) : died),
      report: (sentence) => log.error(sentence),
    });
  }

  /** Settles when no client is left to run, or the retriever was stopped: whether all went well. */
  get finished(): Promise<boolean> {
    return this.#finished.promise;
  }

  /**
   * Starts the worker.
   *
   * @throws {UserError} if a client cannot be set up
   */
  async start(): Promise<void> {
    const { options, problems } = await this.#readOptions();
    if (options === undefined) throw new UserError(problems.join("\n"), EXIT_USAGE);
    this.#setup = options;
    if (!this.#options.mode.dryRun) await createFolders(this.#folders());
    this.#options.directory.onChange(() => this.#update());
    this.#keeper.start();
  }

  /**
   * Ends the worker: running sessions end between two messages.
   *
   * @param grace how long that may take, in milliseconds
   * @param hurry cuts it short when it settles
   */
  async stop(grace: number, hurry: Promise<void>): Promise<void> {
    this.#keeper.release();
    if (this.#tell !== undefined) {
      this.#tell({ kind: "grace" });
      await within(grace + END_LIMIT, Promise.race([this.finished, hurry]));
    }
    this.terminate();
  }

  /** Ends the worker at once; the journal says the next run what was done. */
  terminate(): void {
    this.#keeper.stop();
  }

  #folders(): string[] {
    const files = new Set(
      this.#options.retriever.clients.map(({ server }) => server.oauth2?.refresh_token_file),
    );
    return this.#grants.write.filter((path) => !files.has(path));
  }

  async #readOptions(): ReturnType<typeof retrieverSetup> {
    const { config, retriever, directory, hostName, delayStart } = this.#options;
    const { options, problems } = await retrieverSetup(
      config,
      retriever,
      directory.data,
      hostName,
    );
    if (options === undefined) return { problems };
    return { options: { ...options, delayStart: delayStart ?? options.delayStart }, problems };
  }

  async #update(): Promise<void> {
    const { options, problems } = await this.#readOptions();
    if (options === undefined) {
      for (const problem of problems) this.#options.log.error(problem);
      this.#options.log.error("The retriever's recipients stay as they were");
      return;
    }
    this.#setup = options;
    this.#tell?.({ kind: "clients", clients: options.clients });
  }

  #spawn(died: (reason: string) => void): RunningWorker {
    const { logs, mode, onProgress, create = createRetrieverWorker } = this.#options;
    const worker = create(this.#grants);
    const control = new MessageChannel();
    const log = logs.channel();
    worker.onerror = (event) => {
      event.preventDefault();
      died(event.message);
    };
    control.port1.onmessage = ({ data }: MessageEvent<FromRetriever>) => this.#heard(data, died);
    this.#tell = (message) => control.port1.postMessage(message);
    const start: RetrieverStart = {
      setup: {
        trace: logs.trace,
        options: this.#setup!,
        mode,
        progress: onProgress !== undefined,
        ...(this.#audit === undefined ? {} : { audit: this.#audit }),
        ...(this.#transcript === undefined ? {} : { transcript: this.#transcript }),
      },
      port: control.port2,
      logPort: log.port,
    };
    worker.postMessage(start, [control.port2, log.port]);
    return {
      stop: () => {
        worker.terminate();
        control.port1.close();
        log.close();
        this.#tell = undefined;
      },
    };
  }

  /** What runs once is not begun again behind the user's back. */
  #endEarly(reason: string): void {
    this.#options.log.error(`The retriever died: ${reason}. The next run goes on where it was`);
    this.#finished.resolve(false);
    // It may die while it is being started.
    queueMicrotask(() => this.#keeper.stop());
  }

  #heard(message: FromRetriever, died: (reason: string) => void): void {
    switch (message.kind) {
      case "report":
        return this.#options.onReport?.(message.report);
      case "progress":
        return this.#options.onProgress?.(message.progress);
      case "finished":
        this.#finished.resolve(message.well);
        return this.#keeper.stop();
      case "failed":
        return died(message.problem);
    }
  }
}

/**
 * The worker may write only below these folders, so it could not create them where a folder above
 * them is missing too. Nor could it see to it that they outlive a crash.
 */
async function createFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    try {
      await ensureDurableFolder(folder);
    } catch (error) {
      const fault = error instanceof Deno.errors.NotCapable ? reasonOf(error) : fileFault(error);
      throw new UserError(`Cannot create the folder "${folder}": ${fault}`, EXIT_USAGE);
    }
  }
}

function createRetrieverWorker(grants: Grants): Worker {
  return new Worker(new URL("../retriever/worker.ts", import.meta.url), {
    type: "module",
    name: "retriever",
    deno: { permissions: workerPermissions(grants) },
  });
}
