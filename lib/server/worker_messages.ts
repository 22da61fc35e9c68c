/**
 * What main and a server worker say to each other. All of it is plain data:
 * a worker reads neither config nor keys nor users from disk.
 *
 * @module
 */
import type { Credentials } from "../auth/authenticator.ts";
import type { TraceSettings } from "../log/trace.ts";
import type { MaildirStoreOptions } from "../maildir/maildir_store.ts";
import type { ServerTlsOptions } from "../transport/server_tls.ts";
import type { SessionSettings } from "./session_options.ts";
import type { LimitsShare } from "./shared_limits.ts";

/** A listener, as a worker opens it. */
export interface ListenerSetup {
  /** The listener's name, for logs. */
  readonly name: string;
  /** The IP addresses; one that stands for all interfaces is alone. */
  readonly addresses: readonly string[];
  /** The TCP port. */
  readonly port: number;
  /** How many connections the system holds until they are accepted. */
  readonly backlog: number;
  /** Whether other workers listen there too. */
  readonly shared: boolean;
  /** TLS, if it is configured. */
  readonly tls?: ServerTlsOptions;
  /** Whether TLS begins with the first byte, rather than by STLS. */
  readonly implicitTls: boolean;
  /** The key of the transcript's log at main, if there is one. */
  readonly transcript?: string;
  /** The most milliseconds that a TLS handshake may take. */
  readonly handshakeTime: number;
  /** How its sessions are served. */
  readonly settings: SessionSettings;
}

/** All that a worker needs. */
export interface ServerSetup {
  /** The worker's index, its part in the limits. */
  readonly worker: number;
  /** Begins the ids of its sessions; no other worker of this run has the same. */
  readonly sessionPrefix: string;
  /** How often it shows that it is alive, in milliseconds. */
  readonly heartbeat: number;
  /** How much is traced. */
  readonly trace: TraceSettings;
  /** The listeners, in the order that {@linkcode LimitsShare} counts them. */
  readonly listeners: readonly ListenerSetup[];
  /** Where the maildrops are. */
  readonly store: Omit<MaildirStoreOptions, "warn">;
  /** Who may log in. */
  readonly credentials: Credentials;
  /** The counters of all workers. */
  readonly limits: LimitsShare;
}

/** The key of the trace log at main. */
export const TRACE_LOG = "trace";

/** The first message to a worker, the only one that does not come by its port. */
export interface WorkerStart {
  /** What it needs. */
  readonly setup: ServerSetup;
  /** The way to main, for all further messages. */
  readonly port: MessagePort;
  /** The way of its log lines. */
  readonly logPort: MessagePort;
}

/** From main to a worker. */
export type ToServerWorker =
  /** The users file has changed. */
  | { readonly kind: "credentials"; readonly credentials: Credentials }
  /** A listener's certificate has changed. */
  | { readonly kind: "tls"; readonly listener: number; readonly tls: ServerTlsOptions }
  /** A hash worker is new, the first in its place or in the place of one that died. */
  | { readonly kind: "hash-port"; readonly slot: number; readonly port: MessagePort }
  /** Stop accepting; end the sessions that are not logged in. */
  | { readonly kind: "grace" }
  /** End all sessions. */
  | { readonly kind: "end" };

/** From a worker to main. */
export type FromServerWorker =
  /** All listeners are open. */
  | { readonly kind: "listening" }
  /** It is not hanging. */
  | { readonly kind: "alive" }
  /** It cannot serve; `problem` is a sentence. */
  | { readonly kind: "failed"; readonly problem: string }
  /** After `grace`: the last session has ended, and its log lines are with main. */
  | { readonly kind: "finished" };
