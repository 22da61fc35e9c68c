/**
 * The table of subcommands. To add one, describe it in a file of its own and name it here.
 *
 * @module
 */
import type { Subcommand } from "./command.ts";
import { serve } from "./serve.ts";

/** All subcommands, in the order of the help. */
export const SUBCOMMANDS: readonly Subcommand[] = [serve];
