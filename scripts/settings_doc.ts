/**
 * Writes docs/settings.md from the config's schema; with `--check` only tells
 * whether it is up to date, by its exit status.
 *
 * @module
 */
import { ensureDir } from "@std/fs/ensure-dir";
import { settingsPage } from "../lib/config/settings_page.ts";

const page = new URL("../docs/settings.md", import.meta.url);

async function isCurrent(): Promise<boolean> {
  try {
    return await Deno.readTextFile(page) === settingsPage();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) {
  if (!Deno.args.includes("--check")) {
    await ensureDir(new URL(".", page));
    await Deno.writeTextFile(page, settingsPage());
  } else if (!await isCurrent()) {
    await Deno.stderr.write(new TextEncoder().encode(
      "docs/settings.md is not what the config's schema says: run scripts/settings_doc.ts\n",
    ));
    Deno.exit(1);
  }
}
