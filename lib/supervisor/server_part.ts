/**
 * The POP3 server of a run: what its workers are told at the start and when
 * something changes.
 *
 * @module
 */
import type { Config, Listener } from "../config/config.ts";
import { EXIT_USAGE, UserError } from "../errors.ts";
import type { TraceLog } from "../log/trace.ts";
import { countConnections, createLimits, type LimitsShare } from "../server/shared_limits.ts";
import { formatEndpoint } from "../transport/address.ts";
import type { ServerTlsOptions } from "../transport/server_tls.ts";
import type { DirectoryKeeper } from "./directory_keeper.ts";
import type { FileWatch } from "./file_watch.ts";
import { HashWorkers } from "./hash_workers.ts";
import type { Logs } from "./logs.ts";
import { serverGrants } from "./permissions.ts";
import type { ProbedListener } from "./probe_listeners.ts";
import {
  limitSettings,
  listenerKind,
  listenerSetup,
  type ServerConfig,
  storeSetup,
} from "./server_setup.ts";
import { ServerWorkers, type SharedSetup } from "./server_workers.ts";
import { loadTls, tlsFiles } from "./tls_files.ts";

/** What a {@linkcode ServerPart} is made of. */
export interface ServerPartOptions {
  /** The whole config. */
  readonly config: Config;
  /** The config's server. */
  readonly server: ServerConfig;
  /** Its mail folder. */
  readonly store: NonNullable<Config["message_store"]>;
  /** Where its listeners listen, in the config's order. */
  readonly probed: readonly ProbedListener[];
  /** Where its workers' lines go. */
  readonly logs: Logs;
  /** Its own lines in the trace log. */
  readonly log: TraceLog;
  /** Tells of changed certificates. */
  readonly watch: FileWatch;
  /** Who may log in; read already. */
  readonly directory: DirectoryKeeper;
  /** This host's name. */
  readonly hostName: string;
}

/** The server of a run. */
export class ServerPart {
  readonly #options: ServerPartOptions;
  readonly #count: number;
  readonly #limits: LimitsShare;
  readonly #hashes: HashWorkers;
  readonly #workers: ServerWorkers;
  readonly #transcripts: readonly (string | undefined)[];
  /** By listener. */
  readonly #tls: (ServerTlsOptions | undefined)[] = [];

  /** Reads and starts nothing yet. */
  constructor(options: ServerPartOptions) {
    this.#options = options;
    const { config, server, probed, logs, log } = options;
    const report = (sentence: string) => log.error(sentence);
    const count = this.#count = workerCount(server.workers, log);
    this.#limits = createLimits(limitSettings(server), count);
    this.#transcripts = server.listeners.map(({ server: { transcript } }) =>
      transcript === undefined ? undefined : logs.add(transcript)
    );
    this.#hashes = new HashWorkers({
      count: Math.ceil(navigator.hardwareConcurrency / 2),
      report,
    });
    const addresses = probed.flatMap(({ addresses, port }) =>
      addresses.map((address) => ({ address, port }))
    );
    this.#workers = new ServerWorkers({
      count,
      grants: serverGrants(config, addresses),
      setup: () => this.#setup(),
      logs,
      hashes: this.#hashes,
      report,
    });
  }

  /**
   * Reads the certificates and starts the workers; settles when all of them listen.
   *
   * @throws {UserError} if something cannot be used
   */
  async start(): Promise<void> {
    const { server, log, probed } = this.#options;
    await this.#load();
    await this.#workers.start();
    server.listeners.forEach((listener, index) => {
      const { addresses, port } = probed[index]!;
      for (const address of addresses) {
        const place = formatEndpoint({ address, port });
        log.info(`Listening on ${place} (${listenerKind(listener)}, "${listener.name}")`);
      }
    });
  }

  /** Ends the server; see {@linkcode ServerWorkers.stop}. */
  async stop(hurry: Promise<void>): Promise<void> {
    const { server: { grace, listeners }, log } = this.#options;
    const open = listeners.reduce(
      (sum, _, index) => sum + countConnections(this.#limits, index),
      0,
    );
    if (open > 0) log.info(`Open connections: ${open}; they have ${grace} milliseconds to end`);
    await this.#workers.stop(grace, hurry);
    this.#hashes.stop();
  }

  /** Ends the server at once. */
  terminate(): void {
    this.#workers.terminate();
    this.#hashes.stop();
  }

  async #load(): Promise<void> {
    const { server, watch, directory } = this.#options;
    this.#startHashes();
    directory.onChange(() => {
      this.#startHashes();
      this.#workers.broadcast({ kind: "credentials", credentials: this.#credentials() });
      return Promise.resolve();
    });
    const problems: string[] = [];
    for (const [index, { name, ssl }] of server.listeners.entries()) {
      if (ssl === undefined) continue;
      await watch.add({ paths: tlsFiles(ssl), changed: () => this.#reloadTls(index, name, ssl) });
      const loaded = await loadTls(ssl);
      problems.push(...loaded.problems.map((problem) => `TLS of listener "${name}": ${problem}`));
      this.#tls[index] = loaded.tls;
    }
    if (problems.length > 0) throw new UserError(problems.join("\n"), EXIT_USAGE);
  }

  /** Threads for dear hashes run only where there are such hashes. */
  #startHashes(): void {
    if (this.#credentials().slowSamples.size > 0) this.#hashes.start();
  }

  async #reloadTls(
    index: number,
    name: string,
    ssl: NonNullable<Listener["ssl"]>,
  ): Promise<void> {
    const { log } = this.#options;
    const { tls, problems } = await loadTls(ssl);
    if (tls === undefined) {
      for (const problem of problems) log.error(`TLS of listener "${name}": ${problem}`);
      log.error(`The changed certificate of listener "${name}" cannot be used; the old one stays`);
      return;
    }
    this.#tls[index] = tls;
    this.#workers.broadcast({ kind: "tls", listener: index, tls });
    log.info(`Read the certificate of listener "${name}" anew`);
  }

  #setup(): SharedSetup {
    const { config, server, store, probed, logs, hostName } = this.#options;
    return {
      trace: logs.trace,
      listeners: server.listeners.map((listener, index) =>
        listenerSetup(listener, server, {
          probed: probed[index]!,
          tls: this.#tls[index],
          transcript: this.#transcripts[index],
          shared: this.#count > 1,
          hostName,
        })
      ),
      store: storeSetup(config, store),
      credentials: this.#credentials(),
      limits: this.#limits,
    };
  }

  /** Only what logins need: a worker is not told of domains and aliases. */
  #credentials(): SharedSetup["credentials"] {
    const { data } = this.#options.directory;
    if (data === undefined) return { plainpass: false, users: new Map(), slowSamples: new Map() };
    const { plainpass, users, slowSamples, fastSample } = data;
    return {
      plainpass,
      users,
      slowSamples,
      ...(fastSample === undefined ? {} : { fastSample }),
    };
  }
}

/** Only Linux spreads the connections of one port over the threads that listen there. */
function workerCount(configured: number, log: TraceLog): number {
  if (configured === 1 || Deno.build.os === "linux") return configured;
  log.warn(`pop3server.workers is ${configured}, but ports cannot be shared here: one worker runs`);
  return 1;
}
