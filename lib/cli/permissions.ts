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
import {
  SERVICE_USER,
  shellWord,
  systemdUnit,
  writtenFolders,
} from "../supervisor/systemd_unit.ts";
import { BUILD, programFile } from "./build_info.ts";
import type { CommandArgs, Subcommand } from "./command.ts";
import { writeOut } from "./output.ts";

/** As scripts/mailismus has it: threads with a small heap of new objects. */
const HEAP = "--v8-flags=--max-semi-space-size=2";

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
  if (args.has("folders")) {
    writeOut(writtenFolders(grants).map((path) => `${path}\n`).join(""));
  } else if (args.has("systemd")) {
    const user = userOf(args);
    const binary = programFile() ?? INSTALLED;
    const unpacks = BUILD === "self-extracting";
    writeOut(systemdUnit(config, { binary, grants, unpacks, user }));
  } else writeOut(commandLine(grants, config.file, sources));
  return 0;
}

function userOf(args: CommandArgs): string {
  const user = args.value("user") ?? SERVICE_USER;
  // What useradd of all systems takes; a unit's file has no way to quote others.
  if (/^[a-z_][a-z0-9_-]{0,31}$/i.test(user)) return user;
  throw new UserError(
    `Cannot make a unit for the user "${user}": that is no user's name`,
    EXIT_USAGE,
  );
}

async function loadValid(
  file: string,
): Promise<LoadResult & { config: NonNullable<LoadResult["config"]> }> {
  // Passwords are of no interest here, and where a service gets them from may not be known here.
  const result = await loadConfig(file, { env: (name) => Deno.env.get(name) || "unknown" });
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
  const flags = [HEAP, ...permissionFlags(grants)].map((flag) => `  ${shellWord(flag)}`);
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
  flags: [
    { name: "systemd", summary: "print a hardened systemd unit instead" },
    {
      name: "user",
      value: "NAME",
      summary: `with --systemd: whom the service runs as (default ${SERVICE_USER})`,
    },
    { name: "folders", summary: "print only the folders that the program writes, one a line" },
  ],
  examples: [
    { line: "permissions", does: "the command for ./config.toml" },
    {
      line: "permissions --systemd --config /etc/mailismus/config.toml >mailismus.service",
      does: "a unit to put into /etc/systemd/system",
    },
  ],
  run,
};
