/**
 * `permissions`: what a config needs, and no more.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import {
  type EffectiveSetting,
  formatProblems,
  loadConfig,
  type LoadResult,
} from "../config/config.ts";
import { EXIT_USAGE, UserError } from "../errors.ts";
import { listenGrants, type ProgramGrants, programGrants } from "../supervisor/permissions.ts";
import { shellWord, systemdUnit } from "../supervisor/systemd_unit.ts";
import { BUILD, programFile } from "./build_info.ts";
import type { CommandArgs, Subcommand } from "./command.ts";
import { writeOut } from "./output.ts";

/** Where a unit expects the program when this is a checkout. */
const INSTALLED = "/usr/local/bin/mailismus";

async function run(args: CommandArgs): Promise<number> {
  const { config, settings } = await loadValid(args.configFile);
  const sources = BUILD === "checkout"
    ? fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "")
    : undefined;
  const grants = programGrants(config, {
    program: sources,
    secretFiles: namedBy("password_file", settings),
    envNames: namedBy("password_env", settings),
    listen: await listenGrants(config),
  });
  if (args.has("systemd")) {
    const binary = programFile() ?? INSTALLED;
    const unpacks = BUILD === "self-extracting";
    writeOut(systemdUnit(config, { binary, grants, unpacks }));
  } else writeOut(commandLine(grants, config.file, sources));
  return 0;
}

async function loadValid(
  file: string,
): Promise<LoadResult & { config: NonNullable<LoadResult["config"]> }> {
  const result = await loadConfig(file);
  const { config, problems } = result;
  if (config === undefined) {
    throw new UserError(formatProblems(file, problems).trimEnd(), EXIT_USAGE);
  }
  return { ...result, config };
}

/** What all settings of a key name. */
function namedBy(wanted: string, settings: readonly EffectiveSetting[]): string[] {
  return settings.filter(({ key, text }) => key === wanted && text !== "")
    .map(({ text }) => String(JSON.parse(text)));
}

/** The flags that give `grants`, as one argument each. */
export function permissionFlags(grants: ProgramGrants): string[] {
  const flag = (name: string, entries: readonly string[]) =>
    // A comma separates entries; one within an entry is doubled.
    entries.length === 0
      ? []
      : [`--allow-${name}=${entries.map((entry) => entry.replaceAll(",", ",,")).join(",")}`];
  return [
    "--no-prompt",
    ...flag("net", grants.net),
    ...flag("read", grants.read),
    ...flag("write", grants.write),
    ...flag("env", grants.env),
    ...flag("sys", grants.sys),
    "--deny-run",
    "--deny-ffi",
  ];
}

function commandLine(grants: ProgramGrants, file: string, sources: string | undefined): string {
  // The launcher of a checkout finds Deno and the packages; the permissions are the same.
  const start = sources === undefined
    ? "deno run"
    : `sh ${shellWord(`${sources}/scripts/deno.sh`)} run ${
      shellWord(`--config=${sources}/deno.json`)
    }`;
  const program = shellWord(`${sources === undefined ? "" : `${sources}/`}main.ts`);
  const flags = permissionFlags(grants).map((flag) => `  ${shellWord(flag)}`);
  return [start, ...flags, `  ${program} serve --config ${shellWord(file)}`].join(" \\\n") + "\n";
}

/** The subcommand. */
export const permissions: Subcommand = {
  name: "permissions",
  summary: "print the smallest permissions for a config, for deno run or systemd",
  description: [
    "Without a flag it prints the command that serves this config under `deno run` with the " +
    "smallest set of --allow flags. The permissions of a compiled binary are part of it and " +
    "cannot be changed; there, the systemd unit draws the same limits from outside.",
  ],
  flags: [{ name: "systemd", summary: "print a hardened systemd unit instead" }],
  examples: [
    { line: "permissions", does: "the command for ./config.toml" },
    {
      line: "permissions --systemd --config /etc/mailismus/config.toml >mailismus.service",
      does: "a unit to put into /etc/systemd/system",
    },
  ],
  run,
};
