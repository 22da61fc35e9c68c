/**
 * From a message as it lies on disk to its multi-line form on the wire: CRLF
 * line ends and dot-stuffing (RFC 1939 section 3), and what a client will count.
 *
 * This is the hottest code of the server: it touches every byte that is sent.
 * Runs of ordinary text are therefore copied four bytes at a time, which takes
 * about a third of the time that a loop over single bytes does.
 *
 * @module
 */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** How a message lies on disk. */
export type DiskForm =
  /** As every Maildir program writes it: LF or CRLF line ends, no dot-stuffing. */
  | "plain"
  /** CRLF line ends and dot-stuffed already. */
  | "wire";

/** Turns a message's bytes, given in pieces of any size, into wire form. */
export class WireEncoder {
  readonly #form: DiskForm;
  /** The last byte taken; an LF before the first, since the message begins a line. */
  #last = LF;
  #taken = 0;
  #written = 0;
  #stuffed = 0;

  /**
   * Makes an encoder for one message.
   *
   * @param form how the bytes that come in are written
   */
  constructor(form: DiskForm = "plain") {
    this.#form = form;
  }

  /** The octets written so far as a client counts them: without the stuffed dots. */
  get octets(): number {
    return this.#written - this.#stuffed;
  }

  /** The most bytes that {@linkcode encode} and {@linkcode finish} write for `bytes` bytes. */
  static room(bytes: number): number {
    return 2 * bytes + 2;
  }

  /**
   * Encodes `source[from, to)` into `target` at `offset`, where there must be
   * {@linkcode room} for it.
   *
   * @returns the offset behind the last byte written
   */
  encode(
    source: Uint8Array,
    from: number,
    to: number,
    target: Uint8Array,
    offset: number,
  ): number {
    if (from >= to) return offset;
    this.#taken += to - from;
    const end = this.#form === "plain"
      ? this.#encodePlain(source, from, to, target, offset)
      : this.#copyWire(source, from, to, target, offset);
    this.#last = source[to - 1]!;
    this.#written += end - offset;
    return end;
  }

  /**
   * Ends the message: adds the line end that the last line may lack. An empty message stays empty.
   *
   * @returns the offset behind the last byte written
   */
  finish(target: Uint8Array, offset: number): number {
    if (this.#taken === 0 || this.#last === LF) return offset;
    this.#last = LF;
    this.#written += 2;
    target[offset] = CR;
    target[offset + 1] = LF;
    return offset + 2;
  }

  #encodePlain(
    source: Uint8Array,
    from: number,
    to: number,
    target: Uint8Array,
    offset: number,
  ): number {
    const input = new DataView(source.buffer, source.byteOffset, source.byteLength);
    const output = new DataView(target.buffer, target.byteOffset, target.byteLength);
    let at = from;
    let out = offset;
    let last = this.#last;
    while (at < to) {
      if (last === LF && source[at] === DOT) {
        target[out++] = DOT;
        this.#stuffed++;
      }
      while (at + 4 <= to) {
        const four = input.getInt32(at, true);
        // A byte of `x` is zero where a byte of `four` is LF; the sum below finds a zero byte.
        const x = four ^ 0x0a0a0a0a;
        if (((x - 0x01010101) & ~x & 0x80808080) !== 0) break;
        output.setInt32(out, four, true);
        at += 4;
        out += 4;
      }
      if (at > from) last = source[at - 1]!;
      while (at < to) {
        const byte = source[at++]!;
        if (byte === LF && last !== CR) target[out++] = CR;
        target[out++] = byte;
        last = byte;
        if (byte === LF) break;
      }
    }
    return out;
  }

  /** Only counts the stuffed dots, for {@linkcode octets}. */
  #copyWire(
    source: Uint8Array,
    from: number,
    to: number,
    target: Uint8Array,
    offset: number,
  ): number {
    const part = source.subarray(from, to);
    this.#stuffed += countDotLines(part, this.#last === LF);
    target.set(part, offset);
    return offset + part.length;
  }
}

/** Counts what {@linkcode WireEncoder} would make of a message, without writing it. */
export class OctetCounter {
  readonly #form: DiskForm;
  #last = LF;
  #octets = 0;
  #taken = 0;

  /**
   * Makes a counter for one message.
   *
   * @param form how the bytes that come in are written
   */
  constructor(form: DiskForm = "plain") {
    this.#form = form;
  }

  /** Takes the message's next bytes. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#taken += bytes.length;
    this.#octets += bytes.length;
    if (this.#form === "plain") this.#octets += countBareLineFeeds(bytes, this.#last);
    else this.#octets -= countDotLines(bytes, this.#last === LF);
    this.#last = bytes[bytes.length - 1]!;
  }

  /** The octets of the whole message as RETR sends it, a missing last line end included. */
  total(): number {
    return this.#taken > 0 && this.#last !== LF ? this.#octets + 2 : this.#octets;
  }
}

function countBareLineFeeds(bytes: Uint8Array, before: number): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if ((at > 0 ? bytes[at - 1] : before) !== CR) count++;
  }
  return count;
}

function countDotLines(bytes: Uint8Array, atLineStart: boolean): number {
  let count = atLineStart && bytes[0] === DOT ? 1 : 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === DOT) count++;
  }
  return count;
}

/**
 * Finds where TOP ends (RFC 1939 section 7): behind the header, the blank line
 * and a number of lines of the body.
 */
export class TopLimit {
  #bodyLines: number;
  #inHeader = true;
  /** Whether the current line has had nothing, or nothing but one CR, so far. */
  #blank: "empty" | "cr" | false = "empty";
  #done = false;

  /**
   * Makes a search that begins with the header.
   *
   * @param bodyLines how many lines of the body are wanted
   */
  constructor(bodyLines: number) {
    this.#bodyLines = bodyLines;
  }

  /** Whether the end was found: nothing that follows is wanted. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * Looks at the message's next bytes.
   *
   * @returns how many of them belong to the answer
   */
  take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.#done) {
      const end = bytes.indexOf(LF, at);
      const stop = end < 0 ? bytes.length : end;
      if (this.#inHeader && this.#blank && stop > at) {
        this.#blank = this.#blank === "empty" && stop === at + 1 && bytes[at] === CR ? "cr" : false;
      }
      at = stop;
      if (end < 0) break;
      at++;
      this.#endLine();
    }
    return at;
  }

  #endLine(): void {
    if (!this.#inHeader) this.#bodyLines--;
    else if (this.#blank) this.#inHeader = false;
    this.#blank = "empty";
    this.#done = !this.#inHeader && this.#bodyLines <= 0;
  }
}
