/**
 * The command line: finds the subcommand, prints help and version, and turns
 * whatever goes wrong into one sentence and an exit status.
 *
 * @module
 */
import { EXIT_FAILED, EXIT_USAGE, reasonOf, UserError } from "../errors.ts";
import { parseCommandLine, suggestion } from "./arguments.ts";
import type { Subcommand } from "./command.ts";
import { PROGRAM, programHelp, subcommandHelp } from "./help.ts";
import { isBrokenPipe, printError, writeOut } from "./output.ts";
import { versionText } from "./version.ts";

/**
 * Runs a command line.
 *
 * @param args the arguments behind the program's name
 * @param subcommands the subcommands to choose from
 * @returns the exit status; never throws
 */
export async function main(
  args: readonly string[],
  subcommands: readonly Subcommand[],
): Promise<number> {
  try {
    return await dispatch(args, subcommands);
  } catch (error) {
    return report(error, args.includes("--debug"));
  }
}

function report(error: unknown, debug: boolean): number {
  if (isBrokenPipe(error)) return 0;
  if (error instanceof UserError) {
    printError(error.message);
    return error.status;
  }
  const trace = debug && error instanceof Error ? error.stack : undefined;
  printError(trace ?? `Unexpected error: ${reasonOf(error)} (--debug shows where it arose)`);
  return EXIT_FAILED;
}

async function dispatch(
  args: readonly string[],
  subcommands: readonly Subcommand[],
): Promise<number> {
  const head = parseCommandLine(args, [], { command: PROGRAM, stopEarly: true });
  if (head.has("version")) return print(versionText() + "\n");
  const [name, ...rest] = head.positionals;
  if (name === undefined || (name === "help" && rest.length === 0)) {
    if (name !== undefined || head.has("help")) return print(programHelp(subcommands));
    printError(programHelp(subcommands).trimEnd());
    return EXIT_USAGE;
  }
  const one = find(name === "help" ? rest[0]! : name, subcommands);
  if (name === "help" || head.has("help")) return print(subcommandHelp(one));
  const command = `${PROGRAM} ${one.name}`;
  const parsed = parseCommandLine(rest, one.flags, { command, configFile: head.configFile });
  if (parsed.has("help")) return print(subcommandHelp(one));
  if (parsed.has("version")) return print(versionText() + "\n");
  if (one.positionals === undefined && parsed.positionals.length > 0) {
    throw new UserError(
      `"${command}" takes no argument, but was given "${parsed.positionals[0]}"` +
        ` (see "${command} --help")`,
      EXIT_USAGE,
    );
  }
  return await one.run(parsed);
}

function print(text: string): number {
  writeOut(text);
  return 0;
}

function find(name: string, subcommands: readonly Subcommand[]): Subcommand {
  const one = subcommands.find((candidate) => candidate.name === name);
  if (one !== undefined) return one;
  const names = subcommands.map((candidate) => candidate.name);
  throw new UserError(
    `Unknown subcommand "${name}"${suggestion(name, names)}` +
      ` (there are ${names.join(", ")}; see "${PROGRAM} --help")`,
    EXIT_USAGE,
  );
}
