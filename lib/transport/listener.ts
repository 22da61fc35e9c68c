/**
 * Listening for TCP connections.
 *
 * @module
 */

import type { Connection, Endpoint } from "./connection.ts";
import { ANY_V4, ANY_V6, resolveHost } from "./resolve.ts";
import { TcpConnection } from "./tcp.ts";

/** The shortest and the longest wait after an accept that failed, in milliseconds. */
const BACKOFF_MS = { least: 20, most: 1000 };

/**
 * What befell one connection before it was accepted: its peer has reset it (Deno, asking for the
 * peer's address, is told ENOTCONN), or what accept(2) tells to treat likewise. It says nothing of
 * the next one. With a wait after each, some thousand connections that are reset at once would
 * close the port for everybody.
 */
const CONNECTION_FAULTS: ReadonlySet<string | undefined> = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "ENOTCONN",
  "EPROTO",
  "ENOPROTOOPT",
  "EOPNOTSUPP",
  "EPERM",
  "ENETDOWN",
  "ENETUNREACH",
  "ENONET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
]);

/** Where to listen. */
export interface ListenOptions {
  /** An IP address or host name; default: all interfaces, IPv4 and IPv6. */
  readonly hostname?: string | undefined;
  /** The TCP port; 0 takes any free one. */
  readonly port: number;
  /** How many connections the kernel holds until they are accepted. */
  readonly backlog?: number | undefined;
  /** Whether several listeners (of one program's threads) may share the port. */
  readonly reusePort?: boolean | undefined;
  /**
   * Told when accepting fails for a passing reason (too many open files, say); accepting goes on
   * after a wait. Called once per spell of failures.
   */
  readonly onTrouble?: ((error: Error) => void) | undefined;
}

/** One or more listening sockets of one port. */
export interface Listener {
  /** The addresses and the port listened on. */
  readonly addresses: readonly Endpoint[];

  /**
   * Waits for the next connection. Failures that concern one connection or that pass are survived
   * inside. One call at a time.
   *
   * @returns the connection, or null once the listener is closed
   * @throws if the socket is broken for good
   */
  accept(): Promise<Connection | null>;

  /** Stops listening; connections that were accepted live on. Safe to call more than once. */
  close(): void;
}

/**
 * Starts to listen.
 *
 * @throws {Deno.errors.AddrInUse} and the like, as `Deno.listen` does
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const sockets = await openSockets(options);
  return listenOn(sockets, options.onTrouble);
}

/** What {@linkcode listenOn} needs of a listening socket. */
export type ListeningSocket = Pick<Deno.TcpListener, "accept" | "close" | "addr">;

/** A listener on sockets that listen already. */
export function listenOn(
  sockets: readonly ListeningSocket[],
  onTrouble?: (error: Error) => void,
): Listener {
  return new SocketListener(sockets, onTrouble);
}

/** Opens one socket per address; all or none, and all on one port. */
async function openSockets(options: ListenOptions): Promise<Deno.TcpListener[]> {
  if (options.hostname === undefined || options.hostname === "") return [openAny(options)];
  const sockets: Deno.TcpListener[] = [];
  let port = options.port;
  try {
    for (const hostname of await resolveHost(options.hostname)) {
      const socket = open(options, hostname, port);
      sockets.push(socket);
      port = socket.addr.port;
    }
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
  return sockets;
}

/** One dual-stack socket; where there is no IPv6, one for IPv4. */
function openAny(options: ListenOptions): Deno.TcpListener {
  try {
    return open(options, ANY_V6, options.port);
  } catch (error) {
    if (!isMissingIpv6(error)) throw error;
    return open(options, ANY_V4, options.port);
  }
}

function open(options: ListenOptions, hostname: string, port: number): Deno.TcpListener {
  return Deno.listen({
    hostname,
    port,
    reusePort: options.reusePort ?? false,
    tcpBacklog: options.backlog ?? 511,
  });
}

/** A kernel without IPv6 says EAFNOSUPPORT, one with IPv6 switched off EADDRNOTAVAIL. */
function isMissingIpv6(error: unknown): boolean {
  const code = codeOf(error);
  return code === "EAFNOSUPPORT" || code === "EADDRNOTAVAIL";
}

/** The operating system's name of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}

type Accepted = { readonly at: number; readonly socket?: Deno.TcpConn; readonly error?: unknown };

class SocketListener implements Listener {
  readonly addresses: readonly Endpoint[];
  readonly #sockets: readonly ListeningSocket[];
  readonly #onTrouble: ((error: Error) => void) | undefined;
  /** The accept under way on each socket; with one socket it is never kept. */
  readonly #pending: (Promise<Accepted> | undefined)[] = [];
  #closed = false;
  #failures = 0;
  #endWait: (() => void) | undefined;

  constructor(
    sockets: readonly ListeningSocket[],
    onTrouble: ((error: Error) => void) | undefined,
  ) {
    this.#sockets = sockets;
    this.#onTrouble = onTrouble;
    this.addresses = sockets.map(({ addr }) => ({ address: addr.hostname, port: addr.port }));
  }

  async accept(): Promise<Connection | null> {
    while (!this.#closed) {
      const { socket, error } = await this.#next();
      if (socket !== undefined) {
        this.#failures = 0;
        const connection = wrap(socket);
        if (connection !== undefined) return connection;
      } else if (!this.#closed) {
        await this.#survive(error);
      }
    }
    return null;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endWait?.();
    for (const socket of this.#sockets) socket.close();
    // What another socket accepted and nobody will take.
    for (const pending of this.#pending) void pending?.then(({ socket }) => socket?.close());
  }

  #next(): Promise<Accepted> {
    if (this.#sockets.length === 1) return this.#acceptAt(0);
    for (let at = 0; at < this.#sockets.length; at++) this.#pending[at] ??= this.#acceptAt(at);
    return Promise.race(this.#pending as Promise<Accepted>[]).then((first) => {
      this.#pending[first.at] = undefined;
      return first;
    });
  }

  async #acceptAt(at: number): Promise<Accepted> {
    try {
      return { at, socket: await this.#sockets[at]!.accept() };
    } catch (error) {
      return { at, error };
    }
  }

  /** Waits a little after a failure that may pass; throws one that will not. */
  async #survive(error: unknown): Promise<void> {
    if (CONNECTION_FAULTS.has(codeOf(error))) return;
    if (error instanceof Deno.errors.BadResource) throw error;
    if (this.#failures++ === 0) {
      this.#onTrouble?.(error instanceof Error ? error : new Error(String(error)));
    }
    const wait = Math.min(BACKOFF_MS.least * 2 ** (this.#failures - 1), BACKOFF_MS.most);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait);
      this.#endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endWait = undefined;
  }
}

/** The connection on a socket, unless its peer has gone already. */
function wrap(socket: Deno.TcpConn): TcpConnection | undefined {
  try {
    return new TcpConnection(socket);
  } catch {
    socket.close();
    return undefined;
  }
}
