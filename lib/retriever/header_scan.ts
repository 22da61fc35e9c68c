/**
 * The few header fields that the audit wants, picked from a message as it passes through.
 *
 * @module
 */
import { decodeText, latin1 } from "../wire/text.ts";

/** A header beyond this size, in octets, is not looked at further. */
const LONGEST_HEADER = 64 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** Gathers a message's header; the body costs nothing. */
export class HeaderScan {
  #text = "";
  #done = false;

  /** Looks at the message's next bytes, with LF or CRLF line ends. */
  add(bytes: Uint8Array): void {
    if (this.#done) return;
    const end = this.#endIn(bytes);
    this.#text += latin1(bytes.subarray(0, end < 0 ? LONGEST_HEADER : end));
    this.#done = end >= 0 || this.#text.length >= LONGEST_HEADER;
  }

  /** A field's value, unfolded; undefined if the message has no such field. */
  field(name: string): string | undefined {
    const match = new RegExp(`^${name}[ \\t]*:[ \\t]*(.*(?:\\r?\\n[ \\t].*)*)`, "im").exec(
      this.#text,
    );
    if (match === null) return undefined;
    const value = match[1]!.replaceAll(/\s*\r?\n\s*/g, " ").trim();
    return decodeText(Uint8Array.from(value, (octet) => octet.charCodeAt(0))) ?? value;
  }

  /** Where the header ends in `bytes`: at a line end that follows another; -1 if it does not. */
  #endIn(bytes: Uint8Array): number {
    let blank = this.#text === "" || this.#text.endsWith("\n");
    for (let at = 0; at < bytes.length;) {
      const lf = bytes.indexOf(LF, at);
      if (lf < 0) break;
      if (lf === at ? blank || at > 0 : lf === at + 1 && bytes[at] === CR && (blank || at > 0)) {
        return at;
      }
      at = lf + 1;
      blank = true;
    }
    return -1;
  }
}
