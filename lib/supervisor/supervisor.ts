/**
 * Runs what a config describes: starts it, keeps it running, passes on
 * changes, and ends it.
 *
 * @module
 */
import type { Config } from "../config/config.ts";
import { EXIT_USAGE, UserError } from "../errors.ts";
import { traceLog } from "../log/trace.ts";
import { FileWatch } from "./file_watch.ts";
import { Logs } from "./logs.ts";
import type { ProbedListener } from "./probe_listeners.ts";
import { ServerPart } from "./server_part.ts";
import { onSignals, type SignalHandlers } from "./signals.ts";

/**
 * Runs a checked config until it is told to stop by a signal, or has nothing left to do.
 *
 * @param config what to run
 * @param probed where its listeners will listen, in their order
 * @returns the exit status
 * @throws {UserError} if it cannot be started
 */
export async function supervise(
  config: Config,
  probed: readonly ProbedListener[],
): Promise<number> {
  if (config.pop3server === undefined && config.pop3download === undefined) {
    throw new UserError(
      `Cannot serve ${config.file}: it has neither a [pop3server] nor a [pop3download] section`,
      EXIT_USAGE,
    );
  }
  const logs = new Logs(config);
  const watch = new FileWatch();
  try {
    return await new Run(config, logs, watch, probed).run();
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
  readonly #server: ServerPart | undefined;
  readonly #stop = Promise.withResolvers<number>();
  readonly #hurry = Promise.withResolvers<void>();
  #stopping = false;

  constructor(
    config: Config,
    logs: Logs,
    watch: FileWatch,
    probed: readonly ProbedListener[],
  ) {
    this.#logs = logs;
    this.#watch = watch;
    const { pop3server, message_store: store } = config;
    if (pop3server !== undefined && store !== undefined) {
      this.#server = new ServerPart({
        config,
        server: pop3server,
        store,
        probed,
        logs,
        log: traceLog("server"),
        watch,
        hostName: hostName(),
      });
    }
  }

  async run(): Promise<number> {
    const handlers: SignalHandlers = {
      stop: (signal) => this.#onStop(signal),
      reload: () => void this.#reload(),
    };
    const removeHandlers = onSignals(handlers);
    try {
      await Promise.race([this.#server?.start(), this.#stop.promise]);
      const status = await this.#stop.promise;
      await this.#server?.stop(this.#hurry.promise);
      this.#log.info("Stopped");
      return status;
    } catch (error) {
      this.#server?.terminate();
      throw error;
    } finally {
      removeHandlers();
    }
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

function hostName(): string {
  try {
    return Deno.hostname();
  } catch {
    // Without that permission a name that can be no other host's will do.
    return "localhost";
  }
}
