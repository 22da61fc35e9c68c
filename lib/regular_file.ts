/**
 * Reading files that somebody else puts in their place.
 *
 * @module
 */

/**
 * Reads a file whole. What is no regular file is refused: opening a pipe that nobody writes to
 * waits without end, and a device may never come to its end.
 *
 * @throws what the file system says; an `Error` if there is something else than a file
 */
export async function readRegularFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  refuseOthers(await Deno.stat(path));
  return await Deno.readFile(path);
}

/** As {@linkcode readRegularFile}, at once and as text. */
export function readRegularTextSync(path: string): string {
  refuseOthers(Deno.statSync(path));
  return Deno.readTextFileSync(path);
}

/** A folder is left to the one who reads it: the file system has words for that. */
function refuseOthers({ isFile, isDirectory }: Deno.FileInfo): void {
  if (!isFile && !isDirectory) throw new Error("it is a pipe or a device, not a file");
}
