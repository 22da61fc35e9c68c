/**
 * What a session has done to the messages of its maildrop and takes effect only at QUIT.
 *
 * @module
 */

const DELETED = 1;
const RETRIEVED = 2;

/** The marks of a session's messages; numbers are those of the protocol, from 1. */
export class Marks {
  readonly #count: number;
  /** A byte a message, made with the first mark: most sessions find nothing new. */
  #bits: Uint8Array | undefined;
  #hasDeleted = false;

  /**
   * Nothing is marked yet.
   *
   * @param count how many messages the maildrop has
   */
  constructor(count: number) {
    this.#count = count;
  }

  /** Marks a message for deletion. */
  delete(message: number): void {
    this.#hasDeleted = true;
    this.#mark(message, DELETED);
  }

  /** Notes that a message was sent whole. */
  retrieve(message: number): void {
    this.#mark(message, RETRIEVED);
  }

  /** Whether a message is marked for deletion, and so gone for all commands but RSET. */
  isDeleted(message: number): boolean {
    return this.#bits !== undefined && (this.#bits[message]! & DELETED) !== 0;
  }

  /** Whether any message is. */
  get hasDeleted(): boolean {
    return this.#hasDeleted;
  }

  /** Takes all marks back (RSET). */
  reset(): void {
    this.#hasDeleted = false;
    this.#bits = undefined;
  }

  /** The numbers of the messages marked for deletion. */
  deleted(): number[] {
    return this.#having(DELETED);
  }

  /** The numbers of the messages that were sent whole. */
  retrieved(): number[] {
    return this.#having(RETRIEVED);
  }

  #mark(message: number, bit: number): void {
    this.#bits ??= new Uint8Array(this.#count + 1);
    this.#bits[message]! |= bit;
  }

  #having(bit: number): number[] {
    const numbers: number[] = [];
    this.#bits?.forEach((bits, message) => {
      if ((bits & bit) !== 0) numbers.push(message);
    });
    return numbers;
  }
}
