/**
 * The client's side: connecting to a server, and TLS from the start or after STLS (RFC 2595,
 * RFC 8314) with the server's certificate verified. Every failure is a sentence.
 *
 * @module
 */

import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { EXIT_FAILED, reasonOf, UserError } from "../errors.ts";
import { formatEndpoint } from "./address.ts";
import { loadKeyPair } from "./certificates.ts";
import type { Connection, TlsInfo } from "./connection.ts";
import { codeOf } from "./listener.ts";
import { explainTls } from "./tls_faults.ts";
import { SocketConnection, TcpConnection } from "./tcp.ts";
import { handshake } from "./tls_handshake.ts";
import { CipherStream, TlsConnection } from "./tls_stream.ts";

/** How a client does TLS; all texts are PEM. */
export interface ClientTlsOptions {
  /** The name (or IP address) that the server's certificate must have. */
  readonly serverName: string;
  /** Authorities to trust beside the well-known ones. */
  readonly ca?: string | undefined;
  /** A client certificate (with its chain), for `SASL_EXTERNAL`. */
  readonly cert?: string | undefined;
  /** Its key. */
  readonly key?: string | undefined;
  /** The passphrase of an encrypted key. */
  readonly certpass?: string | undefined;
}

/** Bounds of something that waits for the network. */
export interface Limits {
  /** The most milliseconds it may take. */
  readonly timeout: number;
  /** Ends it early; the failure is the signal's reason then. */
  readonly signal?: AbortSignal | undefined;
}

/** Where to connect to. */
export interface ConnectOptions extends Limits {
  /** A host name or IP address. */
  readonly host: string;
  /** The TCP port. */
  readonly port: number;
  /** TLS from the first byte; with its own `timeout` for the handshake. */
  readonly tls?: ClientTlsOptions | undefined;
}

/**
 * Connects to a server, by IPv6 or IPv4, whichever answers first.
 *
 * @throws {UserError} saying what was attempted and why it failed
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { host, port, timeout, signal, tls } = options;
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, timeout);
  signal?.addEventListener("abort", abort, { once: true });
  let connection: TcpConnection;
  try {
    signal?.throwIfAborted();
    const socket = await Deno.connect({ hostname: host, port, signal: controller.signal });
    connection = new TcpConnection(socket);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const place = formatEndpoint({ address: host, port });
    const why = controller.signal.aborted
      ? `no answer within ${timeout / 1000} s`
      : connectFault(error, host);
    throw new UserError(`Cannot connect to ${place}: ${why}`, EXIT_FAILED, { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
  return tls === undefined ? connection : await secureClient(connection, tls, { timeout, signal });
}

function connectFault(error: unknown, host: string): string {
  if (error instanceof Deno.errors.ConnectionRefused) {
    return "connection refused; check the port, and whether the server is running";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno was not given the permission to connect there; " +
      "the `permissions` subcommand prints what this config needs";
  }
  if (/lookup|ENOTFOUND|EAI_/.test(`${codeOf(error)} ${reasonOf(error)}`)) {
    return `the host name "${host}" cannot be resolved (${reasonOf(error)})`;
  }
  return reasonOf(error);
}

/**
 * Does the client's side of a TLS handshake over a connection, which belongs to the result from
 * now on; no read or write may be pending. The certificate must be valid, for `serverName`, and
 * from a well-known authority or one of `ca`.
 *
 * For STLS: bytes that the server sent behind its `+OK` and that the caller has read already are
 * not seen here, and the handshake would succeed: the caller must find its own buffer empty, or
 * give up the session. Bytes not yet read go into the handshake and make it fail.
 *
 * @throws {UserError} saying why, and what to do; the connection is closed then
 */
export async function secureClient(
  connection: Connection,
  options: ClientTlsOptions,
  limits: Limits,
): Promise<Connection> {
  const { serverName } = options;
  try {
    limits.signal?.throwIfAborted();
    // Deno.startTls cannot present a certificate, and refuses a self-signed one that is marked as
    // an authority's (as `openssl req -x509` makes them) though it is among those to trust.
    const simple = options.cert === undefined && options.ca === undefined;
    return simple && connection instanceof TcpConnection
      ? await startByDeno(connection, serverName, limits)
      : await startByNode(connection, options, limits);
  } catch (error) {
    connection.close();
    if (limits.signal?.aborted) throw limits.signal.reason;
    if (error instanceof UserError) throw error;
    const peer = formatEndpoint(connection.peer);
    throw new UserError(
      `Cannot start TLS with "${serverName}" (${peer}): ${explainTls(error, serverName)}`,
      EXIT_FAILED,
      { cause: error },
    );
  }
}

async function startByDeno(
  connection: TcpConnection,
  hostname: string,
  limits: Limits,
): Promise<Connection> {
  const plain = connection.detach();
  const socket = await Deno.startTls(plain, { hostname }).catch((error) => {
    closeQuietly(plain);
    throw error;
  });
  let late = false;
  // Closing the socket ends the handshake, with an error that says nothing.
  const stop = () => closeQuietly(socket);
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, limits.timeout);
  limits.signal?.addEventListener("abort", stop, { once: true });
  if (limits.signal?.aborted) stop();
  try {
    await socket.handshake();
  } catch (error) {
    if (late) throw new Error(`the handshake took longer than ${limits.timeout / 1000} s`);
    if (!limits.signal?.aborted) stop();
    throw error;
  } finally {
    clearTimeout(timer);
    limits.signal?.removeEventListener("abort", stop);
  }
  // Deno does not tell what was agreed on; it is TLS 1.2 or 1.3.
  return new SocketConnection(socket, { protocol: "TLS", cipher: "unknown" });
}

/** `Deno.startTls` may or may not have taken the socket when it fails. */
function closeQuietly(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch {
    // Closed already.
  }
}

async function startByNode(
  connection: Connection,
  options: ClientTlsOptions,
  limits: Limits,
): Promise<Connection> {
  const secureContext = contextOf(options);
  const cipher = new CipherStream(connection);
  try {
    const socket = connectTls({
      socket: cipher,
      // Node verifies the name against `host`, and takes no IP address as a server name.
      host: options.serverName,
      rejectUnauthorized: true,
      secureContext,
    });
    await handshake(socket, cipher, "secureConnect", limits);
    // A resumed session would not have been verified.
    if (!socket.authorized || socket.isSessionReused()) {
      throw new Error("the certificate was not verified");
    }
    return new TlsConnection(connection, cipher, socket, infoOf(socket));
  } catch (error) {
    cipher.destroy();
    throw error;
  }
}

function contextOf(options: ClientTlsOptions): SecureContext {
  const { ca, cert, key, certpass } = options;
  const { pair, problems } = cert === undefined
    ? { pair: undefined, problems: [] }
    : loadKeyPair({ cert, key: key ?? cert, certpass });
  if (problems.length > 0) {
    throw new UserError(`Cannot use the client certificate: ${problems.join("; ")}`);
  }
  const identity = pair === undefined ? {} : { cert: pair.cert, key: pair.key };
  const context = createSecureContext({ minVersion: "TLSv1.2", ...identity });
  // The option `ca` would replace the well-known authorities; to read them needs a permission.
  if (ca !== undefined) context.context.addCACert(ca);
  return context;
}

function infoOf(socket: TLSSocket): TlsInfo {
  return {
    protocol: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher()?.standardName ?? "unknown",
  };
}
