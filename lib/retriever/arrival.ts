/**
 * One message while it comes: from RETR's +OK to its terminator.
 *
 * @module
 */
import { createHash } from "node:crypto";
import {
  DestinationError,
  MessageRefusedError,
  type Receiver,
  type Staged,
} from "./destination.ts";
import { SessionError } from "./errors.ts";
import { HeaderScan } from "./header_scan.ts";
import type { Job } from "./plan.ts";
import { count } from "./report.ts";
import type { TransferOptions } from "./transfer.ts";

/** After a failure so much of a message that nobody wants any more is read before the line is cut, in octets. */
const MOST_WASTE = 16 * 1024 * 1024;
/** No message is larger than this for the question how much of it may still come, in octets. */
const LARGEST = 1024 * 1024 * 1024;

/** A message may be larger than twice its listed size by so many octets: some servers only guess. */
const MOST_UNLISTED = 64 * 1024 * 1024;
/** A message without a listed size may have so many octets. */
const MOST_UNKNOWN = 4 * 1024 * 1024 * 1024;

/**
 * How many octets may come before a message is taken for endless.
 *
 * @param listed its size as LIST gave it, in octets
 */
export function mostOctets(listed: number | undefined): number {
  return listed === undefined ? MOST_UNKNOWN : 2 * listed + MOST_UNLISTED;
}

/** Nobody wants the message any more: the session is ending. */
export class Dropped extends Error {}

/** Takes one message, or reads it away. */
export class Arrival {
  /** What was to be done with it. */
  readonly job: Job;
  /** Its header fields, if they are wanted. */
  readonly header: HeaderScan | undefined;
  /** Its octets, as the server sent them. */
  octets = 0;
  /** Why it is not wanted after all; the rest is read and thrown away. */
  failure: unknown;
  readonly #options: TransferOptions;
  readonly #hash = createHash("sha256");
  readonly #broken: () => boolean;
  #receiver: Receiver | undefined;
  #passed = 0;

  /**
   * Reads nothing yet.
   *
   * @param broken whether nothing can be delivered any more
   */
  constructor(job: Job, options: TransferOptions, broken: () => boolean) {
    this.job = job;
    this.#options = options;
    this.#broken = broken;
    this.header = options.scan ? new HeaderScan() : undefined;
  }

  /**
   * Reads the message to its end. If it cannot be delivered, that is in {@linkcode failure}.
   *
   * @param more whether the replies to other commands come behind it
   * @throws {SessionError} if the session cannot go on
   */
  async receive(more: boolean): Promise<void> {
    const { client, destination } = this.#options;
    await this.#begin();
    this.octets = await client.message(
      destination.form,
      { listed: this.job.size, more },
      (bytes) => this.#take(bytes),
    );
  }

  /** A digest of its contents, without the added header; to be asked for once. */
  digest(): string {
    return this.#hash.digest("base64url");
  }

  /** Ends the message; see {@linkcode Receiver.finish}. */
  finish(): Staged | Promise<Staged> {
    return this.#receiver!.finish();
  }

  /** Throws away what came; safe to call more than once. */
  async discard(): Promise<void> {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    await receiver?.discard();
  }

  async #begin(): Promise<void> {
    if (this.#broken()) {
      this.failure = new Dropped();
      return;
    }
    const { destination, account, trace } = this.#options;
    const { uid } = this.job;
    try {
      this.#receiver = await destination.receive(
        uid === undefined ? {} : { id: `${account} ${uid}` },
      );
      const header = trace();
      if (header.length > 0) await this.#receiver.write(header);
    } catch (error) {
      this.failure = error;
    }
  }

  #take(bytes: Uint8Array): void | Promise<void> {
    this.#options.events.progress(bytes.length);
    this.#passed += bytes.length;
    if (this.failure !== undefined) return this.#waste();
    this.#checkEnd();
    const { maxSize } = this.#options;
    if (maxSize !== undefined && this.#passed > maxSize) {
      this.failure = new MessageRefusedError(
        `it is larger than max_size (${maxSize} octets), although the server listed it with ${
          this.job.size ?? "no size"
        }`,
      );
      return this.discard();
    }
    this.#hash.update(bytes);
    this.header?.add(bytes);
    try {
      const wait = this.#receiver!.write(bytes);
      if (wait !== undefined) return wait.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      return this.#fail(error);
    }
  }

  /** Without a bound, a message that never ends fills the disk. */
  #checkEnd(): void {
    const { number, size } = this.job;
    if (this.#passed <= this.#options.mostOctets(size)) return;
    throw new SessionError(
      `message ${number} does not end: the server listed it with ${
        size === undefined ? "no size" : count(size, "octet")
      }, and ${this.#passed} came`,
    );
  }

  /** What came is given up at once: on a full disk others wait for its room. */
  #fail(error: unknown): Promise<void> {
    this.failure = error;
    return this.discard();
  }

  /**
   * Whoever ends a session in good order must read the rest; but not hours of it. Where only this
   * message cannot be had, those behind it are worth more patience, though not with a server that
   * sends without end.
   */
  #waste(): void {
    const full = this.failure instanceof DestinationError && this.failure.full;
    const single = full || this.failure instanceof MessageRefusedError;
    const { size = LARGEST } = this.job;
    const most = single ? MOST_WASTE + Math.min(2 * size, LARGEST) : MOST_WASTE;
    if (this.#passed < most) return;
    throw new SessionError(`the rest of message ${this.job.number} is not wanted any more`, {
      cause: this.failure,
    });
  }
}
