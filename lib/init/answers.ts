/**
 * What single answers must be.
 *
 * @module
 */
import { resolve } from "node:path";
import { MAX_PASSWORD } from "../auth/authenticator.ts";
import { Refusal, type ValueType } from "../config/schema_kit.ts";
import { address, duration, host, integer } from "../config/value_types.ts";
import { newUserNameFault } from "../directory/users_edit.ts";
import { EXIT_USAGE, reasonOf, UserError } from "../errors.ts";
import { decodeText, encodeText } from "../wire/text.ts";

function wrong(message: string): UserError {
  return new UserError(message, EXIT_USAGE);
}

function asSetting<T>(type: ValueType<T>, answer: unknown): T {
  try {
    return type.parse(answer, {
      folder: "/",
      tokens: new Map(),
      hostname: "localhost",
      windows: Deno.build.os === "windows",
      workers: 1,
    });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw wrong(
      `${JSON.stringify(answer)} ${error.message || `is not allowed; it takes ${type.allowed}`}`,
    );
  }
}

/** Yes or no. */
export function yesNo(answer: string): boolean {
  if (/^y(es)?$/i.test(answer)) return true;
  if (/^no?$/i.test(answer)) return false;
  throw wrong(`${JSON.stringify(answer)} is neither yes nor no`);
}

/** A port. */
export function portNumber(answer: string): number {
  return asSetting(integer(1, 65535), /^\d{1,5}$/.test(answer) ? Number(answer) : answer);
}

/** A host name or an IP address. */
export function hostName(answer: string): string {
  return asSetting(host, answer);
}

/** An address to listen on; undefined for all. */
export function listenAddress(answer: string): string | undefined {
  return answer.toLowerCase() === "all" ? undefined : hostName(answer);
}

/** A host with or without a port, as it was written. */
export function hostAndPort(answer: string): string {
  asSetting(address, answer);
  return answer;
}

/** A duration, as it was written. */
export function timeBetween(answer: string): string {
  asSetting(duration({ zero: true }), answer);
  return answer;
}

/** A name for a local user. */
export function userName(answer: string): string {
  const fault = newUserNameFault(answer);
  if (fault !== undefined) throw wrong(`${JSON.stringify(answer)} cannot be a user: ${fault}`);
  return answer;
}

/** A text of one line that is not empty. */
export function oneLine(answer: string): string {
  if (answer === "") throw wrong("An answer is needed");
  if (/\p{Cc}/u.test(answer)) throw wrong("It holds a control character");
  return answer;
}

/** An address or a bare user, for an envelope. */
export function mailAddress(answer: string): string {
  if (/^[^\s<>\p{Cc}]+$/u.test(answer)) return answer;
  throw wrong(`${JSON.stringify(answer)} is no address such as anna@example.org`);
}

/** A client's id; it becomes part of file names. */
export function clientId(answer: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/.test(answer)) return answer;
  throw wrong(`${JSON.stringify(answer)} is no id: it takes letters, digits and . _ @ + -`);
}

/** A password. */
export function password(answer: string): string {
  if (answer === "") throw wrong("A password is needed");
  if (encodeText(answer).length > MAX_PASSWORD) {
    throw wrong(`The password is too long: at most ${MAX_PASSWORD} octets`);
  }
  if (/[\0\r\n]/.test(answer)) throw wrong("The password holds a line break or a NUL");
  return answer;
}

/** A token; providers' are far longer than passwords. */
export function token(answer: string): string {
  const trimmed = answer.trim();
  if (/^[\x21-\x7e]{1,65536}$/.test(trimmed)) return trimmed;
  throw wrong("This is no token: it takes one line of letters, digits and signs without spaces");
}

/** A file that is there, as an absolute path. */
export async function presentFile(answer: string): Promise<string> {
  if (answer === "") throw wrong("The path of a file is needed");
  const path = resolve(answer);
  try {
    if ((await Deno.stat(path)).isFile) return path;
  } catch (error) {
    throw wrong(`Cannot find the file "${path}": ${reasonOf(error)}`);
  }
  throw wrong(`"${path}" is no file`);
}

/** The first line of a file, for `use` to look at. */
export async function secretOf<T>(file: string, use: (line: string) => T): Promise<T> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(file);
  } catch (error) {
    throw wrong(`Cannot read "${file}": ${reasonOf(error)}`);
  }
  const text = decodeText(bytes);
  if (text === undefined) throw wrong(`"${file}" is not UTF-8 text`);
  const line = /^[^\n]*/.exec(text)![0].replace(/\r$/, "");
  if (line === "") throw wrong(`The first line of "${file}" is empty`);
  return use(line);
}
