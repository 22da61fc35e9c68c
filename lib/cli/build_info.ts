/**
 * What only a build knows; the build script fills it in, in its copy of this file.
 *
 * @module
 */

/**
 * How the program was built: not at all, by `deno compile`, or as a file that unpacks Deno and the
 * program into a cache folder and says in `MAILISMUS_FILE` where it is itself.
 */
export type Build = "checkout" | "compiled" | "self-extracting";

/** How this program was built. */
export const BUILD: Build = "checkout";

/** The commit that the program was built from, or an empty text in a checkout. */
export const COMMIT: string = "";

/** The absolute path of the program's one file, or undefined in a checkout. */
export function programFile(build: Build = BUILD): string | undefined {
  if (build === "checkout") return undefined;
  return build === "compiled" ? Deno.execPath() : Deno.env.get("MAILISMUS_FILE");
}
