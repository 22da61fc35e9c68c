import assert from "node:assert/strict";
import { parse } from "@std/toml";
import type { Field, Fields, ReadContext } from "../../lib/config/schema_kit.ts";
import { schema } from "../../lib/config/schema.ts";
import { settingsPage } from "../../lib/config/settings_page.ts";

const page = await Deno.readTextFile(new URL("../../docs/settings.md", import.meta.url));

/** Calls `visit` for every field of the schema, with its path. */
function walk(fields: Fields, path: string, visit: (path: string, field: Field) => void): void {
  for (const [key, field] of Object.entries<Field>(fields)) {
    const inner = path === "" ? key : `${path}.${key}`;
    visit(inner, field);
    if (field.kind !== "setting") walk(field.fields, inner, visit);
  }
}

Deno.test("docs/settings.md is what the schema says (else run scripts/settings_doc.ts)", () => {
  assert.equal(page, settingsPage());
});

Deno.test("settingsPage() has every setting and every section", () => {
  walk(schema, "", (path, field) => {
    const key = path.split(".").at(-1)!;
    const plain = field.kind === "section" && field.plain !== undefined;
    if (field.kind === "setting" || plain) assert.ok(page.includes(`| \`${key}\` |`), path);
    else assert.ok(page.includes(`\`[${path}]\``) || page.includes(`\`[[${path}]]\``), path);
  });
});

Deno.test("every example in the schema is TOML that its setting takes", () => {
  walk(schema, "", (path, field) => {
    if (field.kind !== "setting") return;
    const context: ReadContext = {
      folder: "/f",
      tokens: new Map(),
      hostname: "h",
      windows: false,
      workers: 1,
    };
    const { value } = parse(`value = ${field.about.example}`);
    assert.doesNotThrow(() => field.type.parse(value, context), path);
  });
});

Deno.test("every meaning in the schema is made of sentences", () => {
  walk(schema, "", (path, field) => {
    const { meaning } = field.kind === "setting" ? field.about : field;
    assert.match(meaning, /^[A-Z`].*\.$/, path);
  });
});

Deno.test("the tables of the page are regular", () => {
  for (const row of page.split("\n").filter((line) => line.startsWith("|"))) {
    const cells = row.replaceAll("\\|", "").split("|").length - 2;
    assert.ok(cells === 6 || cells === 2, row);
  }
});
