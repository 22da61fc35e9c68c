/**
 * The words that the config's schema is written in, and the types that follow
 * from it. A setting is declared once; reading, checking, the printout of
 * `check` and the manual's tables all work from that declaration.
 *
 * @module
 */

/** Why a value cannot stand where it stands; the reader adds the key and the value. */
export class Refusal extends Error {
  /** The kind of error. */
  override name = "Refusal";
}

/** What the reading of a value may depend on beside the value itself. */
export interface ReadContext {
  /** The folder of the config file, absolute: relative paths start there. */
  readonly folder: string;
  /** What the tokens of paths stand for, by name without the percent signs; filled by `[paths]`. */
  readonly tokens: Map<string, string>;
  /** The host's name. */
  readonly hostname: string;
  /** Whether paths are those of Windows. */
  readonly windows: boolean;
  /** How many server workers suit this machine. */
  readonly workers: number;
}

/** A kind of value. */
export interface ValueType<T> {
  /** Its name in the table of settings, with its bounds; Markdown. */
  readonly name: string;
  /** What is allowed, to follow "it takes". */
  readonly allowed: string;
  /** Whether the value names something on disk that must be there. */
  readonly exists?: "file" | "folder if there";
  /**
   * Makes the value of what the file says.
   *
   * @throws Refusal if it is not allowed
   */
  parse(raw: unknown, context: ReadContext): T;
  /** The value as TOML, as `check` prints it. */
  show(value: T): string;
}

/** What is written about a setting. */
export interface About {
  /** What it does; whole sentences. */
  readonly meaning: string;
  /** A value as it would stand in the file. */
  readonly example: string;
  /** The section of the manual that describes it; absent for what the manual does not have. */
  readonly manual?: string;
  /** Whether the value must never be printed. */
  readonly secret?: true;
  /** Whether it names a file that only the program should be able to read. */
  readonly private?: true;
}

/** The view of the settings around one whose default follows from them. */
export interface Surroundings {
  /** The table's full path, such as `pop3server.listeners[0]`. */
  readonly path: string;
  /** A setting of the same table: its value as read, or undefined. */
  get(key: string): unknown;
  /** The table around. */
  readonly parent: Surroundings | undefined;
}

/** A default that follows from other settings or from the machine. */
export interface Derived {
  /** The rule, for the table of settings. */
  readonly rule: string;
  /** The default, as it could stand in the file. */
  readonly value: (around: Surroundings, context: ReadContext) => unknown;
}

/** One setting. `Always` tells whether a valid config has a value for it in any case. */
export interface Setting<T, Always extends boolean> {
  /** Tells it from the tables. */
  readonly kind: "setting";
  /** The kind of value. */
  readonly type: ValueType<T>;
  /** Whether it must be given. */
  readonly mandatory: boolean;
  /** The default as it could stand in the file, or the rule for it. */
  readonly fallback: string | number | boolean | Derived | undefined;
  /** What is written about it. */
  readonly about: About;
  /** Whether a valid config has a value for it in any case. */
  readonly always: Always;
}

/** A table of settings. `Always` tells whether it exists, with its defaults, when the file has none. */
export interface Section<F extends Fields, Always extends boolean> {
  /** Tells it from settings and arrays. */
  readonly kind: "section";
  /** What stands in it. */
  readonly fields: F;
  /** What the section is for; whole sentences. */
  readonly meaning: string;
  /** Whether it exists even if the file has none. */
  readonly always: Always;
  /** What a plain value in the table's place stands for. */
  readonly plain?: Plain;
}

/** How a table can be written as a plain value, and is then described like a setting. */
export interface Plain {
  /** What such a value is called. */
  readonly name: string;
  /** The setting that the value is for. */
  readonly key: string;
  /** Such a value. */
  readonly example: string;
  /** The section of the manual that describes it. */
  readonly manual: string;
}

/** An array of tables. */
export interface List<F extends Fields> {
  /** Tells it from settings and tables. */
  readonly kind: "list";
  /** What stands in an item. */
  readonly fields: F;
  /** What the items are for; whole sentences. */
  readonly meaning: string;
  /** What an item is called, such as `listener`. */
  readonly item: string;
  /** The setting that tells the items apart. */
  readonly id: keyof F & string;
  /** How many items there must be at least. */
  readonly atLeast: number;
}

/** Anything that can stand in a table. */
// deno-lint-ignore no-explicit-any -- the type of a value varies over a table
export type Field = Setting<any, boolean> | Section<any, boolean> | List<any>;
/** What stands in a table, in the order of the manual. */
export type Fields = Readonly<Record<string, Field>>;

/** Declares a setting with a default. */
export function setting<T>(
  type: ValueType<T>,
  fallback: string | number | boolean | Derived,
  about: About,
): Setting<T, true> {
  return { kind: "setting", type, fallback, mandatory: false, about, always: true };
}

/** Declares a setting that must be given. */
export function mandatory<T>(type: ValueType<T>, about: About): Setting<T, true> {
  return { kind: "setting", type, fallback: undefined, mandatory: true, about, always: true };
}

/** Declares a setting that may be left out and has no default. */
export function optional<T>(type: ValueType<T>, about: About): Setting<T, false> {
  return { kind: "setting", type, fallback: undefined, mandatory: false, about, always: false };
}

/** Declares a table that exists, with its defaults, even if the file has none. */
export function section<const F extends Fields>(meaning: string, fields: F): Section<F, true> {
  return { kind: "section", fields, meaning, always: true };
}

/** Declares a table that exists only if the file has it. */
export function optionalSection<const F extends Fields>(
  meaning: string,
  fields: F,
  plain?: Plain,
): Section<F, false> {
  return { kind: "section", fields, meaning, always: false, ...(plain && { plain }) };
}

/** Declares an array of tables. */
export function list<const F extends Fields>(
  options: { meaning: string; item: string; id: keyof F & string; atLeast: number },
  fields: F,
): List<F> {
  return { kind: "list", fields, ...options };
}

/** The value of what stands in a table. */
export type ValueOf<F> = F extends Setting<infer T, boolean> ? T
  : F extends Section<infer G, boolean> ? SettingsOf<G>
  : F extends List<infer G> ? SettingsOf<G>[]
  : never;
/** The keys of a table that a valid config has values for in any case. */
export type AlwaysThere<F extends Fields> = {
  [K in keyof F]: F[K] extends { always: true } | { kind: "list" } ? K : never;
}[keyof F];

/** The values of a table's settings, as its declaration promises them. */
export type SettingsOf<F extends Fields> =
  & { -readonly [K in AlwaysThere<F>]: ValueOf<F[K]> }
  & { -readonly [K in Exclude<keyof F, AlwaysThere<F>>]?: ValueOf<F[K]> };
