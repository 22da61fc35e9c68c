/**
 * Changes to a users file's text that leave its other lines as they are.
 *
 * @module
 */
import { trim } from "./text_file.ts";
import { splitUserLine, userNameFault } from "./users_file.ts";

/** Where a user stands in a users file's text. */
export interface UserPlace {
  /** The line, from 1. */
  readonly line: number;
  /** What stands behind the first colon. */
  readonly password: string;
}

/** Why a user cannot be added by this name, as the end of a sentence; undefined if it can. */
export function newUserNameFault(name: string): string | undefined {
  if (name.includes(":")) return `it holds ":", which ends a name in the users file`;
  if (name.startsWith("#")) return `it begins with "#", which makes a line a comment`;
  if (trim(name) !== name) return "it begins or ends with white space";
  if (!name.isWellFormed() || name.startsWith("\uFEFF")) {
    return "it cannot be written as UTF-8 text";
  }
  return userNameFault(name);
}

/** All lines of a user: more than one is a fault of the file. */
export function findUser(text: string, name: string): UserPlace[] {
  const places: UserPlace[] = [];
  splitLines(text).forEach((line, index) => {
    const user = userOf(line);
    if (user?.name === name) places.push({ line: index + 1, password: user.password });
  });
  return places;
}

/** The text with a user's line at its end. */
export function appendUser(text: string, name: string, password: string): string {
  const end = text.endsWith("\r\n") ? "\r\n" : "\n";
  const start = text === "" || text === "\uFEFF" || text.endsWith("\n") ? text : text + "\n";
  return start + entry(name, password) + end;
}

/** The text with another password on a user's line. */
export function replaceUser(text: string, name: string, password: string): string {
  return mapUser(text, name, (line) => {
    const mark = line.startsWith("\uFEFF") ? "\uFEFF" : "";
    return mark + entry(name, password) + (/\r?\n$/.exec(line)?.[0] ?? "");
  });
}

/** The text without a user's lines. */
export function removeUser(text: string, name: string): string {
  return mapUser(text, name, (line) => line.startsWith("\uFEFF") ? "\uFEFF" : "");
}

function entry(name: string, password: string): string {
  return password === "" ? name : `${name}:${password}`;
}

function mapUser(text: string, name: string, change: (line: string) => string): string {
  return splitLines(text).map((line) => userOf(line)?.name === name ? change(line) : line).join("");
}

/** The lines with their line ends. */
function splitLines(text: string): string[] {
  return text.split(/(?<=\n)/);
}

function userOf(line: string): { name: string; password: string } | undefined {
  const text = trim(line.replace(/\n$/, "").replace(/^\uFEFF/, ""));
  return text === "" || text.startsWith("#") ? undefined : splitUserLine(text);
}
