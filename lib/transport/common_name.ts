/**
 * The Common Name of an X.509 certificate, read from the DER encoding itself: textual forms of a
 * subject can be made to show a name that is not there (a line break inside another attribute).
 *
 * @module
 */

import { decodeText, latin1 } from "../wire/text.ts";

const SEQUENCE = 0x30;
const SET = 0x31;
const OBJECT_IDENTIFIER = 0x06;
const EXPLICIT_VERSION = 0xa0;
const UTF8_STRING = 0x0c;
/** PrintableString, TeletexString and IA5String: taken if plain ASCII. */
const ASCII_STRINGS = [0x13, 0x14, 0x16];
/** id-at-commonName, 2.5.4.3 (RFC 5280 appendix A). */
const COMMON_NAME = "\x55\x04\x03";

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/**
 * The Common Name, if the subject has exactly one and it is plain text: a second one, control
 * characters (NUL above all) and outdated encodings make it none.
 *
 * @param certificate the certificate in DER
 */
export function commonNameOf(certificate: Uint8Array): string | undefined {
  try {
    const names = [...subjectAttributes(certificate)];
    return names.length === 1 ? plainText(names[0]!) : undefined;
  } catch {
    return undefined;
  }
}

/** The values of all Common Names: Certificate, TBSCertificate, subject (RFC 5280 section 4.1). */
function* subjectAttributes(certificate: Uint8Array): Generator<Element> {
  const whole = children(certificate, SEQUENCE)[0]!;
  const signed = elements(elements(whole.content)[0]!.content);
  const at = signed[0]?.tag === EXPLICIT_VERSION ? 5 : 4;
  const subject = signed[at];
  if (subject?.tag !== SEQUENCE) throw new RangeError("No subject where one should be");
  for (const set of children(subject.content, SET)) {
    for (const attribute of children(set.content, SEQUENCE)) {
      const [type, value] = elements(attribute.content);
      if (type?.tag === OBJECT_IDENTIFIER && latin1(type.content) === COMMON_NAME && value) {
        yield value;
      }
    }
  }
}

function plainText(value: Element): string | undefined {
  let text: string | undefined;
  if (value.tag === UTF8_STRING) text = decodeText(value.content);
  else if (ASCII_STRINGS.includes(value.tag)) text = latin1(value.content);
  if (text === undefined || text === "") return undefined;
  if (value.tag !== UTF8_STRING && /[^\x20-\x7e]/.test(text)) return undefined;
  return /\p{C}/u.test(text) ? undefined : text;
}

function children(bytes: Uint8Array, tag: number): Element[] {
  const found = elements(bytes);
  if (found.some((element) => element.tag !== tag)) throw new RangeError("Unexpected DER tag");
  return found;
}

/** The elements that follow each other in `bytes`, which they must fill. */
function elements(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at]!;
    let length = bytes[at + 1] ?? Infinity;
    at += 2;
    if (length & 0x80) {
      const wide = length & 0x7f;
      if (wide === 0 || wide > 3) throw new RangeError("Unsupported DER length");
      length = 0;
      for (let i = 0; i < wide; i++) length = length * 256 + (bytes[at++] ?? Infinity);
    }
    if (at + length > bytes.length) throw new RangeError("DER element beyond its container");
    found.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}
