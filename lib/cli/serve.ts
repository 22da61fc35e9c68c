/**
 * `serve`: runs what is configured, in the foreground.
 *
 * @module
 */
import { formatProblems, loadConfig } from "../config/config.ts";
import { EXIT_USAGE, UserError } from "../errors.ts";
import { probeListeners } from "../supervisor/probe_listeners.ts";
import { supervise } from "../supervisor/supervisor.ts";
import { warningText } from "./check.ts";
import type { CommandArgs, Subcommand } from "./command.ts";
import { printError } from "./output.ts";

async function run(args: CommandArgs): Promise<number> {
  const { config, problems, warnings, settings } = await loadConfig(args.configFile);
  const probe = await probeListeners(settings);
  if (config === undefined || probe.problems.length > 0) {
    const all = [...problems, ...probe.problems];
    throw new UserError(formatProblems(args.configFile, all).trimEnd(), EXIT_USAGE);
  }
  // What `password_env` names is read; from here on nobody needs the environment.
  await Deno.permissions.revoke({ name: "env" });
  for (const warning of warnings) printError(warningText(warning));
  return await supervise(config, { probed: probe.listeners });
}

/** The subcommand. */
export const serve: Subcommand = {
  name: "serve",
  summary: "run what is configured: the POP3 server and the retriever",
  description: [
    "It stays in the foreground and logs to standard error unless the config says otherwise. " +
    "SIGTERM or SIGINT ends it: running sessions get the configured grace; a second signal ends " +
    "them at once. SIGHUP makes it read users, certificates and log files anew; changed users " +
    "and certificates are also noticed within seconds without it.",
  ],
  flags: [],
  examples: [
    { line: "serve", does: "run ./config.toml" },
    { line: "serve --config /etc/mailismus/config.toml", does: "run another config" },
  ],
  run,
};
