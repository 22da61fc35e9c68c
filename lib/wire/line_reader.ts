/**
 * Lines out of a stream of bytes, whatever packets they come in. No I/O: bytes
 * are pushed in and lines taken out, so every chunk size can be tested.
 *
 * @module
 */

const LF = 0x0a;
const CR = 0x0d;

/** A line was longer than allowed; it was dropped, up to and with its line end. */
export const OVERLONG: unique symbol = Symbol("overlong line");

/**
 * Splits pushed bytes into lines ended by CRLF or LF and holds back what is
 * incomplete. Memory is bounded by the line limit plus one pushed chunk: of a
 * line over the limit only its length is kept.
 */
export class LineReader {
  readonly #limit: number;
  #buffer: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** Up to here no LF was found, so that a slow sender costs no second search. */
  #searched = 0;
  #skipping = false;

  /**
   * Makes a reader that holds nothing yet.
   *
   * @param limit the most bytes of a line, its line end included
   */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many bytes are held back or not yet taken. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** Whether an over-long line's rest is being thrown away. */
  get skipping(): boolean {
    return this.#skipping;
  }

  /** Adds bytes; they are copied, so the caller may use its buffer again. */
  push(bytes: Uint8Array): void {
    if (this.#start === this.#end) this.#start = this.#end = this.#searched = 0;
    const need = this.#end + bytes.length;
    if (need > this.#buffer.length) {
      const kept = this.#end - this.#start;
      const room = kept + bytes.length;
      const target = room <= this.#buffer.length ? this.#buffer : new Uint8Array(room);
      target.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = target;
      this.#searched -= this.#start;
      this.#start = 0;
      this.#end = kept;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /**
   * Takes the next line, without its line end.
   *
   * @returns the line's bytes, valid until the next {@linkcode push}; or
   * {@linkcode OVERLONG} once for a line over the limit; or undefined when no
   * complete line is there
   */
  next(): Uint8Array | typeof OVERLONG | undefined {
    while (true) {
      const at = this.#buffer.subarray(0, this.#end).indexOf(LF, this.#searched);
      if (at < 0) {
        this.#searched = this.#end;
        if (this.#skipping) {
          this.#start = this.#end;
        } else if (this.#end - this.#start >= this.#limit) {
          this.#skipping = true;
          this.#start = this.#end;
          return OVERLONG;
        }
        this.#shrink();
        return undefined;
      }
      const from = this.#start;
      this.#start = this.#searched = at + 1;
      if (this.#skipping) {
        this.#skipping = false;
        continue;
      }
      if (at + 1 - from > this.#limit) return OVERLONG;
      const to = at > from && this.#buffer[at - 1] === CR ? at - 1 : at;
      return this.#buffer.subarray(from, to);
    }
  }

  /** Takes all that is buffered, lines or not, as one piece. */
  takeAll(): Uint8Array {
    const rest = this.#buffer.slice(this.#start, this.#end);
    this.#start = this.#end = this.#searched = 0;
    return rest;
  }

  /** An idle reader holds no memory. */
  #shrink(): void {
    if (this.#start !== this.#end) return;
    this.#start = this.#end = this.#searched = 0;
    if (this.#buffer.length > 0) this.#buffer = new Uint8Array(0);
  }
}
