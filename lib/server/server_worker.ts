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
import {
  createServerTls,
  secureServer,
  type ServerTls,
  TlsHandshakeError,
} from "../transport/server_tls.ts";
import { HandshakeLateError } from "../transport/tls_handshake.ts";
import { LimitReport } from "./limit_report.ts";
import { runListenerLoop } from "./listener_loop.ts";
import { runSession } from "./session.ts";
import { SessionGroup } from "./session_group.ts";
import type { SessionLog } from "./session_options.ts";
import { type Admission, type Refusal, SharedLimits } from "./shared_limits.ts";
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
  readonly #report: LimitReport;
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
    this.#report = new LimitReport(this.#log);
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
        this.#report.flush();
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
    return runListenerLoop(socket, {
      name: setup.name,
      admit: (address) => this.#limits.admit(index, address),
      ...(tls !== undefined && setup.implicitTls
        ? { implicitTls: (plain, admission) => this.#encrypt(plain, admission, setup, tls) }
        : {}),
      serve: (connection, admission) => this.#session(connection, admission, one),
      log: this.#log,
      limits: this.#report,
    });
  }

  /** Makes TLS of a connection, within the limits on handshakes. */
  async #encrypt(
    connection: Connection,
    admission: Admission,
    setup: ListenerSetup,
    tls: ServerTls,
  ): Promise<Connection> {
    const end = admission.startHandshake();
    if (typeof end === "string") {
      this.#refusedHandshake(connection, setup, end);
      throw new Error(end);
    }
    try {
      return await secureServer(connection, tls, { handshakeTimeout: setup.handshakeTime });
    } catch (error) {
      if (error instanceof TlsHandshakeError && error.cause instanceof HandshakeLateError) {
        const peer = formatEndpoint(connection.peer);
        const { name } = setup;
        this.#report.reached(`${name} handshake`, `Closed ${peer} on "${name}": ${error.message}`);
      }
      throw error;
    } finally {
      end();
    }
  }

  /** Asked before STLS is accepted, so that the client hears the reason. */
  #tlsRefusal(
    connection: Connection,
    admission: Admission,
    setup: ListenerSetup,
  ): string | undefined {
    const end = admission.startHandshake();
    if (typeof end === "string") {
      this.#refusedHandshake(connection, setup, end);
      return `${end}, try again later`;
    }
    end();
    return undefined;
  }

  #refusedHandshake({ peer }: Connection, { name }: ListenerSetup, refusal: Refusal): void {
    this.#report.refused(
      `${name} ${refusal}`,
      `Refused a TLS handshake with ${formatEndpoint(peer)} on "${name}": ${refusal}`,
    );
  }

  #session(
    connection: Connection,
    admission: Admission,
    one: OpenListener,
  ): Promise<void> {
    const { setup, tls, transcript } = one;
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
      ...(tls === undefined || setup.implicitTls ? {} : {
        startTls: (plain: Connection) => this.#encrypt(plain, admission, setup, tls),
        tlsRefusal: () => this.#tlsRefusal(connection, admission, setup),
      }),
      deadlines: this.#deadlines,
      group: this.#group,
      log: this.#log,
      limitReached: (limit) =>
        this.#report.reached(limit, `${id}: closed ${formatEndpoint(peer)}: ${limit}`),
      ...(record === undefined ? {} : { transcript: record }),
    });
  }
}
