/**
 * From a line's bytes to a keyword and its arguments, without making strings on the way.
 *
 * @module
 */

import { decodeText, latin1 } from "../wire/text.ts";

const SPACE = 0x20;

/** The largest number that a command takes. */
const LARGEST = 0xffff_ffff;

/**
 * The number that stands for a keyword: the bytes of its letters, one behind the other.
 *
 * @param name three or four capital letters
 */
export function codeOf(name: string): number {
  let code = 0;
  for (let i = 0; i < name.length; i++) code = code * 256 + name.charCodeAt(i);
  return code;
}

/**
 * The code of the keyword that a line begins with, whatever its case; 0 if it is no word of three
 * or four letters (RFC 1939 section 3).
 */
export function keywordCode(line: Uint8Array): number {
  const length = keywordLength(line);
  if (length < 3 || length > 4) return 0;
  let code = 0;
  for (let i = 0; i < length; i++) {
    const capital = line[i]! & 0xdf;
    if (capital < 0x41 || capital > 0x5a) return 0;
    code = code * 256 + capital;
  }
  return code;
}

/** What stands behind the keyword and the one space that ends it, exactly as it was sent. */
export function argumentsOf(line: Uint8Array): Uint8Array {
  return line.subarray(keywordLength(line) + 1);
}

function keywordLength(line: Uint8Array): number {
  const at = line.indexOf(SPACE);
  return at < 0 ? line.length : at;
}

/** Whether there is nothing but spaces. */
export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === SPACE);
}

/** Octets as text: UTF-8 where they are that, else one character an octet. Never fails. */
export function textOf(bytes: Uint8Array): string {
  return decodeText(bytes) ?? latin1(bytes);
}

/** Why a number was not accepted. */
export type NumberFault =
  /** There is none. */
  | "missing"
  /** It begins with something else than a digit: a sign, a letter. */
  | "not a number"
  /** More than the protocol's implementations can count. */
  | "too large"
  /** Something follows that is no further argument. */
  | "noise";

/**
 * Reads exactly `count` decimal numbers, separated by spaces. Digits only: no sign, no fraction,
 * nothing behind them.
 */
export function parseNumbers(bytes: Uint8Array, count: number): number[] | NumberFault {
  const numbers: number[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    while (bytes[at] === SPACE) at++;
    if (at >= bytes.length) return "missing";
    if (!isDigit(bytes[at]!)) return "not a number";
    let value = 0;
    for (; at < bytes.length && isDigit(bytes[at]!); at++) {
      value = value * 10 + bytes[at]! - 0x30;
      if (value > LARGEST) return "too large";
    }
    if (at < bytes.length && bytes[at] !== SPACE) return "noise";
    numbers.push(value);
  }
  return isBlank(bytes.subarray(at)) ? numbers : "noise";
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
