/**
 * The demo's server and retriever: the parts that `serve` runs, in this process, ended by a call
 * instead of a signal.
 *
 * @module
 */
import { type Config, formatProblems, loadConfig } from "../config/config.ts";
import { UserError } from "../errors.ts";
import { traceLog } from "../log/trace.ts";
import type { RunReport } from "../retriever/report.ts";
import { DirectoryKeeper } from "../supervisor/directory_keeper.ts";
import { FileWatch } from "../supervisor/file_watch.ts";
import { Logs } from "../supervisor/logs.ts";
import { type ProbedListener, probeListeners } from "../supervisor/probe_listeners.ts";
import { RetrieverPart } from "../supervisor/retriever_part.ts";
import { ServerPart } from "../supervisor/server_part.ts";

/** How long the retriever may go on with a message once all is to end, in milliseconds. */
const RETRIEVER_GRACE = 1000;

/** A config with both parts. */
interface FullConfig extends Config {
  readonly pop3server: NonNullable<Config["pop3server"]>;
  readonly pop3download: NonNullable<Config["pop3download"]>;
  readonly message_store: NonNullable<Config["message_store"]>;
}

/** A server that runs, with a retriever that can. */
export class RunningServer {
  readonly #config: FullConfig;
  readonly #logs: Logs;
  readonly #watch = new FileWatch();
  readonly #directory: DirectoryKeeper;
  readonly #server: ServerPart;
  readonly #stopped = Promise.withResolvers<void>();
  #retriever: RetrieverPart | undefined;

  private constructor(config: FullConfig, probed: readonly ProbedListener[]) {
    this.#config = config;
    this.#logs = new Logs(config);
    this.#directory = new DirectoryKeeper(config.directory, traceLog("main"));
    this.#server = new ServerPart({
      ...this.#common,
      server: config.pop3server,
      store: config.message_store,
      probed,
      log: traceLog("server"),
      watch: this.#watch,
    });
  }

  /**
   * Starts the server of a config file; settles when it listens.
   *
   * @throws {UserError} if it cannot be started
   */
  static async start(configFile: string): Promise<RunningServer> {
    const { config, problems, settings } = await loadConfig(configFile);
    const probe = await probeListeners(settings);
    const all = [...problems, ...probe.problems];
    if (!isFull(config) || all.length > 0) {
      throw new UserError(`Cannot start the demo's server: ${formatProblems(configFile, all)}`);
    }
    const running = new RunningServer(config, probe.listeners);
    try {
      await running.#directory.load(running.#watch);
      await running.#server.start();
      return running;
    } catch (error) {
      running.#server.terminate();
      await running.stop();
      throw error;
    }
  }

  /**
   * Runs every client of the retriever once.
   *
   * @returns what they report; what they said is in the transcript by then
   * @throws {UserError} if one fails
   */
  async collect(): Promise<RunReport[]> {
    const reports: RunReport[] = [];
    const retriever = this.#retriever = new RetrieverPart({
      ...this.#common,
      retriever: this.#config.pop3download,
      log: traceLog("retriever"),
      mode: { once: true, dryRun: false },
      onReport: (report) => reports.push(report),
    });
    await retriever.start();
    const well = await Promise.race([retriever.finished, this.#stopped.promise]);
    if (well === false) {
      throw new UserError(
        `The demo's retriever failed: ${reports.map(({ summary }) => summary).join("; ")}`,
      );
    }
    return reports;
  }

  /** Ends server and retriever; POP3 sessions that still run are cut. */
  async stop(): Promise<void> {
    await this.#retriever?.stop(RETRIEVER_GRACE, new Promise(() => {}));
    this.#stopped.resolve();
    await this.#server.stop(Promise.resolve());
    this.#watch.stop();
    await this.#logs.close();
  }

  get #common(): {
    config: Config;
    logs: Logs;
    directory: DirectoryKeeper;
    hostName: string;
  } {
    return {
      config: this.#config,
      logs: this.#logs,
      directory: this.#directory,
      hostName: "localhost",
    };
  }
}

function isFull(config: Config | undefined): config is FullConfig {
  return config?.pop3server !== undefined && config.pop3download !== undefined &&
    config.message_store !== undefined;
}
