/**
 * Takes a server's replies apart and believes none of them: status lines, listings, and messages
 * whose octets are counted. Synchronous, over bytes that are pushed in, so that a batch of replies
 * costs no promise.
 *
 * @module
 */

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const SPACE = 0x20;
const PLUS = 0x2b;
const MOST_LINE = 4096;

/** The server said something that the protocol does not allow, or that contradicts it. */
export class ProtocolFault extends Error {
  override name = "ProtocolFault";
}

/** One row of LIST or UIDL: `value` lies in the parser's buffer. */
export type RowCheck = (number: number, bytes: Uint8Array, from: number, to: number) => void;

/** Sees the lines of a message as they come; for thorough runs. */
export interface MessageCheck {
  /** Some text of the message, stuffing undone. */
  text(bytes: Uint8Array): void;
  /** The message is complete. */
  end(): void;
}

/** Parses the replies of one connection. */
export class ReplyParser {
  #bytes: Uint8Array;
  #at = 0;
  #end = 0;
  /** The byte before `#at`, within a message. */
  #last = LF;
  #octets = 0;
  #inMessage = false;

  /** @param size of the buffer, and so of the largest read */
  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  /** Where the next read goes. Makes room by moving what is not yet parsed to the front. */
  space(): Uint8Array {
    if (this.#at === this.#end) this.#at = this.#end = 0;
    else if (this.#at > 0) {
      this.#bytes.copyWithin(0, this.#at, this.#end);
      this.#end -= this.#at;
      this.#at = 0;
    }
    if (this.#end === this.#bytes.length) throw new ProtocolFault("a line is too long");
    return this.#bytes.subarray(this.#end);
  }

  /** So many bytes were read into {@linkcode space}. */
  filled(count: number): void {
    this.#end += count;
  }

  /** Whether all bytes are parsed. */
  get empty(): boolean {
    return this.#at === this.#end;
  }

  /** Takes a status line; undefined if it is not complete. */
  status(): string | undefined {
    const to = this.#lineEnd();
    if (to < 0) return undefined;
    const line = text(this.#bytes, this.#at, to);
    this.#at = to + 2;
    if (line !== "+OK" && !line.startsWith("+OK ")) throw new ProtocolFault(`it said "${line}"`);
    return line;
  }

  /** Takes the status line of a message; false if it is not complete. */
  positive(): boolean {
    const to = this.#lineEnd();
    if (to < 0) return false;
    if (this.#bytes[this.#at] !== PLUS) {
      throw new ProtocolFault(`it said "${text(this.#bytes, this.#at, to)}"`);
    }
    this.#at = to + 2;
    return true;
  }

  /**
   * Takes the rows of a listing that are there, `number value` each.
   *
   * @returns whether the listing is complete
   */
  rows(check: RowCheck): boolean {
    while (true) {
      const to = this.#lineEnd();
      if (to < 0) return false;
      const bytes = this.#bytes;
      let at = this.#at;
      this.#at = to + 2;
      if (to === at + 1 && bytes[at] === DOT) return true;
      let number = 0;
      while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) number = number * 10 + bytes[at++]! - 0x30;
      if (bytes[at] !== SPACE || at + 1 >= to) {
        throw new ProtocolFault(`a row reads "${text(bytes, at, to)}"`);
      }
      check(number, bytes, at + 1, to);
    }
  }

  /**
   * Takes what there is of a message's text.
   *
   * @returns its octets, stuffing undone, once it is complete
   */
  message(check?: MessageCheck): number | undefined {
    if (!this.#inMessage) {
      this.#inMessage = true;
      this.#octets = 0;
      this.#last = LF;
    }
    // Only dots can be something else than text, and they are rare: the search is the runtime's.
    const bytes = this.#bytes.subarray(0, this.#end);
    while (this.#at < this.#end) {
      const dot = this.#dotLine(bytes);
      const stop = dot < 0 ? this.#end : dot;
      this.#text(bytes, stop, check);
      if (dot < 0) return undefined;
      if (dot + 1 >= this.#end) return undefined;
      if (bytes[dot + 1] === DOT) {
        this.#at++;
        this.#last = CR;
        this.#text(bytes, dot + 2, check);
        continue;
      }
      if (bytes[dot + 1] !== CR) throw new ProtocolFault("a line begins with a dot not stuffed");
      if (dot + 2 >= this.#end) return undefined;
      if (bytes[dot + 2] !== LF) throw new ProtocolFault("a dot is followed by CR without LF");
      this.#at = dot + 3;
      this.#inMessage = false;
      check?.end();
      return this.#octets;
    }
    return undefined;
  }

  /** Where the next line begins that begins with a dot. */
  #dotLine(bytes: Uint8Array): number {
    for (let at = bytes.indexOf(DOT, this.#at); at >= 0; at = bytes.indexOf(DOT, at + 1)) {
      if ((at > this.#at ? bytes[at - 1] : this.#last) === LF) return at;
    }
    return -1;
  }

  #text(bytes: Uint8Array, to: number, check?: MessageCheck): void {
    if (to <= this.#at) return;
    check?.text(bytes.subarray(this.#at, to));
    this.#octets += to - this.#at;
    this.#last = bytes[to - 1]!;
    this.#at = to;
  }

  /** The offset of the CR that ends the line at hand; -1 if it is not there yet. */
  #lineEnd(): number {
    const at = this.#bytes.subarray(0, this.#end).indexOf(LF, this.#at);
    if (at < 0) {
      if (this.#end - this.#at > MOST_LINE) throw new ProtocolFault("a line is too long");
      return -1;
    }
    if (at === this.#at || this.#bytes[at - 1] !== CR) {
      throw new ProtocolFault("a line does not end in CRLF");
    }
    return at - 1;
  }
}

/** Bytes as text, one character a byte. */
export function text(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

/** The decimal number that fills `bytes[from, to)`. */
export function decimal(bytes: Uint8Array, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) throw new ProtocolFault(`"${text(bytes, from, to)}" is no number`);
    number = number * 10 + digit;
  }
  return number;
}
