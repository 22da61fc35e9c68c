/**
 * Connections without a network: a pair of ends in memory, for tests and for the demonstration
 * of a dialogue. How the bytes are cut into pieces and how much is held before a writer has to
 * wait can be chosen, so that every packet border can be tried.
 *
 * @module
 */

import type { Connection, Endpoint, TlsInfo } from "../../lib/transport/connection.ts";

/** How a {@linkcode memoryPair} behaves. */
export interface MemoryPairOptions {
  /** The most bytes that one read gives; default: as many as there are. */
  readonly chunk?: number;
  /** How many bytes one direction holds before a write waits for reads; default: no limit. */
  readonly capacity?: number;
  /** The address and port of the first end; default 127.0.0.1 and 40000. */
  readonly first?: Endpoint;
  /** The address and port of the second end; default 127.0.0.1 and 110. */
  readonly second?: Endpoint;
  /** Makes both ends look encrypted. */
  readonly tls?: TlsInfo;
}

/**
 * Two ends of one connection: what is written to the one is read from the other.
 *
 * @example A client and a server
 * ```ts
 * import { memoryPair } from "./memory.ts";
 *
 * const [client, server] = memoryPair({ chunk: 1 });
 * await client.write(new TextEncoder().encode("QUIT\r\n"));
 * client.close();
 * server.close();
 * ```
 */
export function memoryPair(options: MemoryPairOptions = {}): [MemoryConnection, MemoryConnection] {
  const there = new Channel(options.chunk ?? Infinity, options.capacity ?? Infinity);
  const back = new Channel(options.chunk ?? Infinity, options.capacity ?? Infinity);
  const first = options.first ?? { address: "127.0.0.1", port: 40000 };
  const second = options.second ?? { address: "127.0.0.1", port: 110 };
  return [
    new MemoryConnection(back, there, first, second, options.tls),
    new MemoryConnection(there, back, second, first, options.tls),
  ];
}

/** One end of a {@linkcode memoryPair}. */
export class MemoryConnection implements Connection {
  /** Our end. */
  readonly local: Endpoint;
  /** The other end. */
  readonly peer: Endpoint;
  /** As given to {@linkcode memoryPair}. */
  readonly tls?: TlsInfo;
  readonly #incoming: Channel;
  readonly #outgoing: Channel;
  #closed = false;

  /** Use {@linkcode memoryPair}. */
  constructor(
    incoming: Channel,
    outgoing: Channel,
    local: Endpoint,
    peer: Endpoint,
    tls: TlsInfo | undefined,
  ) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.local = local;
    this.peer = peer;
    if (tls !== undefined) this.tls = tls;
  }

  /** Whether {@linkcode close} or {@linkcode abort} was called on this end. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** How many bytes this end wrote that the other has not read. */
  get unread(): number {
    return this.#outgoing.held;
  }

  /** See {@linkcode Connection.read}. */
  read(buffer: Uint8Array): Promise<number | null> {
    return this.#closed ? Promise.resolve(null) : this.#incoming.read(buffer);
  }

  /** See {@linkcode Connection.write}. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw new Deno.errors.BadResource("Cannot write: the connection is closed");
    await this.#outgoing.write(bytes);
  }

  /** See {@linkcode Connection.close}: the other end reads what was written, then the end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outgoing.finish();
    this.#incoming.refuse(new Deno.errors.BrokenPipe("The peer closed the connection"));
  }

  /** Ends only the sending side, as a peer does that says no more but still listens. */
  shutdown(): void {
    this.#outgoing.finish();
  }

  /** Breaks the connection as a reset does: both ends fail, unread bytes are lost. */
  abort(): void {
    this.#closed = true;
    const error = new Deno.errors.ConnectionReset("Connection reset by peer");
    this.#outgoing.fail(error);
    this.#incoming.fail(error);
  }
}

/** One direction. */
class Channel {
  readonly #chunk: number;
  readonly #capacity: number;
  readonly #pieces: Uint8Array[] = [];
  #held = 0;
  #finished = false;
  /** Nobody reads any more. */
  #refused: Error | undefined;
  #failed: Error | undefined;
  /** A read or a write that waits for a change. */
  readonly #waiting: (() => void)[] = [];

  constructor(chunk: number, capacity: number) {
    this.#chunk = Math.max(1, chunk);
    this.#capacity = Math.max(1, capacity);
  }

  get held(): number {
    return this.#held;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (true) {
      if (this.#failed !== undefined) throw this.#failed;
      if (this.#refused !== undefined) return null;
      if (this.#held > 0) break;
      if (this.#finished) return null;
      await this.#change();
    }
    const most = Math.min(buffer.length, this.#chunk);
    let count = 0;
    while (count < most && this.#pieces.length > 0) {
      const piece = this.#pieces[0]!;
      const part = piece.subarray(0, most - count);
      buffer.set(part, count);
      count += part.length;
      if (part.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part.length);
    }
    this.#held -= count;
    this.#changed();
    return count;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#failed !== undefined) throw this.#failed;
      if (this.#refused !== undefined) throw this.#refused;
      if (this.#finished) throw new Deno.errors.BrokenPipe("The sending side is shut down");
      const room = this.#capacity - this.#held;
      if (room <= 0) {
        await this.#change();
        continue;
      }
      const part = rest.slice(0, Math.min(room, rest.length));
      this.#pieces.push(part);
      this.#held += part.length;
      rest = rest.subarray(part.length);
      this.#changed();
    }
  }

  finish(): void {
    this.#finished = true;
    this.#changed();
  }

  refuse(error: Error): void {
    this.#refused = error;
    this.#pieces.length = 0;
    this.#held = 0;
    this.#changed();
  }

  fail(error: Error): void {
    this.#failed = error;
    this.#pieces.length = 0;
    this.#held = 0;
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
