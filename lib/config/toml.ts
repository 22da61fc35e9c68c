/**
 * Reading the config file: its bytes, its text, its tables. Both TOML parsers
 * that the program is built with end here in the same sentences.
 *
 * @module
 */
import { parse } from "@std/toml";
import { decodeText } from "../wire/text.ts";
import type { RawTable } from "./table.ts";

/** The file's tables, or why there are none, as a sentence. */
export type TomlResult = { readonly tables: RawTable } | { readonly fault: string };

/** Reads the config file at `path`. */
export function readToml(path: string): TomlResult {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    return { fault: unreadable(error) };
  }
  const text = decodeText(bytes);
  if (text === undefined) {
    return {
      fault: `Line ${firstBadLine(bytes)} is not UTF-8: save the file in that encoding`,
    };
  }
  return parseToml(text.replace(/^\ufeff/, ""));
}

/** The tables of a TOML text. */
export function parseToml(text: string): TomlResult {
  try {
    return { tables: parse(text) as RawTable };
  } catch (error) {
    return { fault: describeSyntaxError(error, text) };
  }
}

function unreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) {
    return "There is no such file: name another with --config, or copy the config.toml of the distribution";
  }
  if (error instanceof Deno.errors.IsADirectory || /directory/i.test((error as Error).message)) {
    return "This is a folder: name the file in it";
  }
  return `The file cannot be read: ${(error as Error).message}`;
}

function firstBadLine(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(10, start);
    const stop = end < 0 ? bytes.length : end;
    if (decodeText(bytes.subarray(start, stop)) === undefined) break;
    start = stop + 1;
  }
  return line;
}

/**
 * A sentence on a TOML parser's error. npm's parser gives the position as
 * properties, Deno's in the text; neither's words are repeated, since they
 * differ and may quote a password.
 */
export function describeSyntaxError(error: unknown, text: string): string {
  const { line, column, message } = error as { line?: number; column?: number; message: string };
  const inText = /line (\d+), column (\d+)/.exec(message);
  const row = line ?? Number(inText?.[1] ?? 0);
  const place = row === 0
    ? "The file"
    : `Line ${row}, column ${Math.max(1, column ?? Number(inText?.[2]))},`;
  const key = /^\s*(\[{0,2}[\w."'-]+\]{0,2})\s*=?/.exec(text.split("\n")[row - 1] ?? "")?.[1];
  const near = key === undefined ? "" : ` (near ${key})`;
  if (/redefin|already|unexpected assign/i.test(message)) {
    return `${place} gives a key or a table a second time${near}: leave one of the two`;
  }
  return `${place} is not TOML${near}: a text stands in quotation marks, ` +
    `a line holds one "key = value", and a table opens with [name] or [[name]]`;
}
