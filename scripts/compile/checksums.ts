/**
 * The check sums of the builds.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** Writes `SHA256SUMS` into a folder, for all builds in it, as `sha256sum --check` reads it. */
export async function writeChecksums(folder: string): Promise<void> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && name.startsWith("mailismus-") && !name.endsWith(".new")) names.push(name);
  }
  const lines: string[] = [];
  for (const name of names.sort()) {
    const bytes = await Deno.readFile(`${folder}/${name}`);
    lines.push(`${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`);
  }
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, lines.join(""));
}
