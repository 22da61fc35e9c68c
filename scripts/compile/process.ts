/**
 * Running other programs, and what is said about it.
 *
 * @module
 */

/** The folder of the checkout, without a slash at its end. */
export const ROOT: string = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

/** A failure whose message says all that there is to know. */
export class BuildError extends Error {
  override name = "BuildError";
}

/** What a finished program left. */
export interface Finished {
  /** Its exit status. */
  readonly code: number;
  /** Its standard output. */
  readonly stdout: string;
  /** Its standard error. */
  readonly stderr: string;
}

/** How {@linkcode run} runs a program. */
export interface RunOptions {
  /** Its working folder; the checkout by default. */
  readonly cwd?: string;
  /** Added to this process's environment, or with `clearEnv` the whole of it. */
  readonly env?: Record<string, string>;
  /** Keeps this process's environment from it. */
  readonly clearEnv?: boolean;
  /** After so many seconds it is killed; 300 by default. */
  readonly seconds?: number;
}

/** Writes a line to the screen. */
export function print(line: string): void {
  const bytes = new TextEncoder().encode(line + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** Runs a program to its end; one that is not there ends with status 127. */
export async function run(
  [command = "", ...args]: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const { cwd = ROOT, env = {}, clearEnv = false, seconds = 300 } = options;
  try {
    const output = await new Deno.Command(command, {
      args,
      cwd,
      env,
      clearEnv,
      stdin: "null",
      signal: AbortSignal.timeout(seconds * 1000),
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { code: 127, stdout: "", stderr: `${command}: not found` };
  }
}

/**
 * Runs a program that has to succeed.
 *
 * @returns its standard output
 * @throws {BuildError} if it fails
 */
export async function need(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code === 0) return stdout;
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-20).join("\n");
  throw new BuildError(`Failed with status ${code}: ${command.join(" ")}\n${said}`);
}
