/**
 * The table of subcommands. To add one, describe it in a file of its own and name it here.
 *
 * @module
 */
import { checkCommand } from "./check.ts";
import type { Subcommand } from "./command.ts";
import { completionsCommand } from "./completions.ts";
import { demo } from "./demo.ts";
import { directorySettings } from "./directory_settings.ts";
import { importCommand } from "./import.ts";
import { initCommand } from "./init.ts";
import { permissions } from "./permissions.ts";
import { retrieve } from "./retrieve.ts";
import { serve } from "./serve.ts";
import { parseUserAction, runUser, USER_COMMAND } from "./user.ts";

const user: Subcommand = {
  ...USER_COMMAND,
  run: async (args) => {
    const action = parseUserAction(args);
    return await runUser({ ...await directorySettings(args.configFile), ...action });
  },
};

/** All subcommands, in the order of the help. */
export const SUBCOMMANDS: readonly Subcommand[] = [
  serve,
  retrieve,
  checkCommand,
  user,
  permissions,
  initCommand,
  importCommand,
  demo,
  completionsCommand(() => SUBCOMMANDS),
];
