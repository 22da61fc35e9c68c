/**
 * Command lines, checked against the flags that a subcommand declares.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { nearest } from "../config/problems.ts";
import { EXIT_USAGE, UserError } from "../errors.ts";
import type { CommandArgs, Flag } from "./command.ts";

/** Where the config is looked for unless `--config` says otherwise. */
const DEFAULT_CONFIG = "./config.toml";

/** The flags that every subcommand understands. */
export const COMMON_FLAGS: readonly Flag[] = [
  {
    name: "config",
    short: "c",
    value: "FILE",
    summary: `the config file (default ${DEFAULT_CONFIG})`,
  },
  { name: "help", short: "h", summary: "show this help" },
  { name: "version", short: "V", summary: "show the version" },
  { name: "debug", summary: "show where in the program an unexpected error arose" },
];

/** A checked command line that has not yet been read further. */
export interface ParsedArgs extends CommandArgs {
  /** Whether `--config` was given. */
  readonly configGiven: boolean;
}

/** How {@linkcode parseCommandLine} reads. */
export interface ParseSettings {
  /** What the command is called in messages, `mailismus serve`. */
  readonly command: string;
  /** Whether to leave all from the first positional argument on unread. */
  readonly stopEarly?: boolean;
  /** The config file if the line names none. */
  readonly configFile?: string;
}

/** `; did you mean "…"?`, or nothing if no known word is near. */
export function suggestion(word: string, known: readonly string[], prefix = ""): string {
  const found = nearest(word, known);
  return found === undefined ? "" : `; did you mean "${prefix}${found}"?`;
}

function usageError(message: string, command: string): UserError {
  return new UserError(`${message} (see "${command} --help")`, EXIT_USAGE);
}

/** parse-args would take `--no-x` for a denied `x`, depending on where the package came from. */
function rejectNegations(args: readonly string[], reject: (arg: string) => void): void {
  for (const arg of args) {
    if (arg === "--") return;
    if (arg.startsWith("--no-")) reject(arg);
  }
}

/**
 * Reads a command line.
 *
 * @throws {UserError} with status 2 for an unknown flag, a missing value, or a flag given twice
 */
export function parseCommandLine(
  args: readonly string[],
  flags: readonly Flag[],
  settings: ParseSettings,
): ParsedArgs {
  const all = [...COMMON_FLAGS, ...flags];
  const rejectUnknown = (arg: string): boolean => {
    if (!arg.startsWith("-") || arg === "-") return true;
    const word = arg.replace(/^-+/, "").replace(/=.*$/s, "");
    const known = all.map((flag) => flag.name);
    throw usageError(
      `Unknown flag "${arg.replace(/=.*$/s, "")}"${suggestion(word, known, "--")}`,
      settings.command,
    );
  };
  if (!settings.stopEarly) rejectNegations(args, rejectUnknown);
  const parsed = split(args, all, settings.stopEarly ?? false, rejectUnknown);
  const given = new Map<string, string[]>();
  for (const flag of all) {
    if (flag.value !== undefined) given.set(flag.name, valuesOf(flag, parsed, settings.command));
  }
  const positionals = (parsed["_"] as unknown[]).map(String);
  // Behind `--` everything is an argument, for whoever reads on as well.
  if (settings.stopEarly && positionals.length > 0 && args.includes("--")) positionals.push("--");
  positionals.push(...(parsed["--"] as unknown[]).map(String));
  return {
    configGiven: given.get("config")!.length > 0,
    configFile: given.get("config")![0] ?? settings.configFile ?? DEFAULT_CONFIG,
    positionals,
    has: (flag) => parsed[flag] === true,
    value: (flag) => given.get(flag)?.[0],
    values: (flag) => given.get(flag) ?? [],
  };
}

/** What parse-args makes of a command line; it calls `unknown` for what is no known flag. */
function split(
  args: readonly string[],
  flags: readonly Flag[],
  stopEarly: boolean,
  unknown: (arg: string) => boolean,
): Record<string, unknown> {
  const valued = flags.filter((flag) => flag.value !== undefined).map((flag) => flag.name);
  return parseArgs([...args], {
    string: ["_", ...valued],
    boolean: flags.filter((flag) => flag.value === undefined).map((flag) => flag.name),
    // Makes repetition visible on either registry's side.
    collect: valued,
    alias: Object.fromEntries(flags.flatMap((flag) => flag.short ? [[flag.short, flag.name]] : [])),
    stopEarly,
    unknown,
    "--": true,
  });
}

function valuesOf(flag: Flag, parsed: Record<string, unknown>, command: string): string[] {
  const raw = parsed[flag.name];
  const values = (raw === undefined ? [] : Array.isArray(raw) ? raw : [raw]).map(String);
  if (values.includes("")) {
    throw usageError(`The flag "--${flag.name}" needs a value, ${flag.value}`, command);
  }
  if (values.length > 1 && flag.multiple !== true) {
    throw usageError(`The flag "--${flag.name}" is given more than once`, command);
  }
  return values;
}
