/**
 * TLS over any {@linkcode Connection}, on either side of it, by `node:tls`. Deno's own TLS can
 * neither take over an accepted connection (STLS) nor ask for client certificates.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { reasonOf } from "../errors.ts";
import type { Connection, Endpoint, TlsInfo } from "./connection.ts";

/** Small while nothing but commands arrive, for a pending read pins its buffer. */
const READ_LEAST = 2 * 1024;
const READ_MOST = 64 * 1024;
/** What is encrypted in one go; Deno's TLS takes up to 64 KiB at once from a stream. */
const WRITE_SLICE = 32 * 1024;
/** What may be decrypted and not yet read before the connection is read no further. */
const READ_AHEAD = 32 * 1024;
/** Ciphertext that may wait for the peer before a write waits. */
const WRITE_AHEAD = 64 * 1024;
/** Larger pieces of ciphertext are written one by one. */
const COPIED_MOST = 8 * 1024;
/** How long a closed connection waits for the peer's end, and how much it throws away meanwhile. */
const LINGER_MS = 2000;
const LINGER_BYTES = 256 * 1024;

/** A connection whose sending side can be shut down on its own. */
interface HalfClosing {
  shutdown(): void;
}

/**
 * The encrypted side: what `node:tls` reads and writes. It never emits an error that nobody
 * listens to, and ends by itself when the connection does.
 */
export class CipherStream extends Duplex {
  readonly #connection: Connection;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #size = READ_LEAST;
  #reading = false;
  #wanted = false;
  #held: () => boolean = () => false;
  #draining = false;
  #drained = 0;
  #written = 0;
  /** Several may wait at once: a write that the peer does not take, and {@linkcode finish}. */
  #waiting: (() => void)[] = [];

  /** Reads and writes the connection, which belongs to this stream from now on. */
  constructor(connection: Connection) {
    super({ allowHalfOpen: true, highWaterMark: READ_MOST, emitClose: true });
    this.#connection = connection;
    this.on("error", () => this.#settle());
    this.on("close", () => this.#settle());
  }

  /**
   * Stops reading the connection while `held` says so: Deno's TLS takes all that it can get from
   * a stream, however much of it is waiting to be read in the clear.
   */
  holdWhile(held: () => boolean): void {
    this.#held = held;
  }

  /** How many pieces of ciphertext the connection took: tells whether the peer still reads. */
  get written(): number {
    return this.#written;
  }

  /** Goes on reading, if it was held and is held no more. */
  resumeReading(): void {
    if (this.#wanted) this._read();
  }

  /** Settles when no more than `limit` bytes wait for the peer, or the stream is broken. */
  async belowLimit(limit: number): Promise<void> {
    while (!this.destroyed && this.writableLength > limit) await this.#change();
  }

  /**
   * Ends the connection behind what was written: like `TcpConnection`, it waits for the peer's
   * end and throws away what still comes, so that no reset destroys our last words.
   */
  async finish(): Promise<void> {
    const timer = setTimeout(() => this.destroy(), LINGER_MS);
    try {
      await this.belowLimit(0);
      if (this.#reading && !this.destroyed && "shutdown" in this.#connection) {
        this.#draining = true;
        (this.#connection as Connection & HalfClosing).shutdown();
        await this.#change();
      }
    } finally {
      clearTimeout(timer);
      this.destroy();
    }
  }

  /** Reads the connection once; Node's interface. */
  override _read(): void {
    this.#wanted = true;
    if (this.#reading || this.destroyed || this.#held()) return;
    this.#wanted = false;
    void this.#pump();
  }

  /** Writes one piece of ciphertext; Node's interface. */
  override _write(
    chunk: Uint8Array,
    _encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    this.#writeOne(chunk).then(() => {
      callback();
      this.#settle();
    }, callback);
  }

  /** Writes what gathered during the last write; Node's interface. */
  override _writev(
    chunks: { chunk: Uint8Array; encoding: string }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.#writeAll(chunks.map(({ chunk }) => chunk)).then(() => {
      callback();
      this.#settle();
    }, callback);
  }

  /** To copy small pieces together costs less than a system call for each. */
  async #writeAll(chunks: readonly Uint8Array[]): Promise<void> {
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (size / chunks.length > COPIED_MOST) {
      for (const chunk of chunks) await this.#writeOne(chunk);
      return;
    }
    const whole = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    await this.#writeOne(whole);
  }

  async #writeOne(piece: Uint8Array): Promise<void> {
    await this.#connection.write(piece);
    this.#written++;
  }

  /** Nothing to do: {@linkcode finish} ends the connection; Node's interface. */
  override _final(callback: (error?: Error | null) => void): void {
    callback();
  }

  /** Closes the connection; Node's interface. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#connection.close();
    this.#buffer = undefined;
    callback(error);
  }

  async #pump(): Promise<void> {
    this.#reading = true;
    const buffer = this.#buffer ??= new Uint8Array(this.#size);
    let count: number | null = null;
    try {
      count = await this.#connection.read(buffer);
    } catch (error) {
      this.#reading = false;
      this.destroy(error instanceof Error ? error : new Error(reasonOf(error)));
      return;
    }
    this.#reading = false;
    if (this.#draining) this.#drain(count);
    else if (count === null) this.push(null);
    else this.#deliver(buffer, count);
  }

  #deliver(buffer: Uint8Array, count: number): void {
    // Full reads come from a transfer, short ones from a dialogue.
    this.#size = count === buffer.length ? READ_MOST : READ_LEAST;
    this.push(buffer.subarray(0, count));
    // Node's TLS copies at once what it takes at once; else the buffer is in the queue.
    if (this.readableLength > 0 || this.#size !== buffer.length) this.#buffer = undefined;
  }

  #drain(count: number | null): void {
    this.#drained += count ?? LINGER_BYTES;
    if (this.#drained >= LINGER_BYTES) this.#settle();
    else void this.#pump();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A {@linkcode Connection} in the clear over an established TLS socket. */
export class TlsConnection implements Connection {
  /** What was agreed on. */
  readonly tls: TlsInfo;
  readonly #below: Connection;
  readonly #cipher: CipherStream;
  readonly #socket: TLSSocket;
  #wake: (() => void) | undefined;
  #encrypting = false;
  #wakeWriter: (() => void) | undefined;
  readonly #encrypted = (): void => {
    this.#encrypting = false;
    const resolve = this.#wakeWriter;
    this.#wakeWriter = undefined;
    resolve?.();
  };
  #writing = false;
  #ended = false;
  #closed = false;
  #patience: ReturnType<typeof setInterval> | undefined;
  #failure: Error | undefined;

  /** Takes over a socket whose handshake is complete. */
  constructor(below: Connection, cipher: CipherStream, socket: TLSSocket, info: TlsInfo) {
    this.#below = below;
    this.#cipher = cipher;
    this.#socket = socket;
    this.tls = info;
    cipher.holdWhile(() => socket.readableLength >= READ_AHEAD);
    cipher.on("close", () => clearInterval(this.#patience));
    const fail = (error: Error) => this.#fail(error);
    // Without `_tlsError` a bad record after the handshake would go unseen.
    socket.on("error", fail);
    socket.on("_tlsError", fail);
    socket.on("readable", () => this.#awake());
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
  }

  /** Our end. */
  get local(): Endpoint {
    return this.#below.local;
  }

  /** The other end. */
  get peer(): Endpoint {
    return this.#below.peer;
  }

  /** See {@linkcode Connection.read}. */
  async read(buffer: Uint8Array): Promise<number | null> {
    while (!this.#closed) {
      const ready = this.#socket.readableLength;
      if (ready > 0) {
        const chunk: Buffer | null = this.#socket.read(Math.min(ready, buffer.length));
        if (chunk !== null) {
          buffer.set(chunk);
          this.#cipher.resumeReading();
          return chunk.length;
        }
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return null;
      // Asks for more, and brings forth "end" where nothing more can come.
      this.#socket.read(0);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return null;
  }

  /** See {@linkcode Connection.write}. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#writing = true;
    try {
      for (let at = 0; at < bytes.length; at += WRITE_SLICE) {
        this.#checkWritable();
        // With no other write under way, the socket encrypts (and so copies) what it is given
        // before it returns. It knows nothing of the peer's pace; that is felt below it.
        while (this.#encrypting) await new Promise<void>((resolve) => this.#wakeWriter = resolve);
        if (this.#cipher.writableLength > WRITE_AHEAD) await this.#cipher.belowLimit(WRITE_AHEAD);
        this.#checkWritable();
        this.#encrypting = true;
        this.#socket.write(bytes.subarray(at, at + WRITE_SLICE), this.#encrypted);
      }
    } finally {
      this.#writing = false;
    }
  }

  /** See {@linkcode Connection.close}. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#awake();
    // A write that the peer does not take cannot be completed.
    if (this.#failure !== undefined || this.#cipher.destroyed || this.#writing) {
      this.#destroy();
      this.#end();
      return;
    }
    this.#loseInterest();
    // close_notify (RFC 8446 section 6.1), then the end of the connection behind it.
    this.#socket.end(() => void this.#cipher.finish().then(() => this.#destroy()));
  }

  /** Gives up a peer that takes no more of what still waits for it. */
  #loseInterest(): void {
    let written = this.#cipher.written;
    this.#patience = setInterval(() => {
      if (this.#cipher.written === written) this.#destroy();
      written = this.#cipher.written;
    }, LINGER_MS);
  }

  #checkWritable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed || this.#cipher.destroyed) {
      throw new Deno.errors.BadResource("Cannot write: the connection is closed");
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#destroy();
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#awake();
    this.#encrypted();
  }

  #awake(): void {
    const resolve = this.#wake;
    this.#wake = undefined;
    resolve?.();
  }

  #destroy(): void {
    clearInterval(this.#patience);
    this.#socket.destroy();
    this.#cipher.destroy();
  }
}
