import assert from "node:assert/strict";
import { loadConfig } from "../lib/config/config.ts";

const root = new URL("../", import.meta.url);

/** What an example may leave to the one before it. */
const BASE = '[directory]\nusers = "%DIRCONF%/users"\n[message_store]\n';

/** The pages that describe the program, and `docs/` with its own. */
async function pages(): Promise<Map<string, string>> {
  const names = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md"];
  for await (const { name } of Deno.readDir(new URL("docs", root))) names.push(`docs/${name}`);
  const found = new Map<string, string>();
  for (const name of names) found.set(name, await Deno.readTextFile(new URL(name, root)));
  return found;
}

/** All files of the program, its tests and its tools, by path. */
async function sources(): Promise<string[]> {
  const found: string[] = [];
  const folders = ["lib", "tests", "scripts", "docs"];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
      if (isDirectory) folders.push(`${folder}/${name}`);
      else found.push(`${folder}/${name}`);
    }
  }
  return found;
}

Deno.test("README.md shows configs that are right", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", root));
  const toml = [...readme.matchAll(/^```toml\n(.*?)^```/gms)].map(([, text]) => text!);
  const tour = [...readme.matchAll(/^cat > \S+config\.toml <<'END'\n(.*?)^END$/gms)]
    .map(([, text]) => text!);
  assert.ok(toml.length > 4 && tour.length === 1);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/conf/tokens`, { recursive: true });
    for (const name of ["users", "anna.password", "tokens/anna-outlook.refresh"]) {
      await Deno.writeTextFile(`${folder}/conf/${name}`, "anna\n", { mode: 0o600 });
    }
    for (const example of [...toml, ...tour]) {
      const file = `${folder}/config.toml`;
      const whole = /\[(directory|pop3download)\]/.test(example) ? example : BASE + example;
      await Deno.writeTextFile(file, whole);
      const { problems, warnings } = await loadConfig(file);
      const others = problems.filter(({ message }) =>
        !/^"\/etc\/letsencrypt\/\S+" is not there/.test(message)
      );
      assert.deepEqual([...others, ...warnings], [], example);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("README.md and its companions name files that are there", async () => {
  const files = await sources();
  // Code is named by its path, by its folder, or where the folder is clear by its file alone.
  const isThere = (path: string): boolean => {
    const start = path.replace(/\/$/, "").replace(/\*.*$/, "");
    return files.some((file) =>
      file === path || file.startsWith(path.includes("*") ? start : `${start}/`) ||
      (!path.includes("/") && file.endsWith(`/${path}`))
    );
  };
  for (const [page, text] of await pages()) {
    const links = [...text.matchAll(/\]\(([^):#]+)[)#]/g)].map(([, link]) => link!);
    for (const link of links) {
      const url = new URL(link, new URL(page, root));
      await assert.doesNotReject(Deno.stat(url), `${page} links to ${link}`);
    }
    const named = [
      ...text.matchAll(/`((?:lib|tests|scripts|docs)\/[^`\s]+|[a-z0-9_]+\.ts)`/g),
      ...text.matchAll(/(?<![\w/])(lib\/[a-z_]+)(?!\w|\.ts)/g),
    ].map(([, path]) => path!);
    for (const path of named) assert.ok(isThere(path), `${page} names ${path}`);
  }
});
