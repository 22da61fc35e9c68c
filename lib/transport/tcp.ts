/**
 * Connections on sockets of Deno's.
 *
 * @module
 */

import { normaliseAddress } from "./address.ts";
import type { Connection, Endpoint, TlsInfo } from "./connection.ts";

/** How long a closed connection waits for the peer to close too, in milliseconds. */
const LINGER_MS = 2000;
/** How many bytes of a peer that goes on talking are thrown away before the socket is closed. */
const LINGER_BYTES = 256 * 1024;
/** How many connections may wait like that at once; past it sockets are closed directly. */
const LINGER_MOST = 512;

/** What is read after the end is of no interest, so all connections may read it into one place. */
const waste = new Uint8Array(16 * 1024);
let lingering = 0;

/**
 * A socket of Deno's, plain or with Deno's TLS. There is one system call and one promise per read and write; nothing is buffered
 * or copied here.
 *
 * {@linkcode SocketConnection.close} does not close the socket at once if no read is pending:
 * closing a socket with unread input makes the kernel send RST, and that destroys a last reply
 * which the peer has not read yet. So only the sending side is shut down (the peer sees the end
 * of the stream behind our last byte), input is thrown away until the peer closes too, and then
 * the socket goes: after 2 seconds or 256 KiB at the latest. With a read pending, all input has
 * been read, and the socket is closed directly.
 */
export class SocketConnection implements Connection {
  /** Present if the socket is encrypted. */
  readonly tls?: TlsInfo;
  readonly #socket: Deno.TcpConn | Deno.TlsConn;
  readonly #local: Endpoint;
  readonly #peer: Endpoint;
  #reading = false;
  #writing = false;
  #closing = false;
  #closed: PromiseWithResolvers<void> | undefined;
  #gone = false;

  /** Takes over the socket; from now on only this object may use it. */
  constructor(socket: Deno.TcpConn | Deno.TlsConn, tls?: TlsInfo) {
    this.#socket = socket;
    this.#local = endpointOf(socket.localAddr);
    this.#peer = endpointOf(socket.remoteAddr);
    if (tls !== undefined) this.tls = tls;
  }

  /** Our end. */
  get local(): Endpoint {
    return this.#local;
  }

  /** The other end. */
  get peer(): Endpoint {
    return this.#peer;
  }

  /** Settles once the socket is closed, lingering included; never rejects. */
  get closed(): Promise<void> {
    if (this.#gone) return Promise.resolve();
    this.#closed ??= Promise.withResolvers<void>();
    return this.#closed.promise;
  }

  /** See {@linkcode Connection.read}. */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#closing) return null;
    this.#reading = true;
    try {
      return await this.#socket.read(buffer);
    } catch (error) {
      if (this.#closing) return null;
      throw error;
    } finally {
      this.#reading = false;
    }
  }

  /** See {@linkcode Connection.write}. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#closing) throw new Deno.errors.BadResource("Cannot write: the connection is closed");
    this.#writing = true;
    try {
      let sent = await this.#socket.write(bytes);
      while (sent < bytes.length) sent += await this.#socket.write(bytes.subarray(sent));
    } finally {
      this.#writing = false;
    }
  }

  /** See {@linkcode Connection.close} and the class. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    // A write that the peer does not take cannot be completed; a pending read means that there
    // is no unread input.
    if (this.#reading || this.#writing || lingering >= LINGER_MOST) this.#release();
    else void this.#linger();
  }

  /**
   * Shuts down the sending side only: the peer sees the end of the stream, reads go on. For
   * layers above that end the stream while they have a read pending.
   */
  shutdown(): void {
    // The promise is settled at once; what it may report (the peer is gone) the next read tells.
    this.#socket.closeWrite().catch(() => {});
  }

  /**
   * Gives the socket back, for TLS to be put upon it; this object is closed then.
   *
   * @throws if a read or a write is pending, or the connection is closed
   */
  protected surrender(): Deno.TcpConn | Deno.TlsConn {
    if (this.#closing || this.#reading || this.#writing) {
      throw new Deno.errors.Busy("Cannot hand over the socket: it is closed or in use");
    }
    this.#closing = true;
    this.#gone = true;
    this.#closed?.resolve();
    return this.#socket;
  }

  async #linger(): Promise<void> {
    lingering++;
    const timer = setTimeout(() => this.#release(), LINGER_MS);
    try {
      await this.#socket.closeWrite();
      let seen = 0;
      while (seen < LINGER_BYTES) {
        const count = await this.#socket.read(waste);
        if (count === null) break;
        seen += count;
      }
    } catch {
      // The peer reset the connection, or the time is over.
    } finally {
      clearTimeout(timer);
      lingering--;
      this.#release();
    }
  }

  #release(): void {
    if (this.#gone) return;
    this.#gone = true;
    try {
      this.#socket.close();
    } catch {
      // Closed by the runtime already.
    }
    this.#closed?.resolve();
  }
}

/** A TCP socket. */
export class TcpConnection extends SocketConnection {
  /** Takes over the socket; from now on only this object may use it. */
  constructor(socket: Deno.TcpConn) {
    super(socket);
    try {
      // Replies are written whole, so waiting for more to send only costs time.
      socket.setNoDelay(true);
      // Finds peers that vanished, during the long waits of slow clients.
      socket.setKeepAlive(true);
    } catch {
      // The peer has closed already: the next read says so.
    }
  }

  /**
   * Gives the socket back, for `Deno.startTls`; this object is closed then.
   *
   * @throws if a read or a write is pending, or the connection is closed
   */
  detach(): Deno.TcpConn {
    return this.surrender() as Deno.TcpConn;
  }
}

function endpointOf(address: Deno.NetAddr): Endpoint {
  return { address: normaliseAddress(address.hostname), port: address.port };
}
