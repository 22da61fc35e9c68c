/**
 * Every setting with its value and where the value comes from.
 *
 * @module
 */
import type { Links } from "./links.ts";
import type { Fields } from "./schema_kit.ts";
import { Table } from "./table.ts";

/**
 * Where a setting's value comes from: `link` is the listener that `configlink`
 * names, `unset` a setting without a value.
 */
export type Source = "file" | "default" | "unset" | "link";

/** One setting as it is in effect. */
export interface EffectiveSetting {
  /** The table that it stands in, as its heading: `[log]`, `[[pop3server.listeners]]`. */
  readonly heading: string;
  /** Its key in that table. */
  readonly key: string;
  /** Its full path. */
  readonly path: string;
  /** The item that the path leads through, such as `listener "POP3"`. */
  readonly item?: string;
  /** Its value as TOML, secrets masked; empty if it has none. */
  readonly text: string;
  /** Where its value comes from. */
  readonly source: Source;
}

/** Lists the settings of all tables that there are, in the order of the schema. */
export function listSettings(root: Table<Fields>, links: Links): EffectiveSetting[] {
  const listed: EffectiveSetting[] = [];
  const list = (table: Table<Fields>, name: string, heading: string): void => {
    const nested: (() => void)[] = [];
    for (const [key, field] of Object.entries(table.fields)) {
      const inner = name === "" ? key : `${name}.${key}`;
      const value: unknown = table.get(key);
      if (field.kind === "setting") {
        const path = table.pathOf(key);
        const item = table.item === undefined ? {} : { item: table.item };
        const linked = links.repeats(path);
        listed.push({ heading, key, path, ...item, ...effect(table, key, linked) });
      } else if (value instanceof Table) {
        nested.push(() => list(value, inner, `[${inner}]`));
      } else if (Array.isArray(value)) {
        for (const item of value) nested.push(() => list(item, inner, `[[${inner}]]`));
      }
    }
    // TOML wants a table's own settings before the tables inside it.
    for (const work of nested) work();
  };
  list(root, "", "");
  return listed;
}

function effect(
  table: Table<Fields>,
  key: string,
  linked: boolean,
): Pick<EffectiveSetting, "text" | "source"> {
  const field = table.fields[key]!;
  const value: unknown = table.get(key);
  if (field.kind !== "setting" || value === undefined) {
    return { text: "", source: linked ? "link" : "unset" };
  }
  const source = linked ? "link" : table.given(key) ? "file" : "default";
  return { text: field.about.secret ? '"***"' : field.type.show(value), source };
}
