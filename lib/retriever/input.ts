/**
 * What a server sends, buffered: lines and pieces of messages, with a bound on silence.
 *
 * @module
 */
import type { Connection } from "../transport/connection.ts";
import type { Deadline, Deadlines } from "../transport/deadlines.ts";
import { reasonOf } from "../errors.ts";
import { latin1 } from "../wire/text.ts";
import { ConnectionLostError, ProtocolError, ServerSilentError } from "./errors.ts";

/** The buffer: as much as one read gives at most. */
const BUFFER = 64 * 1024;
/** The longest line of a reply, its line end included; RFC 2449 section 4 allows 512 octets. */
const LONGEST_LINE = 8 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** Reads from a connection. */
export class ServerInput {
  /** The bytes between {@linkcode start} and {@linkcode end} have not been taken yet. */
  readonly buffer: Uint8Array = new Uint8Array(BUFFER);
  /** Where the bytes not yet taken begin; the taker moves it. */
  start = 0;
  readonly #connection: Connection;
  readonly #timeout: number;
  readonly #deadline: Deadline;
  #end = 0;
  /** A read that was begun; its bytes go to {@linkcode end}, so nothing may move until it settles. */
  #pending: Promise<number | null> | undefined;
  #silent = false;

  /**
   * Reads nothing yet.
   *
   * @param timeout how long the server may say nothing, in milliseconds
   * @param deadlines watches over it
   */
  constructor(connection: Connection, timeout: number, deadlines: Deadlines) {
    this.#connection = connection;
    this.#timeout = timeout;
    this.#deadline = deadlines.add(Infinity, () => {
      this.#silent = true;
      connection.close();
    });
  }

  /** Where the bytes not yet taken end. */
  get end(): number {
    return this.#end;
  }

  /** Whether bytes are there that were not taken. */
  get hasMore(): boolean {
    return this.start < this.#end;
  }

  /** Ends the watch over silence. */
  close(): void {
    this.#deadline.cancel();
  }

  /**
   * Starts the time in which something must be complete; with the first byte that is missing,
   * {@linkcode fill} ends the connection. Must be matched by {@linkcode relax}.
   */
  watch(): void {
    this.#deadline.set(this.#timeout);
  }

  /** Stops the time. */
  relax(): void {
    this.#deadline.set(Infinity);
  }

  /**
   * Waits for more bytes.
   *
   * @throws {ServerSilentError} when the time that {@linkcode watch} started is over
   * @throws {ConnectionLostError} at the end of the stream
   */
  async fill(): Promise<void> {
    this.#pending ??= this.#read();
    await this.#settle();
  }

  /**
   * Waits for more bytes, but not longer than `patience`.
   *
   * @returns whether there are any
   */
  async fillWithin(patience: number): Promise<boolean> {
    this.#pending ??= this.#read();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const quiet = new Promise<"quiet">((resolve) => {
      timer = setTimeout(() => resolve("quiet"), patience);
    });
    const first = await Promise.race([this.#pending, quiet]).catch(() => undefined);
    clearTimeout(timer);
    if (first === "quiet") return false;
    await this.#settle();
    return true;
  }

  /**
   * The next line, without its line end, one character an octet.
   *
   * @throws {ProtocolError} if it is too long
   */
  async line(): Promise<string> {
    let searched = 0;
    while (true) {
      const at = this.buffer.subarray(0, this.#end).indexOf(LF, this.start + searched);
      const length = (at >= 0 ? at : this.#end) - this.start;
      if (length >= LONGEST_LINE) {
        throw new ProtocolError(`the server sent a line of more than ${LONGEST_LINE} octets`);
      }
      if (at >= 0) {
        const from = this.start;
        this.start = at + 1;
        return latin1(
          this.buffer.subarray(from, this.buffer[at - 1] === CR && at > from ? at - 1 : at),
        );
      }
      searched = length;
      await this.fill();
    }
  }

  /**
   * Why the connection is gone.
   *
   * @param error what a read or write threw; undefined at the end of the stream
   */
  lost(error?: unknown): ServerSilentError | ConnectionLostError {
    if (this.#silent) {
      return new ServerSilentError(`the server said nothing for ${seconds(this.#timeout)}`);
    }
    return new ConnectionLostError(
      error === undefined
        ? "the server closed the connection"
        : `the connection broke: ${reasonOf(error)}`,
    );
  }

  async #settle(): Promise<void> {
    let count: number | null;
    try {
      count = await this.#pending!;
    } catch (error) {
      throw this.lost(error);
    } finally {
      this.#pending = undefined;
    }
    if (count === null) throw this.lost();
    this.#end += count;
  }

  #read(): Promise<number | null> {
    if (this.start === this.#end) this.start = this.#end = 0;
    else if (this.start > BUFFER / 2) {
      this.buffer.copyWithin(0, this.start, this.#end);
      this.#end -= this.start;
      this.start = 0;
    }
    return this.#connection.read(this.buffer.subarray(this.#end));
  }
}

/** A time for a sentence. */
function seconds(ms: number): string {
  return ms % 60_000 === 0 && ms > 0 ? `${ms / 60_000} min` : `${ms / 1000} s`;
}
