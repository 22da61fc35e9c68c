/**
 * The retriever as a whole: its clients, their schedule, and what their runs share.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import type { LineSink } from "../log/line.ts";
import { type TraceLog, traceLog } from "../log/trace.ts";
import type { Transcript } from "../log/transcript.ts";
import { Deadlines } from "../transport/deadlines.ts";
import { mostOctets } from "./arrival.ts";
import { createDestination } from "./destinations.ts";
import { createTokenSource } from "./oauth.ts";
import type { Dialer } from "./open_session.ts";
import type { ClientOptions, RetrieverOptions } from "./options.ts";
import type { RunReport } from "./report.ts";
import { type Progress, runClient, type RunEnvironment } from "./run.ts";
import { type Clock, LONG_RUN, Schedule } from "./schedule.ts";
import type { TokenSource } from "./token_source.ts";
import { transportDialer } from "./transport_dialer.ts";

/** How the retriever works. */
export interface RetrieverMode {
  /** Whether every client runs once, now, whatever its schedule. */
  readonly once: boolean;
  /** Whether runs only log in and count. */
  readonly dryRun: boolean;
}

/** What the retriever uses of the outside, and whom it tells. */
export interface RetrieverTools {
  /** Takes a line for each message. */
  readonly audit?: LineSink;
  /** Takes down the dialogues. */
  readonly transcript?: Transcript;
  /** Told of each run's end. */
  readonly onReport?: (report: RunReport) => void;
  /** Told how far runs are. */
  readonly onProgress?: (progress: Progress) => void;
  /** Makes connections; the network's by default. */
  readonly dialer?: Dialer;
  /** The schedule's clock; the system's by default. */
  readonly clock?: Clock;
  /** Takes what the retriever has to say; the trace log by default. */
  readonly log?: TraceLog;
}

/** Collects mail. */
export class Retriever {
  readonly #options: RetrieverOptions;
  readonly #mode: RetrieverMode;
  readonly #tools: RetrieverTools;
  readonly #clients: Map<string, ClientOptions>;
  readonly #tokens = new Map<string, TokenSource | undefined>();
  readonly #ending = new AbortController();
  readonly #schedule: Schedule;
  readonly #log: TraceLog;
  /** The last run of each client, where it failed or left a message behind. */
  readonly #unhappy = new Set<string>();

  /** Starts nothing yet. */
  constructor(options: RetrieverOptions, mode: RetrieverMode, tools: RetrieverTools = {}) {
    this.#options = options;
    this.#mode = mode;
    this.#tools = tools;
    this.#log = tools.log ?? traceLog("retriever");
    this.#clients = new Map(options.clients.map((client) => [client.id, client]));
    const environment = this.#environment();
    this.#schedule = new Schedule({
      clients: mode.once
        ? options.clients.map(({ id }) => ({ id, freq: 0, runs: 1 }))
        : options.clients,
      delayStart: mode.once ? 0 : options.delayStart,
      maxParallel: options.maxParallel,
      run: (id) => this.#run(id, environment),
      onError: (id, error) => {
        this.#unhappy.add(id);
        this.#log.error(`${id}: unexpected error: ${reasonOf(error)}`);
      },
      onLong: (id) => {
        this.#log.warn(
          `${id}: the run has lasted ${LONG_RUN / 60_000} min and goes on; ` +
            "it no longer counts against max_parallel, so that other clients need not wait for it",
        );
      },
      ...(tools.clock === undefined ? {} : { clock: tools.clock }),
    });
  }

  /**
   * Works until no client is left, or {@linkcode stop} was called.
   *
   * @returns whether every client's last run went well
   */
  async run(): Promise<boolean> {
    await this.#schedule.run();
    for (const tokens of this.#tokens.values()) tokens?.close();
    return this.#unhappy.size === 0;
  }

  /** Ends running sessions between two messages, and starts no new ones. */
  stop(): void {
    this.#ending.abort();
    this.#schedule.stop();
  }

  /** Takes changed options of clients (such as the recipients behind an alias) for their next runs. */
  update(clients: readonly ClientOptions[]): void {
    for (const client of clients) {
      if (this.#clients.has(client.id)) this.#clients.set(client.id, client);
    }
  }

  async #run(id: string, environment: RunEnvironment): Promise<void> {
    const client = this.#clients.get(id)!;
    const report = await runClient(client, environment, this.#mode);
    const unhappy = (report.failure !== undefined && !report.interrupted) || report.leftByError > 0;
    if (unhappy) this.#unhappy.add(id);
    else this.#unhappy.delete(id);
    this.#tools.onReport?.(report);
  }

  #environment(): RunEnvironment {
    const { stateDirectory, hostName, timeout } = this.#options;
    const { audit, transcript, onProgress } = this.#tools;
    return {
      stateDirectory,
      hostName,
      timeout,
      dialer: this.#tools.dialer ?? transportDialer,
      deadlines: new Deadlines(Math.min(250, Math.max(10, timeout / 4))),
      destination: ({ destination }, context) =>
        createDestination(destination, context, { stateDirectory, timeout }),
      tokens: (client) => this.#tokensOf(client),
      log: this.#log,
      signal: this.#ending.signal,
      now: Date.now,
      mostOctets,
      ...(audit === undefined ? {} : { audit }),
      ...(transcript === undefined ? {} : { transcript }),
      ...(onProgress === undefined ? {} : { progress: onProgress }),
    };
  }

  /** Tokens outlive a run: they are fetched when they expire, not once a run. */
  #tokensOf({ id, server }: ClientOptions): TokenSource | undefined {
    if (!this.#tokens.has(id)) {
      const warn = (text: string) => this.#log.warn(`${id}: ${text}`);
      this.#tokens.set(id, createTokenSource(server, { fetch, now: Date.now, warn }));
    }
    return this.#tokens.get(id);
  }
}
