/**
 * The program's entry.
 *
 * @module
 */
import { main } from "./lib/cli/main.ts";
import { SUBCOMMANDS } from "./lib/cli/subcommands.ts";

if (import.meta.main) Deno.exit(await main(Deno.args, SUBCOMMANDS));
