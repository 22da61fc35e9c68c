/**
 * Every folder of tests/bad_configs holds a config with something wrong in it
 * and, in expected.txt, exactly what is said about it. There `<folder>` stands
 * for the folder of the case and `<tests>` for that of all tests.
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { formatProblems, loadConfig } from "../../lib/config/config.ts";

const tests = dirname(dirname(fileURLToPath(import.meta.url)));
const cases = `${tests}/bad_configs`;

async function said(folder: string): Promise<string> {
  const file = `${folder}/config.toml`;
  const { config, problems } = await loadConfig(file, { env: () => undefined, hostname: "test" });
  assert.equal(config, undefined, "a config came of it");
  return formatProblems(file, problems)
    // Where exactly a syntax error lies, the parsers see differently.
    .replace(/Line \d+, column \d+, is not TOML( \(near \S+\))?/, "Line …, column …, is not TOML")
    .replaceAll(`${folder}/`, "<folder>/").replaceAll(`${tests}/`, "<tests>/");
}

for (const { name } of [...Deno.readDirSync(cases)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  Deno.test(`loadConfig() rejects ${name.replaceAll("_", " ")}`, async () => {
    assert.equal(
      await said(`${cases}/${name}`),
      await Deno.readTextFile(`${cases}/${name}/expected.txt`),
    );
  });
}
