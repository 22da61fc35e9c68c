/**
 * A {@linkcode Connection} in the shape of a socket of `node:net`, for nodemailer. A socket of
 * our own making is connected by name, which is what the worker's permissions are granted for;
 * nodemailer's would be connected by an address that nobody can know in advance.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Connection } from "../transport/connection.ts";

const READ_SIZE = 4096;

/** What nodemailer uses of a socket, over a connection. */
class ConnectionSocket extends Duplex {
  readonly #connection: Connection;
  #timeout = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading = false;

  constructor(connection: Connection) {
    super({ allowHalfOpen: false, emitClose: true });
    this.#connection = connection;
  }

  /** Makes the socket emit `timeout` after so many milliseconds of silence; 0 ends that. */
  setTimeout(milliseconds: number, listener?: () => void): this {
    this.#timeout = milliseconds;
    if (listener) this.once("timeout", listener);
    this.#touch();
    return this;
  }

  /** Does nothing: the connection has it already. */
  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    if (!this.#reading) void this.#pump();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#connection.write(chunk).then(() => {
      this.#touch();
      done();
    }, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.close();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#timeout = 0;
    this.#connection.close();
    done(error);
  }

  async #pump(): Promise<void> {
    this.#reading = true;
    const buffer = new Uint8Array(READ_SIZE);
    try {
      const count = await this.#connection.read(buffer);
      this.#reading = false;
      this.#touch();
      this.push(count === null ? null : buffer.subarray(0, count));
    } catch (error) {
      this.#reading = false;
      this.destroy(error as Error);
    }
  }

  #touch(): void {
    clearTimeout(this.#timer);
    if (this.#timeout > 0 && !this.destroyed) {
      this.#timer = setTimeout(() => this.emit("timeout"), this.#timeout);
    }
  }
}

/** Wraps a connection, which belongs to the socket from then on. */
export function socketOver(connection: Connection): Socket {
  return new ConnectionSocket(connection) as unknown as Socket;
}
