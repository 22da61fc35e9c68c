/** Whatever a config holds, loading it gives a config or problems, and never throws. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatProblems } from "../../lib/config/config.ts";
import { schema } from "../../lib/config/schema.ts";
import type { Field, Fields } from "../../lib/config/schema_kit.ts";
import { loadText, USERS } from "./load_text.ts";

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

Deno.test("loadConfig() survives any config", async () => {
  await fc.assert(
    fc.asyncProperty(tableOf(schema), async (tables) => {
      const text = Object.entries(tables).map(([key, value]) => `${key} = ${toml(value)}\n`).join(
        "",
      );
      const { config, problems } = await loadText(text, USERS, { env: () => "secret" });
      assert.equal(config === undefined, problems.length > 0);
      assert.ok(!formatProblems("f", problems).includes("undefined"), text);
    }),
    { numRuns: 150 },
  );
});
