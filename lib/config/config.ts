/**
 * The config: loading it, with every problem found at once, and the types of
 * what was loaded.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import { checkTables } from "./checks.ts";
import { type EffectiveSetting, listSettings } from "./effective.ts";
import { linkListeners } from "./links.ts";
import { type ConfigProblem, inOrder } from "./problems.ts";
import { type Config, resolveConfig } from "./resolve.ts";
import { type Reading, readTables } from "./table.ts";
import { readToml } from "./toml.ts";

export type { Client, Config, Listener, LogFile } from "./resolve.ts";
export type { ConfigProblem } from "./problems.ts";
export type { EffectiveSetting } from "./effective.ts";
export { formatProblem, formatProblems } from "./problems.ts";

/** What a config is read against beside its file. */
export interface LoadOptions {
  /** Looks up an environment variable, for `password_env`; the process's own by default. */
  readonly env?: (name: string) => string | undefined;
  /** The host's name, for `%H%`; the system's own by default. */
  readonly hostname?: string;
  /** How many server workers suit the machine; by default its cores, where ports can be shared. */
  readonly workers?: number;
  /** Settings, by their full paths, whose files need not be there yet; none by default. */
  readonly mayBeMissing?: readonly string[];
}

/** What came of a config file. */
export interface LoadResult {
  /** The config; undefined if there is any problem. */
  readonly config: Config | undefined;
  /** Everything that is wrong, in the order of the schema. */
  readonly problems: readonly ConfigProblem[];
  /** What may not be as it was meant. */
  readonly warnings: readonly ConfigProblem[];
  /** Every setting with its value and where that comes from. */
  readonly settings: readonly EffectiveSetting[];
}

/**
 * Loads and checks a config file.
 *
 * @param file its path
 * @returns the config, or all problems; it throws for none of them
 */
export async function loadConfig(file: string, options: LoadOptions = {}): Promise<LoadResult> {
  const path = resolve(file);
  const toml = readToml(path);
  if ("fault" in toml) {
    const problems = [{ path: "", message: toml.fault }];
    return { config: undefined, problems, warnings: [], settings: [] };
  }
  const reading = newReading(path, options);
  const links = linkListeners(toml.tables);
  const root = readTables(links.tables, reading);
  const secrets = await checkTables(root, links, path, options.env ?? Deno.env.get, reading);
  const problems = inOrder(reading.problems.filter((problem) => !links.repeats(problem.path)));
  return {
    config: problems.length > 0
      ? undefined
      : resolveConfig(root.toSettings(), path, reading.context, secrets),
    problems,
    warnings: inOrder(reading.warnings.filter((warning) => !links.repeats(warning.path))),
    settings: listSettings(root, links),
  };
}

function newReading(path: string, options: LoadOptions): Reading {
  const folder = dirname(path);
  return {
    context: {
      folder,
      // Where a folder of [paths] is wrong, the paths below it are still looked at.
      tokens: new Map(
        ["DIRTOP", "DIRCONF", "DIRVAR", "DIRLOG", "DIRTMP"].map((name) => [name, folder]),
      ),
      hostname: options.hostname ?? hostName(),
      windows: Deno.build.os === "windows",
      workers: options.workers ?? (Deno.build.os === "linux" ? navigator.hardwareConcurrency : 1),
    },
    problems: [],
    warnings: [],
    later: [],
    mayBeMissing: options.mayBeMissing ?? [],
  };
}

/** This host's name; without the permission to ask for it, a name that can be no other host's. */
export function hostName(): string {
  try {
    return Deno.hostname();
  } catch {
    return "localhost";
  }
}
