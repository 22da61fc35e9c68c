/**
 * The load generator as a process of its own, so that its CPU time is not the server's:
 * `main.ts JOB`, JOB being JSON. Writes the result as one line of JSON. With idle sessions it says
 * `HOLD n` when they are logged in, and ends them at the end of its standard input.
 *
 * @module
 */
import type { Job } from "./job.ts";
import { runJob } from "./run.ts";

const job = JSON.parse(Deno.args[0] ?? "{}") as Job;

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function endOfInput(): Promise<void> {
  for await (const _ of Deno.stdin.readable) { /* only its end matters */ }
}

const watchdog = setTimeout(() => {
  print(JSON.stringify({ errors: 1, faults: [`the run took longer than ${job.limit} s`] }));
  Deno.exit(1);
}, job.limit * 1000);
const result = await runJob(job, {
  ready: (sessions) => print(`HOLD ${sessions}`),
  end: job.mode === "idle" ? endOfInput() : Promise.resolve(),
});
clearTimeout(watchdog);
print(JSON.stringify(result));
Deno.exit(result.errors > 0 ? 1 : 0);
