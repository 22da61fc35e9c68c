/**
 * The directory's files, read once at the start.
 *
 * @module
 */
import type { Schema } from "./schema.ts";
import type { Table } from "./table.ts";
import { decodeText } from "../wire/text.ts";

/**
 * The names of the local users. What is wrong with the directory's files is a
 * problem of the keys that name them.
 *
 * @returns undefined if there is no users file that can be read
 */
export function readLocalUsers(root: Table<Schema>): Promise<ReadonlySet<string> | undefined> {
  const path = root.get("directory")?.get("users");
  let text: string | undefined;
  try {
    text = path === undefined ? undefined : decodeText(Deno.readFileSync(path));
  } catch {
    return Promise.resolve(undefined);
  }
  if (text === undefined) return Promise.resolve(undefined);
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => !/^(#|$)/.test(line));
  return Promise.resolve(new Set(lines.map((line) => line.split(":")[0]!.trim())));
}
