import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path/posix";

const root = new URL("../", import.meta.url);

/**
 * What each folder of lib may import of the others, as ARCHITECTURE.md draws it. The files that lie
 * in lib itself are open to all.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  wire: [],
  log: ["wire"],
  auth: ["wire"],
  transport: ["wire"],
  maildir: ["wire"],
  directory: ["auth", "wire"],
  config: ["directory", "auth", "transport", "log", "wire"],
  server: ["maildir", "auth", "transport", "log", "wire"],
  retriever: ["directory", "maildir", "auth", "transport", "log", "wire"],
};
MAY_IMPORT["supervisor"] = Object.keys(MAY_IMPORT);
const BELOW_CLI = Object.keys(MAY_IMPORT);
MAY_IMPORT["import"] = ["config"];
MAY_IMPORT["init"] = ["config", "directory", "auth", "wire"];
MAY_IMPORT["demo"] = BELOW_CLI;
MAY_IMPORT["cli"] = [...BELOW_CLI, "import", "init", "demo"];

const IMPORT = /\b(?:from|import|new URL\()\s*\(?"(\.[^"]+\.ts)"/g;

/** The sources of a folder of lib, by path. */
async function sources(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { name } of Deno.readDir(new URL(`lib/${folder}`, root))) {
    const path = `lib/${folder}/${name}`;
    found.set(path, await Deno.readTextFile(new URL(path, root)));
  }
  return found;
}

Deno.test("imports point down only", async () => {
  const wrong: string[] = [];
  let count = 0;
  for await (const { name: folder, isDirectory } of Deno.readDir(new URL("lib", root))) {
    if (!isDirectory) continue;
    const allowed = MAY_IMPORT[folder];
    assert.ok(allowed, `lib/${folder} has no place in the map`);
    for (const [path, text] of await sources(folder)) {
      for (const [, specifier] of text.matchAll(IMPORT)) {
        const [, to, ...rest] = normalize(join(dirname(path), specifier!)).split("/");
        count++;
        if (rest.length > 0 && to !== folder && !allowed.includes(to!)) {
          wrong.push(`${path} imports ${specifier}`);
        }
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(count > 500, `only ${count} imports were found`);
});
