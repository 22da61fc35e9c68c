/**
 * Reading the config file: its bytes, its text, its tables. Both TOML parsers
 * that the program is built with end here in the same sentences.
 *
 * @module
 */
import { parse } from "@std/toml";
import { decodeText, firstBadLine } from "../wire/text.ts";
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
  // Not every parser notices a repeated key.
  const repeated = repeatedKey(text);
  if (repeated !== undefined) {
    return {
      fault: `Line ${repeated.line}, column 1, gives ${repeated.key} a second time: ` +
        "leave one of the two",
    };
  }
  try {
    return { tables: parse(text) as RawTable };
  } catch (error) {
    return { fault: describeSyntaxError(error, text) };
  }
}

const KEY = String.raw`(?:[\w-]+|"[^"]*"|'[^']*')`;
const NAME = String.raw`(${KEY}(?:\s*\.\s*${KEY})*)`;
const PAIR = new RegExp(String.raw`^\s*${NAME}\s*=`);
const HEADING = new RegExp(String.raw`^\s*(\[\[?)\s*${NAME}\s*\]\]?\s*(?:#.*)?$`);

/** The first key or table that a text gives a second time. */
function repeatedKey(text: string): { line: number; key: string } | undefined {
  const items = new Map<string, number>();
  const seen = new Set<string>();
  // A table below an array belongs to the array's latest item.
  const qualified = (path: readonly string[]): string =>
    path.map((key, i) => `${key}#${items.get(path.slice(0, i + 1).join("\0")) ?? ""}`).join("\0");
  let table = "";
  let quotes: string | undefined;
  for (const [index, content] of text.split("\n").entries()) {
    const inText = quotes !== undefined;
    quotes = openQuotes(content, quotes);
    const heading = HEADING.exec(content);
    const name = heading?.[2] ?? PAIR.exec(content)?.[1];
    if (inText || name === undefined) continue;
    const bracket = heading?.[1];
    const path = [...name.matchAll(new RegExp(KEY, "g"))].map(([key]) =>
      key.replace(/^["']|["']$/g, "")
    );
    if (bracket === "[[") items.set(path.join("\0"), (items.get(path.join("\0")) ?? 0) + 1);
    if (bracket !== undefined) table = qualified(path);
    const whole = bracket === undefined ? `${table}\0=${path.join("\0")}` : table;
    if (seen.has(whole)) {
      return {
        line: index + 1,
        key: bracket === undefined ? `the key ${cutKey(name)}` : `[${cutKey(name)}]`,
      };
    }
    seen.add(whole);
  }
  return undefined;
}

/** So much of a key is shown. */
const KEY_SHOWN = 60;

/** The quotation marks of a text of several lines that is open at a line's end. */
function openQuotes(line: string, open: string | undefined): string | undefined {
  let quotes = open;
  if (open === undefined && line.trimStart().startsWith("#")) return undefined;
  for (const [mark] of line.matchAll(/"""|'''/g)) {
    if (quotes === undefined) quotes = mark;
    else if (quotes === mark) quotes = undefined;
  }
  return quotes;
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
  const near = key === undefined ? "" : ` (near ${cutKey(key)})`;
  return `${place} is not TOML${near}: a text stands in quotation marks, ` +
    `a line holds one "key = value", and a table opens with [name] or [[name]]`;
}

function cutKey(key: string): string {
  return key.length > KEY_SHOWN ? `${key.slice(0, KEY_SHOWN)}…` : key;
}
