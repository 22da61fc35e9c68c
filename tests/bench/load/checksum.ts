/**
 * A checksum that the benchmark's messages carry, so that a thorough run notices any changed byte.
 *
 * @module
 */
import { type MessageCheck, ProtocolFault } from "./reply_parser.ts";

const LF = 0x0a;
const CR = 0x0d;

/** The header that carries the checksum of the body in wire form. */
export const CHECKSUM_HEADER = "X-Checksum: ";

/** FNV-1a over bytes, 32 bits. */
export class Checksum {
  #state = 0x811c9dc5;

  /** Takes more bytes. */
  add(bytes: Uint8Array): void {
    let state = this.#state;
    for (let at = 0; at < bytes.length; at++) {
      state = Math.imul(state ^ bytes[at]!, 0x01000193);
    }
    this.#state = state;
  }

  /** Eight hexadecimal digits. */
  toString(): string {
    return (this.#state >>> 0).toString(16).padStart(8, "0");
  }
}

/** Checks that every line of a message ends in CRLF, and that the body fits its checksum. */
export class ThoroughCheck implements MessageCheck {
  #header = "";
  #inHeader = true;
  #checksum = new Checksum();
  #last = 0;

  /** See {@linkcode MessageCheck.text}. */
  text(bytes: Uint8Array): void {
    for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
      if ((at > 0 ? bytes[at - 1] : this.#last) !== CR) {
        throw new ProtocolFault("a line of a message does not end in CRLF");
      }
    }
    this.#last = bytes[bytes.length - 1]!;
    this.#inHeader ? this.#takeHeader(bytes) : this.#checksum.add(bytes);
  }

  /** See {@linkcode MessageCheck.end}. */
  end(): void {
    if (this.#last !== LF) throw new ProtocolFault("a message does not end in CRLF");
    const claimed = this.#header.split("\r\n").find((line) => line.startsWith(CHECKSUM_HEADER))
      ?.slice(CHECKSUM_HEADER.length);
    const actual = `${this.#checksum}`;
    if (claimed !== actual) {
      throw new ProtocolFault(`a message's checksum is ${actual}, it should be ${claimed}`);
    }
    this.#header = "";
    this.#inHeader = true;
    this.#checksum = new Checksum();
    this.#last = 0;
  }

  #takeHeader(bytes: Uint8Array): void {
    const before = this.#header.length;
    this.#header += new TextDecoder("latin1").decode(bytes);
    const end = this.#header.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0) return;
    this.#header = this.#header.slice(0, end);
    this.#inHeader = false;
    this.#checksum.add(bytes.subarray(end + 4 - before));
  }
}
