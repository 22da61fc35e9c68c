/**
 * `@std/fs/ensure-dir` where JSR cannot be reached: the same promise, kept by
 * the runtime alone.
 *
 * @module
 */

/** Creates the folder `dir` and its parents unless it is there; fails if it is something else. */
export async function ensureDir(dir: string | URL): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
}
