/**
 * Loads a config from a text.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  type Config,
  loadConfig,
  type LoadOptions,
  type LoadResult,
} from "../../lib/config/config.ts";

/** Files beside the config, by name. */
export type Files = Readonly<Record<string, string>>;

/** A directory and a store, as most configs need them; goes with the file `users`. */
export const STORE = '[directory]\nusers = "users"\n\n[message_store]\n\n';
/** A users file. */
export const USERS: Files = { users: "anna\nbert\n" };

/** Loads a config of this text from a folder with these files, which is gone afterwards. */
export async function loadText(
  text: string,
  files: Files = USERS,
  options: LoadOptions = {},
): Promise<LoadResult & { folder: string }> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "config-" }));
  try {
    for (const [name, content] of Object.entries({ ...files, "config.toml": text })) {
      await Deno.writeTextFile(`${folder}/${name}`, content, { mode: 0o600 });
    }
    const result = await loadConfig(`${folder}/config.toml`, { hostname: "here", ...options });
    return { ...result, folder };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The config of a text in which nothing is wrong. */
export async function configOf(
  text: string,
  files: Files = USERS,
  options: LoadOptions = {},
): Promise<Config> {
  const { config, problems } = await loadText(text, files, options);
  assert.deepEqual(problems, []);
  return config!;
}
