/**
 * The config file's tables as read by the schema: what was given, what it is
 * worth, and where each value comes from. Reading never stops at a problem, so
 * that all of them can be told at once; what could not be read is left open.
 *
 * @module
 */
import { type ConfigProblem, nearest, showValue } from "./problems.ts";
import { type Schema, schema } from "./schema.ts";
import {
  type About,
  type Fields,
  type List,
  type ReadContext,
  Refusal,
  type Section,
  type Setting,
  type SettingsOf,
  type Surroundings,
} from "./schema_kit.ts";
import { settle } from "./settle.ts";
import { asBoolean, boolean } from "./value_types.ts";

/** What one reading gathers. */
export interface Reading {
  /** What values depend on beside themselves. */
  readonly context: ReadContext;
  /** What is wrong. */
  readonly problems: ConfigProblem[];
  /** What may not be as it was meant. */
  readonly warnings: ConfigProblem[];
  /** Defaults that follow from other settings, to be worked out when all are read. */
  readonly later: (() => void)[];
  /** Full paths of settings whose files need not be there yet. */
  readonly mayBeMissing: readonly string[];
}

/** A table of a TOML file. */
export type RawTable = Record<string, unknown>;

interface Entry {
  readonly given: boolean;
  raw?: unknown;
  value?: unknown;
}

/** What the reading of a setting, a table or an array gives. */
export type ReadAs<E> = E extends Setting<infer T, boolean> ? T | undefined
  : E extends Section<infer G, boolean> ? Table<G> | undefined
  : E extends List<infer G> ? readonly Table<G>[]
  : never;

/** Where a table stands. */
export interface Place {
  /** Its full path. */
  readonly path: string;
  /** The item of an array that it is or belongs to. */
  readonly item: string | undefined;
  /** The table around it. */
  readonly parent: Surroundings | undefined;
}

/** One table, read. */
export class Table<F extends Fields> implements Surroundings {
  /** Its full path; empty for the whole file. */
  readonly path: string;
  /** The item of an array that it is or belongs to. */
  readonly item: string | undefined;
  /** The table around it. */
  readonly parent: Surroundings | undefined;
  /** What can stand in it. */
  readonly fields: F;
  readonly #entries = new Map<string, Entry>();
  readonly #reading: Reading;

  /** Reads a table of the file; what is wrong goes to the reading. */
  constructor(fields: F, raw: RawTable, place: Place, reading: Reading) {
    this.fields = fields;
    this.path = place.path;
    this.item = place.item;
    this.parent = place.parent;
    this.#reading = reading;
    for (const key of Object.keys(fields)) {
      // What is disabled counts as absent.
      const given = Object.hasOwn(raw, key) && this.#enabled(raw[key], this.pathOf(key), this.item);
      const entry: Entry = { given, raw: raw[key] };
      this.#entries.set(key, entry);
      this.#read(key, entry);
    }
    for (const key of Object.keys(raw)) {
      if (!Object.hasOwn(fields, key) && !(key === "enabled" && place.path !== "")) {
        this.#unknown(key);
      }
    }
  }

  /** The value of a setting, a table or the items of an array; undefined if there is none that is right. */
  get<K extends keyof F & string>(key: K): ReadAs<F[K]> {
    return this.#entries.get(key)?.value as ReadAs<F[K]>;
  }

  /** Whether the file has the key, be its value right or wrong. */
  given(key: keyof F & string): boolean {
    return this.#entries.get(key)?.given === true;
  }

  /** Puts a value in the place of another, where it is narrowed down by a third. */
  replace<K extends keyof F & string>(key: K, value: NonNullable<ReadAs<F[K]>>): void {
    this.#entries.get(key)!.value = value;
  }

  /** The full path of a key in this table. */
  pathOf(key: string): string {
    const shown = /^[\w-]+$/.test(key) ? key : JSON.stringify(key);
    return this.path === "" ? shown : `${this.path}.${shown}`;
  }

  /** Adds a problem of a key; the message follows the path. */
  problem(key: keyof F & string | undefined, message: string): void {
    this.#reading.problems.push(this.#about(key, message));
  }

  /** Adds a problem of a key's value; the message follows the value, which is masked if secret. */
  wrong(key: keyof F & string, message: string): void {
    this.problem(key, `${this.shown(key)} ${message}`);
  }

  /** Adds a warning about a key. */
  warn(key: keyof F & string | undefined, message: string): void {
    this.#reading.warnings.push(this.#about(key, message));
  }

  /** A key's value as the file gives it, masked if secret. */
  shown(key: keyof F & string): string {
    const field = this.fields[key]!;
    if (field.kind === "setting" && field.about.secret) return '"***"';
    return showValue(this.#entries.get(key)?.raw);
  }

  /** All values, as the schema promises them if no problem was found. */
  toSettings(): SettingsOf<F> {
    const values: Record<string, unknown> = {};
    for (const [key, { value }] of this.#entries) {
      if (value instanceof Table) values[key] = value.toSettings();
      else if (Array.isArray(value) && value[0] instanceof Table) {
        values[key] = value.map((item) => item.toSettings());
      } else if (value !== undefined) values[key] = value;
    }
    return values as SettingsOf<F>;
  }

  #about(key: string | undefined, message: string): ConfigProblem {
    return {
      path: key === undefined ? this.path : this.pathOf(key),
      ...(this.item === undefined ? {} : { item: this.item }),
      message,
    };
  }

  #read(key: string, entry: Entry): void {
    const field = this.fields[key]!;
    if (field.kind === "setting") this.#readSetting(key, field, entry);
    else if (field.kind === "section") this.#readSection(key, field, entry);
    else this.#readList(key, field, entry);
  }

  #readSetting(key: string, field: Setting<unknown, boolean>, entry: Entry): void {
    const { type, fallback } = field;
    if (entry.given) {
      try {
        const value = type.parse(entry.raw, this.#reading.context);
        const usable = !type.exists ||
          this.#checkFile(key, value as string, type.exists, field.about);
        if (usable) entry.value = value;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        this.wrong(key, error.message || `is not allowed; it takes ${type.allowed}`);
      }
    } else if (field.mandatory) {
      this.problem(key, `missing, and there is no default; it takes ${type.allowed}`);
    } else if (typeof fallback === "object") {
      this.#reading.later.push(() => {
        const raw = fallback.value(this, this.#reading.context);
        if (raw !== undefined) entry.value = type.parse(raw, this.#reading.context);
      });
    } else if (fallback !== undefined) {
      entry.value = type.parse(fallback, this.#reading.context);
    }
  }

  #readSection(key: string, field: Section<Fields, boolean>, entry: Entry): void {
    let raw = entry.given ? entry.raw : field.always ? {} : undefined;
    if (raw === undefined) return;
    const { plain } = field;
    if (plain && typeof raw === "string") raw = { [plain.key]: raw };
    if (!isTable(raw)) {
      const takes = plain ? `the path of a ${plain.key}, or a table` : "a table";
      this.wrong(key, `is not allowed; it takes ${takes} of ${keysOf(field.fields)}`);
      return;
    }
    const place = { path: this.pathOf(key), item: this.item, parent: this };
    entry.value = new Table(field.fields, raw, place, this.#reading);
  }

  #readList(key: string, field: List<Fields>, entry: Entry): void {
    const items: Table<Fields>[] = [];
    entry.value = items;
    const raw = entry.given ? entry.raw : [];
    if (!Array.isArray(raw) || !raw.every(isTable)) {
      this.wrong(
        key,
        `is not allowed; it takes an array of tables, each opened by [[${this.pathOf(key)}]]`,
      );
      return;
    }
    raw.forEach((table: RawTable, index) => {
      const path = `${this.pathOf(key)}[${index}]`;
      const id = table[field.id];
      const item = typeof id === "string" ? `${field.item} ${showValue(id)}` : undefined;
      if (!this.#enabled(table, path, item)) return;
      items.push(new Table(field.fields, table, { path, item, parent: this }, this.#reading));
    });
    if (items.length < field.atLeast) {
      this.problem(key, `names no ${field.item}; add one, opened by [[${this.pathOf(key)}]]`);
    }
  }

  #enabled(raw: unknown, path: string, item: string | undefined): boolean {
    if (!isTable(raw) || !Object.hasOwn(raw, "enabled")) return true;
    const enabled = asBoolean(raw.enabled);
    if (enabled === undefined) {
      const message = `${showValue(raw.enabled)} is not allowed; it takes ${boolean.allowed}`;
      this.#reading.problems.push({ path: `${path}.enabled`, ...(item && { item }), message });
    }
    return enabled !== false;
  }

  #unknown(key: string): void {
    const known = Object.keys(this.fields);
    const near = nearest(key, known);
    const elsewhere = near === undefined ? homeOf(key, schema, "") : undefined;
    const help = near !== undefined
      ? `Did you mean "${near}"?`
      : elsewhere !== undefined
      ? `It belongs in ${elsewhere}`
      : `Known here: ${keysOf(this.fields)}`;
    this.#reading.problems.push(this.#about(key, `unknown key. ${help}`));
  }

  #checkFile(key: string, path: string, kind: "file" | "folder if there", about: About): boolean {
    const fault = existenceFault(path, kind);
    if (fault === NOT_THERE && this.#reading.mayBeMissing.includes(this.pathOf(key))) return true;
    if (fault !== undefined) {
      const raw = this.#entries.get(key)!.raw;
      this.wrong(key, (raw === path ? "" : `(${path}) `) + fault);
    } else if (about.private && openToOthers(path)) {
      this.warn(key, `${path} holds a secret, but every user of this machine can read it`);
    }
    return fault === undefined;
  }
}

/** Reads a whole file's tables by the schema. */
export function readTables(raw: RawTable, reading: Reading): Table<Schema> {
  const place: Place = { path: "", item: undefined, parent: undefined };
  const root = new Table(schema, raw, place, reading);
  for (const work of reading.later) work();
  settle(root);
  return root;
}

/** Whether a value of a TOML file is a table. */
export function isTable(raw: unknown): raw is RawTable {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw) && !(raw instanceof Date);
}

const NOT_THERE = "is not there: create the file, or correct the path";

/** What keeps a file from being read, or a folder from being one; undefined if all is well. */
function existenceFault(path: string, kind: "file" | "folder if there"): string | undefined {
  try {
    const { isDirectory, isFile } = Deno.statSync(path);
    if (kind === "folder if there") return isDirectory ? undefined : "is a file, not a folder";
    if (isDirectory) return "is a folder, not a file";
    // Opening a pipe could wait without end.
    if (!isFile) return "is a pipe or a device, not a file";
    Deno.openSync(path).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      return `cannot be read: ${(error as Error).message}`;
    }
    if (kind === "file") return NOT_THERE;
  }
  return undefined;
}

/** Whether users other than the owner and the group may read a file. */
export function openToOthers(path: string): boolean {
  // Where there are no such permissions (Windows), the mode is null.
  return ((Deno.statSync(path).mode ?? 0) & 0o004) !== 0;
}

function keysOf(fields: Fields): string {
  return Object.keys(fields).map((key) => `"${key}"`).join(", ");
}

/** The path of the table that knows a key, if just one does. */
function homeOf(key: string, fields: Fields, path: string): string | undefined {
  const homes = new Set<string>();
  const search = (at: Fields, where: string): void => {
    for (const [name, field] of Object.entries(at)) {
      if (name === key) homes.add(where === "" ? "the top level" : where);
      const inner = where === "" ? name : `${where}.${name}`;
      if (field.kind !== "setting") search(field.fields, inner);
    }
  };
  search(fields, path);
  return homes.size === 1 ? [...homes][0] : undefined;
}
