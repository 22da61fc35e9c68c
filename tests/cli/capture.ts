/**
 * Runs a piece of the command line with its output caught.
 *
 * @module
 */

/** What a run printed, and its status. */
export interface Captured {
  /** What `run` returned. */
  readonly status: number;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
}

/** Runs `run` with standard output and standard error caught. */
export async function capture(run: () => Promise<number>): Promise<Captured> {
  const texts = { out: "", err: "" };
  const stdout = Deno.stdout.writeSync;
  const stderr = Deno.stderr.writeSync;
  const decoder = new TextDecoder();
  Deno.stdout.writeSync = (bytes) => (texts.out += decoder.decode(bytes), bytes.length);
  Deno.stderr.writeSync = (bytes) => (texts.err += decoder.decode(bytes), bytes.length);
  try {
    return { status: await run(), ...texts };
  } finally {
    Deno.stdout.writeSync = stdout;
    Deno.stderr.writeSync = stderr;
  }
}
