/**
 * From the config's words to those of the server workers.
 *
 * @module
 */
import type { Config, Listener } from "../config/config.ts";
import type { SessionSettings } from "../server/session_options.ts";
import type { LimitSettings } from "../server/shared_limits.ts";
import type { ListenerSetup, ServerSetup } from "../server/worker_messages.ts";
import type { ServerTlsOptions } from "../transport/server_tls.ts";
import { cacheFolder } from "./permissions.ts";
import type { ProbedListener } from "./probe_listeners.ts";

/** The server's part of a config. */
export type ServerConfig = NonNullable<Config["pop3server"]>;

/** What a listener's setup is made of beside its settings. */
export interface ListenerParts {
  /** Where it listens. */
  readonly probed: ProbedListener;
  /** Its certificate, if it has one. */
  readonly tls: ServerTlsOptions | undefined;
  /** The key of its transcript. */
  readonly transcript: string | undefined;
  /** Whether several workers listen. */
  readonly shared: boolean;
  /** This host's name. */
  readonly hostName: string;
}

/** What a worker is told of a listener. */
export function listenerSetup(
  listener: Listener,
  server: ServerConfig,
  parts: ListenerParts,
): ListenerSetup {
  const { probed, tls, transcript, shared, hostName } = parts;
  return {
    name: listener.name,
    addresses: probed.addresses,
    port: probed.port,
    backlog: listener.backlog,
    shared,
    ...(tls === undefined ? {} : { tls }),
    implicitTls: listener.ssl !== undefined && !listener.ssl.latent,
    handshakeTime: Math.min(server.limits.handshake_time, server.limits.login_time),
    ...(transcript === undefined ? {} : { transcript }),
    settings: sessionSettings(listener, server, hostName),
  };
}

function sessionSettings(
  { server, ssl }: Listener,
  { limits }: ServerConfig,
  hostName: string,
): SessionSettings {
  return {
    greet: server.greet,
    hostName,
    authtypes: server.authtypes,
    authtypesSsl: server.authtypes_ssl,
    mandatoryTls: ssl !== undefined && ssl.latent && ssl.mandatory,
    expire: server.expire,
    idleTimeout: server.timeout,
    loginTime: limits.login_time,
    maxLine: limits.line,
    maxBadCommands: limits.bad_commands,
    maxLoginCommands: limits.login_commands,
    maxLoginInput: limits.login_input,
  };
}

/** The limits of all workers together. */
export function limitSettings({ limits, listeners }: ServerConfig): LimitSettings {
  return {
    maxServers: listeners.map(({ maxservers }) => maxservers),
    unauthenticated: limits.unauthenticated,
    unauthenticatedPerAddress: limits.unauthenticated_per_address,
    connectionsPerAddress: limits.connections_per_address,
    handshakes: limits.handshakes,
    handshakesPerAddress: limits.handshakes_per_address,
    authDelay: limits.auth_delay,
    authDelayMax: limits.auth_delay_max,
  };
}

/** The store's options. */
export function storeSetup(
  config: Config,
  store: NonNullable<Config["message_store"]>,
): ServerSetup["store"] {
  return {
    userPath: store.userpath,
    mailPath: store.mailpath,
    colon: store.filename_colon,
    comma: store.filename_comma,
    exclusive: store.exclusive,
    form: store.dotstuffing ? "plain" : "wire",
    cachePath: cacheFolder(config),
  };
}

/** What a listener speaks, for the log. */
export function listenerKind({ ssl }: Listener): string {
  if (ssl === undefined) return "POP3";
  return ssl.latent ? "POP3 with STLS" : "POP3 over TLS";
}
