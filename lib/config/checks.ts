/**
 * What the settings must be to each other and to the files that they name.
 *
 * @module
 */
import { checkClients } from "./checks_client.ts";
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
  checkServer(root, links);
  const secrets = checkClients(root, directory, env);
  const secret = firstSecret(root);
  if (secret !== undefined && openToOthers(file)) {
    const message = "stands in the config file, which every user of this machine can read";
    reading.warnings.push({ path: secret, message });
  }
  return secrets;
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
