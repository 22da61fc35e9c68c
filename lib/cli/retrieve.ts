/**
 * `retrieve`: the retriever alone, in the foreground.
 *
 * @module
 */
import { type Config, formatProblems, loadConfig } from "../config/config.ts";
import { EXIT_USAGE, UserError } from "../errors.ts";
import { supervise } from "../supervisor/supervisor.ts";
import { suggestion } from "./arguments.ts";
import { warningText } from "./check.ts";
import type { CommandArgs, Subcommand } from "./command.ts";
import { printError, writeOut } from "./output.ts";
import { RetrieveDisplay } from "./retrieve_display.ts";

async function run(args: CommandArgs): Promise<number> {
  const { config, problems, warnings } = await loadConfig(args.configFile);
  if (config === undefined) {
    throw new UserError(formatProblems(args.configFile, problems).trimEnd(), EXIT_USAGE);
  }
  await Deno.permissions.revoke({ name: "env" });
  for (const warning of warnings) printError(warningText(warning));
  const dryRun = args.has("dry-run");
  const display = new RetrieveDisplay({
    write: writeOut,
    complain: config.log.file === undefined ? undefined : printError,
    columns: terminalWidth,
    now: () => performance.now(),
  });
  const status = await supervise(retrieverOnly(config, args.values("client")), {
    probed: [],
    retrieving: {
      mode: { once: dryRun || args.has("once"), dryRun },
      delayStart: 0,
      onReport: (report) => display.report(report),
      ...(terminalWidth() === undefined ? {} : { onProgress: (now) => display.progress(now) }),
    },
  });
  if (!dryRun) display.summary();
  return status;
}

/** The config without its server, and with the chosen clients only. */
function retrieverOnly(config: Config, chosen: readonly string[]): Config {
  const { pop3server: _server, pop3download: retriever, ...rest } = config;
  if (retriever === undefined || retriever.clients.length === 0) {
    throw new UserError(
      `Cannot retrieve: ${config.file} has no client in [[pop3download.clients]]`,
      EXIT_USAGE,
    );
  }
  const known = retriever.clients.map(({ id }) => id);
  for (const id of chosen) {
    if (known.includes(id)) continue;
    throw new UserError(
      `Cannot retrieve: ${config.file} has no client "${id}"${suggestion(id, known)}` +
        ` (it has ${known.join(", ")})`,
      EXIT_USAGE,
    );
  }
  const clients = chosen.length === 0
    ? retriever.clients
    : retriever.clients.filter(({ id }) => chosen.includes(id));
  return { ...rest, log: quieter(config.log), pop3download: { ...retriever, clients } };
}

/** What the runs came to is on standard output already; standard error needs only what is wrong. */
function quieter(log: Config["log"]): Config["log"] {
  return log.file === undefined && log.level === "INFO" ? { ...log, level: "WARN" } : log;
}

function terminalWidth(): number | undefined {
  if (!Deno.stdout.isTerminal()) return undefined;
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}

/** The subcommand. */
export const retrieve: Subcommand = {
  name: "retrieve",
  summary: "collect mail now, in the foreground",
  description: [
    "Runs the configured clients by their schedule, but without the wait of delay_start, until none " +
    "is left or a signal ends it. With --once it ends with status 1 if a session failed or a message " +
    "had to stay on its server because of an error.",
  ],
  flags: [
    { name: "once", summary: "run each client once, now, whatever its schedule" },
    { name: "client", value: "ID", multiple: true, summary: "only this client" },
    { name: "dry-run", summary: "log in and count, once, and leave all as it is" },
  ],
  examples: [
    { line: "retrieve --once", does: "collect everybody's mail and end" },
    { line: "retrieve --once --client home", does: "collect that of one client" },
    { line: "retrieve --dry-run", does: "see whether the logins work and what would come" },
  ],
  run,
};
