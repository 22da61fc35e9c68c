/**
 * One open log file.
 *
 * @module
 */
import { dirname } from "node:path";
import { reasonOf } from "../errors.ts";

/** A file that bytes are appended to. */
export interface LogFile {
  /** How many bytes it held when it was opened. */
  readonly size: number;

  /** Appends some of `bytes`, at least one, and says how many. */
  write(bytes: Uint8Array): Promise<number>;

  /** Closes it; what was written stays. */
  close(): void;
}

/** Opens a file for appending, creating it if it is not there. */
export type OpenLogFile = (path: string) => Promise<LogFile>;

/**
 * Opens a log file: its owner's alone, since a transcript tells who wrote to whom; missing folders
 * are created likewise.
 */
export async function openLogFile(path: string): Promise<LogFile> {
  const file = await openOrCreate(path);
  try {
    const { size } = await file.stat();
    return { size, write: (bytes) => file.write(bytes), close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

async function openOrCreate(path: string): Promise<Deno.FsFile> {
  const options = { append: true, create: true, mode: 0o600 };
  try {
    return await Deno.open(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await Deno.open(path, options);
  }
}

/** The cause of a failed file operation in a few words: `No space left on device`. */
export function fileFault(error: unknown): string {
  return reasonOf(error).replace(/ \(os error \d+\).*$/s, "");
}
