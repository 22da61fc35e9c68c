import type { Links } from "./links.ts";
import type { Secrets } from "./resolve.ts";
import type { Schema } from "./schema.ts";
import type { Reading, Table } from "./table.ts";

/** Checks what the settings mean together; returns the passwords found outside the file. */
export function checkTables(
  _root: Table<Schema>,
  _links: Links,
  _file: string,
  _env: (name: string) => string | undefined,
  _reading: Reading,
): Promise<Secrets> {
  return Promise.resolve(new Map());
}
