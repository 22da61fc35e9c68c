/**
 * Text as POP3 carries it: octets. Commands and replies are read as UTF-8
 * where they are valid UTF-8 (passwords, RFC 5034 section 4), and written as UTF-8.
 *
 * @module
 */

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The UTF-8 octets of a text. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 octets, or undefined if they are not valid UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The number, from 1, of the first line that is not valid UTF-8; of the last if all are. */
export function firstBadLine(bytes: Uint8Array): number {
  let number = 1;
  let from = 0;
  while (true) {
    const to = bytes.indexOf(0x0a, from);
    if (to < 0 || decodeText(bytes.subarray(from, to)) === undefined) return number;
    from = to + 1;
    number++;
  }
}

/** Octets as a text of one character each (ISO 8859-1), for logs and keywords; never fails. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return text;
}
