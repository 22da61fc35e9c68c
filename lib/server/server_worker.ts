/**
 * One thread's share of the server: its listeners, and the sessions on them.
 *
 * @module
 */
import { createAuthenticator, type Credentials } from "../auth/authenticator.ts";
import { createHashPool, type PortHashPool } from "../auth/hash_pool.ts";
import type { Authenticator } from "../auth/types.ts";
import { reasonOf } from "../errors.ts";
import type { LogPort } from "../log/log_port.ts";
import { traceLog } from "../log/trace.ts";
import { Transcript } from "../log/transcript.ts";
import { MaildirStore } from "../maildir/maildir_store.ts";
import { formatEndpoint } from "../transport/address.ts";
import type { Connection } from "../transport/connection.ts";
import { Deadlines } from "../transport/deadlines.ts";
import { listen, type Listener } from "../transport/listener.ts";
import { createServerTls, secureServer, type ServerTls } from "../transport/server_tls.ts";
import { runListenerLoop } from "./listener_loop.ts";
import { runSession } from "./session.ts";
import { SessionGroup } from "./session_group.ts";
import type { SessionLog } from "./session_options.ts";
import { type Admission, SharedLimits } from "./shared_limits.ts";
import type { ListenerSetup, ServerSetup, ToServerWorker } from "./worker_messages.ts";

/** A listener and what belongs to it. */
interface OpenListener {
  readonly setup: ListenerSetup;
  readonly index: number;
  readonly tls: ServerTls | undefined;
  readonly transcript: Transcript | undefined;
  readonly sockets: Listener[];
}

/** Serves what a {@linkcode ServerSetup} describes. */
export class ServerWorker {
  readonly #setup: ServerSetup;
  readonly #hashes: PortHashPool = createHashPool([]);
  readonly #authenticator: Authenticator;
  readonly #store: MaildirStore;
  readonly #limits: SharedLimits;
  readonly #deadlines = new Deadlines();
  readonly #group = new SessionGroup();
  readonly #log: SessionLog;
  readonly #listeners: readonly OpenListener[];
  #credentials: Credentials;
  #sessions = 0;

  /**
   * Nothing is opened yet.
   *
   * @param logs where the transcripts go
   * @throws if a certificate cannot be used
   */
  constructor(setup: ServerSetup, logs: LogPort) {
    this.#setup = setup;
    this.#log = traceLog("server");
    this.#credentials = setup.credentials;
    this.#authenticator = createAuthenticator(() => this.#credentials, this.#hashes);
    this.#store = new MaildirStore({ ...setup.store, warn: (text) => this.#log.warn(text) });
    this.#limits = new SharedLimits(setup.limits, setup.worker);
    this.#listeners = setup.listeners.map((one, index) => ({
      setup: one,
      index,
      tls: one.tls === undefined ? undefined : createServerTls(one.tls),
      transcript: one.transcript === undefined
        ? undefined
        : new Transcript(logs.log(one.transcript)),
      sockets: [],
    }));
  }

  /**
   * Opens all listeners and begins to serve them.
   *
   * @param onBroken called when one of them cannot accept connections any more
   * @throws if one cannot be opened; the others are closed then
   */
  async start(onBroken: (problem: string) => void): Promise<void> {
    try {
      for (const { setup, sockets } of this.#listeners) {
        for (const hostname of setup.addresses) {
          sockets.push(await this.#open(setup, hostname));
        }
      }
    } catch (error) {
      this.stopListening();
      throw error;
    }
    for (const one of this.#listeners) {
      for (const socket of one.sockets) {
        this.#serve(socket, one).catch((error) =>
          onBroken(`Listener "${one.setup.name}" is broken: ${reasonOf(error)}`)
        );
      }
    }
  }

  /** Does what main says; `grace` and `end` among it. */
  handle(message: ToServerWorker): void {
    switch (message.kind) {
      case "credentials":
        this.#credentials = message.credentials;
        return;
      case "tls":
        this.#listeners[message.listener]?.tls?.replace(message.tls);
        return;
      case "hash-port":
        this.#hashes.setPort(message.slot, message.port);
        return;
      case "grace":
        this.stopListening();
        this.#group.beginGrace();
        return;
      case "end":
        this.#group.endGrace();
        return;
    }
  }

  /** Accepts no more connections; those that are there live on. */
  stopListening(): void {
    for (const { sockets } of this.#listeners) {
      for (const socket of sockets) socket.close();
    }
  }

  /** Settles when no session is running. */
  empty(): Promise<void> {
    return this.#group.empty();
  }

  #open(setup: ListenerSetup, hostname: string): Promise<Listener> {
    return listen({
      hostname,
      port: setup.port,
      backlog: setup.backlog,
      reusePort: setup.shared,
      onTrouble: (error) =>
        this.#log.error(`Cannot accept connections on "${setup.name}" for now: ${error.message}`),
    });
  }

  #serve(socket: Listener, one: OpenListener): Promise<void> {
    const { setup, index, tls } = one;
    const encrypt = tls === undefined ? undefined : (connection: Connection) =>
      // A handshake may take no longer than a login: it ends before the session's own clock runs.
      secureServer(connection, tls, { handshakeTimeout: setup.settings.loginTime });
    return runListenerLoop(socket, {
      name: setup.name,
      admit: (address) => this.#limits.admit(index, address),
      ...(setup.implicitTls && encrypt !== undefined ? { implicitTls: encrypt } : {}),
      serve: (connection, admission) => this.#session(connection, admission, one, encrypt),
      log: this.#log,
    });
  }

  #session(
    connection: Connection,
    admission: Admission,
    { setup, transcript }: OpenListener,
    encrypt: ((connection: Connection) => Promise<Connection>) | undefined,
  ): Promise<void> {
    const id = `${this.#setup.sessionPrefix}-${(++this.#sessions).toString(36)}`;
    const record = transcript?.session(id);
    const { peer, local } = connection;
    record?.event(
      `connected from ${formatEndpoint(peer)} to ${formatEndpoint(local)} (${setup.name})`,
    );
    return runSession(connection, {
      id,
      settings: setup.settings,
      authenticator: this.#authenticator,
      store: this.#store,
      loginGate: admission.gate,
      ...(encrypt === undefined || setup.implicitTls ? {} : { startTls: encrypt }),
      deadlines: this.#deadlines,
      group: this.#group,
      log: this.#log,
      ...(record === undefined ? {} : { transcript: record }),
    });
  }
}
