/** Whatever stands in a config, loading it gives a config or sentences for whoever wrote it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatProblems, loadConfig, type LoadResult } from "../../lib/config/config.ts";
import { schema } from "../../lib/config/schema.ts";
import type { Field, Fields } from "../../lib/config/schema_kit.ts";
import { bytesOf } from "../support/mailbox.ts";
import { TempFolder } from "../support/program.ts";
import { changed, changes } from "./input.ts";
import { holds } from "./property.ts";

/** A folder with the files that configs name. */
async function configFolder(): Promise<TempFolder> {
  const folder = await TempFolder.make();
  await Deno.writeTextFile(`${folder.path}/users`, "anna\nbert\n");
  return folder;
}

async function load(folder: TempFolder, config: Uint8Array): Promise<LoadResult> {
  const file = `${folder.path}/config.toml`;
  await Deno.writeFile(file, config);
  const result = await loadConfig(file, { hostname: "here", env: () => "secret" });
  assertSentences(file, result);
  return result;
}

/** What is wrong is told of the file, a line each, in words. */
function assertSentences(file: string, { config, problems, warnings }: LoadResult): void {
  assert.equal(config === undefined, problems.length > 0, "neither a config nor a problem");
  const text = formatProblems(file, [...problems, ...warnings]);
  const lines = text.trimEnd().split("\n");
  assert.equal(lines.length, 1 + problems.length + warnings.length, `not a line each: ${text}`);
  assert(lines[0]!.includes(file));
  for (const line of lines.slice(1)) {
    assert.doesNotMatch(line, /undefined|\[object|NaN|^\s+at |\p{Cc}|Error:/u);
    assert(line.length < 2000, `a line without measure: ${line.slice(0, 200)}`);
  }
}

// Configs of the right shape with wrong values ---------------------------------

const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
  fc.constantFrom("anna", "users", "all", "-", "1s", "8K", "a", "../x", "%U%", "%DIRVAR%/x", ""),
  fc.array(fc.string(), { maxLength: 2 }),
  fc.dictionary(fc.constantFrom("file", "enabled", "x y"), fc.boolean(), { maxKeys: 2 }),
  fc.array(fc.constant({}), { maxLength: 2 }),
);

function valueOf(field: Field): fc.Arbitrary<unknown> {
  if (field.kind === "setting") {
    return fc.oneof({ weight: 1, arbitrary: junk }, {
      weight: 3,
      arbitrary: fc.constant(field.about.example).map((toml) => ({ toml })),
    });
  }
  const table = tableOf(field.fields);
  const whole = field.kind === "section" ? table : fc.array(table, { maxLength: 3 });
  return fc.oneof({ weight: 1, arbitrary: junk }, { weight: 8, arbitrary: whole });
}

function tableOf(fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  const values = Object.entries(fields).map(([key, field]) => [key, valueOf(field)]);
  return fc.record(Object.fromEntries(values), { requiredKeys: [] });
}

/** A value as inline TOML. */
function toml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toml).join(", ")}]`;
  if (typeof value === "number") {
    return Number.isInteger(value) ? String(BigInt(value)) : value.toFixed(20);
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if ("toml" in value) return String(value.toml);
  const pairs = Object.entries(value).map(([key, inner]) =>
    `${JSON.stringify(key)} = ${toml(inner)}`
  );
  return `{ ${pairs.join(", ")} }`;
}

holds({
  name: "loadConfig() survives any values",
  runs: 150,
  input: tableOf(schema).map((tables) =>
    Object.entries(tables).map(([key, value]) => `${key} = ${toml(value)}\n`).join("")
  ),
  setup: configFolder,
  run: async (text, folder) => void await load(folder, new TextEncoder().encode(text)),
});

// Texts that are no config ------------------------------------------------------

/** The shipped config, and the broken ones of the tests. */
const TEXTS: readonly string[] = knownConfigs();

function knownConfigs(): string[] {
  const folder = new URL("../bad_configs/", import.meta.url);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => `${name}/config.toml`).sort();
  return [new URL("../../config.toml", import.meta.url), ...files.map((it) => new URL(it, folder))]
    .map((file) => latin1(Deno.readFileSync(file)));
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

const PIECES = [
  ...["\n", "\r\n", "\r", "\0", "=", " = ", "[", "]", "[[", "]]", "{", "}", '"', "'", '"""', "'''"],
  ...[
    ".",
    ",",
    "#",
    "\\",
    "\\u0000",
    "\\ud800",
    "\xff",
    "\xef\xbb\xbf",
    "\t",
    "1e999",
    "nan",
    "-0",
  ],
  ...["0x", "1979-05-27T07:32:00Z", "true", "%H%", "%U%", "%DIRVAR%", "__proto__", "constructor"],
  ...["[__proto__]\n", "__proto__.polluted = 1\n", "toString = 1\n", "[constructor.prototype]\n"],
  ...["a.".repeat(300), "[".repeat(3000), "x = " + "[".repeat(20_000), "x = " + "{a=".repeat(5000)],
  ...["x".repeat(5000), " ".repeat(20_000), '"' + "y".repeat(3000), "\n".repeat(3000)],
];

const text = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constantFrom(...TEXTS), changes(PIECES))
      .map(([config, list]) => changed(config, list)),
  },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map(join) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map(latin1) },
);

function join(pieces: readonly string[]): string {
  return pieces.join("");
}

holds({
  name: "loadConfig() survives any text, and says of one that is no TOML where it is not",
  runs: 250,
  input: text,
  setup: configFolder,
  run: async (config, folder) => {
    const { problems } = await load(folder, bytesOf(config));
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
    const [first] = problems;
    if (first === undefined || first.path !== "") return;
    const line = /^Line (\d+)\b/.exec(first.message)?.[1];
    if (line !== undefined) assert(Number(line) <= config.split("\n").length, first.message);
  },
});
