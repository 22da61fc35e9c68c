/**
 * Runs what a config describes: starts it, keeps it running, passes on
 * changes, and ends it.
 *
 * @module
 */
import { type Config, hostName } from "../config/config.ts";
import { EXIT_FAILED, EXIT_USAGE, UserError } from "../errors.ts";
import { traceLog } from "../log/trace.ts";
import { surviveErrors } from "../server/survive.ts";
import { DirectoryKeeper } from "./directory_keeper.ts";
import { FileWatch } from "./file_watch.ts";
import { graceOf } from "./grace.ts";
import { Logs } from "./logs.ts";
import type { ProbedListener } from "./probe_listeners.ts";
import { RetrieverPart, type RetrieverWays } from "./retriever_part.ts";
import { ServerPart } from "./server_part.ts";
import { onSignals } from "./signals.ts";

/** How {@linkcode supervise} runs a config. */
export interface SuperviseOptions {
  /** Where its listeners will listen, in their order. */
  readonly probed: readonly ProbedListener[];
  /** How its retriever works; by its schedule if absent. */
  readonly retrieving?: RetrieverWays;
}

/**
 * Runs a checked config until it is told to stop by a signal, or has nothing left to do.
 *
 * @param config what to run
 * @returns the exit status
 * @throws {UserError} if it cannot be started
 */
export async function supervise(config: Config, options: SuperviseOptions): Promise<number> {
  if (config.pop3server === undefined && config.pop3download === undefined) {
    throw new UserError(
      `Cannot serve ${config.file}: it has neither a [pop3server] nor a [pop3download] section`,
      EXIT_USAGE,
    );
  }
  const logs = new Logs(config);
  const watch = new FileWatch();
  try {
    return await new Run(config, logs, watch, options).run();
  } finally {
    watch.stop();
    await logs.close();
  }
}

/** One run of the program. */
class Run {
  readonly #log = traceLog("main");
  readonly #logs: Logs;
  readonly #watch: FileWatch;
  readonly #directory: DirectoryKeeper;
  readonly #server: ServerPart | undefined;
  readonly #retriever: RetrieverPart | undefined;
  readonly #grace: number;
  /** Settles with the exit status when it is time to end. */
  readonly #stop = Promise.withResolvers<number>();
  /** Settles when there is no more time. */
  readonly #hurry = Promise.withResolvers<void>();
  #stopping = false;

  constructor(config: Config, logs: Logs, watch: FileWatch, options: SuperviseOptions) {
    this.#logs = logs;
    this.#watch = watch;
    const { pop3server: server, pop3download: retriever, message_store: store } = config;
    const directory = this.#directory = new DirectoryKeeper(config.directory, this.#log);
    const common = { config, logs, directory, hostName: hostName() };
    const { probed, retrieving = { mode: { once: false, dryRun: false } } } = options;
    if (server !== undefined && store !== undefined) {
      const log = traceLog("server");
      this.#server = new ServerPart({ ...common, server, store, probed, log, watch });
    }
    if (retriever !== undefined) {
      const log = traceLog("retriever");
      this.#retriever = new RetrieverPart({ ...common, ...retrieving, retriever, log });
    }
    this.#grace = graceOf(config);
  }

  async run(): Promise<number> {
    const removeHandlers = onSignals({
      stop: (signal) => this.#onStop(signal),
      reload: () => void this.#reload(),
    });
    const stopSurviving = surviveErrors(this.#log);
    try {
      await Promise.race([this.#start(), this.#stop.promise]);
      const status = await this.#stop.promise;
      await Promise.all([
        this.#server?.stop(this.#hurry.promise),
        this.#retriever?.stop(this.#grace, this.#hurry.promise),
      ]);
      this.#log.info("Stopped");
      return status;
    } catch (error) {
      this.#server?.terminate();
      this.#retriever?.terminate();
      throw error;
    } finally {
      removeHandlers();
      stopSurviving();
    }
  }

  async #start(): Promise<void> {
    await this.#directory.load(this.#watch);
    await this.#server?.start();
    await this.#retriever?.start();
    if (this.#server !== undefined) return;
    // Without a server the program is done when the retriever is.
    void this.#retriever?.finished.then((well) => this.#stop.resolve(well ? 0 : EXIT_FAILED));
  }

  #onStop(signal: Deno.Signal): void {
    if (this.#stopping) return this.#hurry.resolve();
    this.#stopping = true;
    this.#log.info(`Stopping (${signal})`);
    this.#stop.resolve(0);
  }

  async #reload(): Promise<void> {
    this.#log.info("Reading directory, certificates and log files anew (SIGHUP)");
    this.#logs.reopen();
    await this.#watch.changeAll();
  }
}
