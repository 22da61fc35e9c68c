/**
 * What the settings must be to each other and to the files that they name.
 *
 * @module
 */
import { checkClients } from "./checks_client.ts";
import { warnOfWritable } from "./checks_folders.ts";
import { checkServer } from "./checks_server.ts";
import { checkDirectory } from "./directory_check.ts";
import type { Links } from "./links.ts";
import type { Secrets } from "./resolve.ts";
import type { Schema } from "./schema.ts";
import type { Fields } from "./schema_kit.ts";
import { openToOthers, type Reading, Table } from "./table.ts";

/**
 * Checks all tables; what is wrong goes to the reading's problems and warnings.
 *
 * @param file the config file's path
 * @param env looks up an environment variable
 * @returns the passwords that stand outside the file
 */
export async function checkTables(
  root: Table<Schema>,
  links: Links,
  file: string,
  env: (name: string) => string | undefined,
  reading: Reading,
): Promise<Secrets> {
  const directory = await checkDirectory(root);
  checkMarks(root);
  checkServer(root, links);
  const secrets = checkClients(root, directory, env);
  warnOfWritable(root, file);
  const secret = firstSecret(root);
  if (secret !== undefined && openToOthers(file)) {
    const message = "stands in the config file, which every user of this machine can read";
    reading.warnings.push({ path: secret, message });
  }
  return secrets;
}

/** A name's flags are found by the two marks, which must therefore differ. */
function checkMarks(root: Table<Schema>): void {
  const store = root.get("message_store");
  if (store === undefined || store.get("filename_colon") !== store.get("filename_comma")) return;
  store.wrong(
    store.given("filename_comma") ? "filename_comma" : "filename_colon",
    "is not allowed; filename_colon and filename_comma must be different characters",
  );
}

/** The path of the first secret that the file gives. */
function firstSecret(table: Table<Fields>): string | undefined {
  for (const [key, field] of Object.entries(table.fields)) {
    const value: unknown = table.get(key);
    if (field.kind === "setting") {
      if (field.about.secret && table.given(key)) return table.pathOf(key);
      continue;
    }
    const inner = value instanceof Table ? [value] : Array.isArray(value) ? value : [];
    for (const each of inner) {
      const found = firstSecret(each);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
