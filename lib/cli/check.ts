/**
 * `check`: validates the config and prints the settings that are in effect.
 *
 * @module
 */
import {
  type ConfigProblem,
  type EffectiveSetting,
  formatProblem,
  formatProblems,
  loadConfig,
  type LoadOptions,
} from "../config/config.ts";
import { EXIT_USAGE } from "../errors.ts";
import type { Subcommand } from "./command.ts";
import { printError, writeOut } from "./output.ts";

/** What `check` works on. */
export interface CheckOptions extends LoadOptions {
  /** The config file's path. */
  readonly configFile: string;
  /** Takes the settings, as a TOML text. */
  readonly write: (text: string) => void;
  /** Takes a problem or a warning, as lines without the last line's end. */
  readonly writeError: (text: string) => void;
}

/** The subcommand. */
export const checkCommand: Subcommand = {
  name: "check",
  summary: "validate the config and print the settings in effect",
  description: [
    "Every problem of the config is told at once. Without one, all settings are printed as TOML, " +
    "each with where its value comes from: the file or the default. Secrets are masked.",
  ],
  flags: [],
  examples: [{ line: "check --config /etc/mailismus/config.toml", does: "check that config" }],
  run: (args) => runCheck({ configFile: args.configFile, write: writeOut, writeError: printError }),
};

/**
 * Checks a config and prints what is in effect.
 *
 * @returns the exit status: 0 if the program could start, 2 if the config is wrong
 */
export async function runCheck(options: CheckOptions): Promise<number> {
  const { config, problems, warnings, settings } = await loadConfig(options.configFile, options);
  if (config === undefined) {
    options.writeError(formatProblems(options.configFile, problems).trimEnd());
    return EXIT_USAGE;
  }
  options.write(`# The settings in effect, of ${config.file}\n${settingsText(settings)}`);
  for (const warning of warnings) options.writeError(warningText(warning));
  return 0;
}

/** A warning as a line, without its end. */
export function warningText(warning: ConfigProblem): string {
  return `Warning: ${formatProblem(warning)}`;
}

/** The settings as a TOML text; what is set elsewhere or not at all stands in comments. */
function settingsText(settings: readonly EffectiveSetting[]): string {
  let text = "";
  let table = "";
  for (const setting of settings) {
    const { heading, key, path, source } = setting;
    const commented = source === "link" || source === "unset" ? "# " : "";
    const own = path.slice(0, path.length - key.length);
    if (own !== table) text += `\n${source === "link" ? "# " : ""}${heading}\n`;
    table = own;
    const line = `${commented}${key} = ${setting.text}`.trimEnd();
    text += `${line.padEnd(40)}  # ${ORIGIN[source]}\n`;
  }
  return text;
}

const ORIGIN = {
  file: "file",
  default: "default",
  unset: "not set",
  link: "by configlink",
} as const;
