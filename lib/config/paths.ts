/**
 * Paths in the config: the tokens in them, and the folder that relative ones
 * start from.
 *
 * @module
 */
import { isAbsolute, posix, win32 } from "node:path";
import { type ReadContext, Refusal, type ValueType } from "./schema_kit.ts";

/** In the order in which they may build on each other. */
const ANCHORS: readonly Anchor[] = ["DIRTOP", "DIRCONF", "DIRVAR", "DIRLOG", "DIRTMP"];
/** A token of the folders that `[paths]` sets. */
export type Anchor = "DIRTOP" | "DIRCONF" | "DIRVAR" | "DIRLOG" | "DIRTMP";

const TIMES = ["DT", "Y", "M", "D", "h", "m", "s"];

/** A file that must be there and readable. */
export const existingFile: ValueType<string> = {
  ...path("the path of a file that is there", []),
  exists: "file",
};
/** A folder that is created as needed. */
export const folder: ValueType<string> = {
  ...path("the path of a folder", []),
  exists: "folder if there",
};
/** A folder with a place for the recipient in its name. */
export const recipientFolder: ValueType<string> = path("the path of a folder", ["U"]);
/** A file name with places for the time. */
export const logTemplate: ValueType<string> = path("the path of a file", TIMES);

/** A folder of `[paths]`, which later paths name by a token. */
export function anchor(token: Anchor): ValueType<string> {
  const before = ANCHORS.slice(0, ANCHORS.indexOf(token));
  return {
    ...path("the path of a folder", []),
    allowed: before.length === 0
      ? "the path of a folder; no token may stand in it"
      : `the path of a folder; the tokens ${
        before.map((name) => `%${name}%`).join(", ")
      } may stand in it`,
    parse(raw, context) {
      const value = expand(raw, context, before);
      context.tokens.set(token, value);
      return value;
    },
  };
}

/** A path below a folder that is not known here: it may neither leave that folder nor be absolute. */
export const innerPath: ValueType<string> = {
  name: "path",
  allowed: 'a relative path without "..", such as "Maildir"',
  parse(raw) {
    if (typeof raw !== "string" || raw.trim() === "" || hasControl(raw)) throw new Refusal();
    if (isAbsolute(raw) || win32.isAbsolute(raw) || raw.split(/[/\\]/).includes("..")) {
      throw new Refusal();
    }
    return raw;
  },
  show: (value) => JSON.stringify(value),
};

function path(allowed: string, further: readonly string[]): ValueType<string> {
  return {
    name: "path",
    allowed,
    parse: (raw, context) => expand(raw, context, [...ANCHORS, ...further]),
    show: (value) => JSON.stringify(value),
  };
}

/** Replaces the tokens of folders, leaves others that are allowed, and makes the path absolute. */
function expand(raw: unknown, context: ReadContext, allowed: readonly string[]): string {
  if (typeof raw !== "string" || raw.trim() === "") throw new Refusal();
  if (hasControl(raw)) throw new Refusal("contains a line break or NUL");
  const expanded = raw.replace(/%([A-Za-z]+)%/g, (whole, name: string) => {
    if (!allowed.includes(name)) {
      const known = allowed.map((token) => `%${token}%`).join(", ");
      throw new Refusal(
        `contains ${whole}, which means nothing here` +
          (known === "" ? "; no token may stand here" : `; the tokens that do are ${known}`),
      );
    }
    return context.tokens.get(name) ?? whole;
  });
  const style = context.windows ? win32 : posix;
  return style.resolve(context.folder, expanded);
}

function hasControl(raw: string): boolean {
  return /[\r\n\0]/.test(raw);
}
