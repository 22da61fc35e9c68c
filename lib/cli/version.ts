/**
 * The program's version.
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };
import { COMMIT } from "./build_info.ts";

/** The version and, in a built binary, the commit that it was built from. */
export function versionText(): string {
  const built = COMMIT === "" ? "" : ` (${COMMIT})`;
  return `mailismus ${config.version}${built}, Deno ${Deno.version.deno}`;
}
