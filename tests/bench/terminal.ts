/**
 * Output of the benchmark.
 *
 * @module
 */
const encoder = new TextEncoder();

/** Writes a line to standard output. */
export function say(line = ""): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

/** Writes a line about what goes on to standard error. */
export function note(line: string): void {
  Deno.stderr.writeSync(encoder.encode(`${line}\n`));
}
