/**
 * Folders in which the worker threads may write, and what had better not lie in them.
 *
 * @module
 */
import { dirname, relative } from "node:path";
import type { Schema } from "./schema.ts";
import type { Fields } from "./schema_kit.ts";
import { Table } from "./table.ts";

/** A file that decides what the program does, or that holds secrets. */
interface Guarded {
  readonly path: string;
  /** What names it. */
  readonly setting: string;
}

/**
 * Warns of files of the configuration in folders where mail or tokens are written: threads that
 * speak with strangers are given these folders, and no other files, to confine what a fault in
 * them could do.
 *
 * @param file the config file's path
 */
export function warnOfWritable(root: Table<Schema>, file: string): void {
  const guarded: Guarded[] = [{ path: file, setting: "the config file" }, ...filesOf(root)];
  warn(root.get("message_store"), "userpath", (path) => path, guarded);
  // The retriever has the passwords of its clients in any case.
  const others = guarded.filter(({ setting }) => !setting.startsWith("pop3download."));
  for (const client of root.get("pop3download")?.get("clients") ?? []) {
    warn(client, "downloads_directory", (path) => path.replace(/%U%.*$/, ""), others);
    warn(client.get("server")?.get("oauth2"), "refresh_token_file", dirname, others);
  }
}

function warn<F extends Fields, K extends keyof F & string>(
  table: Table<F> | undefined,
  key: K,
  folderOf: (path: string) => string,
  guarded: readonly Guarded[],
): void {
  const path: unknown = table?.get(key);
  if (table === undefined || typeof path !== "string") return;
  const folder = folderOf(path);
  const inside = guarded.find((one) => one.path !== path && isBelow(one.path, folder));
  if (inside === undefined) return;
  table.warn(
    key,
    `lets worker threads write in ${folder}, where ${inside.path} (${inside.setting}) lies too: ` +
      "give it a folder of its own",
  );
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== "" && !/^(?:\.\.(?:[/\\]|$)|[/\\]|[A-Za-z]:)/.test(way);
}

/** The files that must be there for the program to start. */
function filesOf(table: Table<Fields>): Guarded[] {
  return Object.entries(table.fields).flatMap(([key, field]): Guarded[] => {
    const value: unknown = table.get(key);
    if (field.kind === "setting") {
      return field.type.exists === "file" && typeof value === "string"
        ? [{ path: value, setting: table.pathOf(key) }]
        : [];
    }
    const inner = value instanceof Table ? [value] : Array.isArray(value) ? value : [];
    return inner.flatMap((each: Table<Fields>) => filesOf(each));
  });
}
