/**
 * Carrying single settings over, as the config's own schema declares them.
 *
 * @module
 */
import {
  type Fields,
  type ReadContext,
  Refusal,
  type Setting,
  type ValueType,
} from "../config/schema_kit.ts";
import { boolean } from "../config/value_types.ts";
import { type Found, type Source, yesOrNo } from "./source.ts";
import { tomlString, type TomlTable } from "../config/toml_text.ts";

/** Stands in for the place where the config will lie: only the form of a value is looked at. */
const CONTEXT: ReadContext = {
  folder: "/",
  tokens: new Map(["DIRTOP", "DIRCONF", "DIRVAR", "DIRLOG", "DIRTMP"].map((name) => [name, "/"])),
  hostname: "localhost",
  windows: Deno.build.os === "windows",
  workers: 1,
};

/** A value of the XML file as TOML, or a refusal. */
function tomlValue<T>(type: ValueType<T>, raw: string): string {
  const value = parse(type, raw);
  // A path is shown as it was read, without its tokens.
  return type.name === "path" ? tomlString(raw) : type.show(value);
}

function parse<T>(type: ValueType<T>, raw: string): T {
  const literal = (type as unknown) === boolean ? yesOrNo(raw) ?? raw : raw;
  try {
    return type.parse(literal, CONTEXT);
  } catch (error) {
    if (!(error instanceof Refusal) || !/^-?\d{1,15}$/.test(raw)) throw error;
    return type.parse(Number(raw), CONTEXT);
  }
}

/** Carries a setting over; one whose value is not allowed here is noted and left out. */
export function carryValue(
  source: Source,
  table: TomlTable,
  fields: Fields,
  key: string,
  found: Found | undefined,
): boolean {
  if (found === undefined) return false;
  const text = valueText(source, fields, key, found);
  if (text !== undefined) table.set(key, text);
  return text !== undefined;
}

function valueText(
  source: Source,
  fields: Fields,
  key: string,
  found: Found,
): string | undefined {
  const field = fields[key] as Setting<unknown, boolean>;
  try {
    return tomlValue(field.type, found.value);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const shown = field.about.secret ? "its value" : JSON.stringify(found.value);
    source.note(
      found,
      `${shown} ${error.message || `is not allowed here; "${key}" takes ${field.type.allowed}`}`,
    );
    return undefined;
  }
}

/** Whether a setting's value is there, and allowed here. */
export function isUsable(fields: Fields, key: string, found: Found | undefined): boolean {
  if (found === undefined) return false;
  try {
    tomlValue((fields[key] as Setting<unknown, boolean>).type, found.value);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** Carries settings over that have the same name in both, in this order. */
export function carryAll(
  source: Source,
  table: TomlTable,
  fields: Fields,
  keys: readonly string[],
): void {
  for (const key of keys) carryValue(source, table, fields, key, source.value(key));
}

/** The settings of a log file that the XML file has as attributes. */
const LOG_ATTRIBUTES = ["rot", "maxfile", "buffer", "flush"] as const;

/** Carries a log file over: its path, or a table if it has attributes. */
export function carryLogFile(source: Source, table: TomlTable, fields: Fields, key: string): void {
  const field = fields[key];
  if (field?.kind !== "section") return;
  const element = source.part(key);
  const path = element === undefined ? source.value(key) : elementText(element);
  if (path === undefined || path.value === "") return;
  const file = valueText(source, field.fields, "file", path);
  const parts = file === undefined ? [] : [`file = ${file}`];
  for (const name of LOG_ATTRIBUTES) {
    const found = element?.value(name);
    // To Mailismus, a size of 0 means none.
    if (found === undefined || (name === "maxfile" && /^0\D?$/.test(found.value))) continue;
    const text = valueText(source, field.fields, name, found);
    if (text !== undefined) parts.push(`${name} = ${text}`);
  }
  element?.finish((name) =>
    name === "level" || name === "delta" || name === "tid"
      ? "is a setting of trace logs alone; the program's own is in [log]"
      : "is no setting of a log file here"
  );
  if (file === undefined) return;
  if (element?.disabled && !source.disabled) parts.push("enabled = false");
  table.set(key, parts.length === 1 ? file : `{ ${parts.join(", ")} }`);
}

function elementText({ element, path }: Source): Found {
  return { value: element.text, path, line: element.line };
}
