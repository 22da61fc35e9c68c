/**
 * Lines out of a stream of bytes, whatever packets they come in. No I/O: bytes
 * are pushed in and lines taken out, so every chunk size can be tested.
 *
 * @module
 */

const LF = 0x0a;
const CR = 0x0d;
const NOTHING = new Uint8Array(0);

/** A line was longer than allowed; it was dropped, up to and with its line end. */
export const OVERLONG: unique symbol = Symbol("overlong line");

/**
 * Splits pushed bytes into lines ended by CRLF or LF and holds back what is
 * incomplete. Memory is bounded by the line limit plus one pushed chunk: of a
 * line over the limit only its length is kept.
 */
export class LineReader {
  readonly #limit: number;
  #buffer: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  /** Up to here no LF was found, so that a slow sender costs no second search. */
  #searched = 0;
  #skipping = false;
  /** Whether the buffer is the caller's. */
  #lent = false;

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
    this.#append(bytes);
  }

  /**
   * Adds bytes without copying them, if nothing else is held back: most commands come whole, and
   * then nothing is allocated for them (which costs more than the copy, in malloc and in garbage).
   * The caller leaves its buffer as it is until {@linkcode next} has found no complete line: what
   * is then incomplete has been copied.
   */
  lend(bytes: Uint8Array): void {
    if (this.#start < this.#end) return this.#append(bytes);
    this.#buffer = bytes;
    this.#lent = true;
    this.#start = this.#searched = 0;
    this.#end = bytes.length;
  }

  #append(bytes: Uint8Array): void {
    if (this.#start === this.#end) this.#start = this.#end = this.#searched = 0;
    const need = this.#end + bytes.length;
    if (need > this.#buffer.length || this.#lent) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Moves what is held back to the front of a buffer of our own, with room for more bytes. */
  #makeRoom(more: number): void {
    const kept = this.#end - this.#start;
    const room = kept + more;
    const fits = !this.#lent && room <= this.#buffer.length;
    // Doubled, so that a line which comes byte by byte is not copied at each of them.
    const size = Math.max(room, Math.min(2 * kept, this.#limit));
    const target = fits ? this.#buffer : new Uint8Array(size);
    target.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = target;
    this.#lent = false;
    this.#searched -= this.#start;
    this.#start = 0;
    this.#end = kept;
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
    this.#lent = false;
    this.#buffer = NOTHING;
    this.#start = this.#end = this.#searched = 0;
    return rest;
  }

  /** An idle reader holds no memory, and nothing of the caller's. */
  #shrink(): void {
    if (this.#start < this.#end) {
      if (this.#lent) this.#makeRoom(0);
      return;
    }
    this.#start = this.#end = this.#searched = 0;
    this.#lent = false;
    this.#buffer = NOTHING;
  }
}
