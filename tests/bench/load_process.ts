/**
 * Starts the load generator as a process of its own.
 *
 * @module
 */
import type { Job, LoadResult } from "./load/job.ts";

const main = new URL("load/main.ts", import.meta.url).pathname;

function command(job: Job): Deno.Command {
  const options = ["run", "--quiet", "--no-config", "--no-lock", "--no-check", "--no-prompt"];
  // The generator's own limit of open files is what idle sessions need.
  const script = 'ulimit -n "$(ulimit -Hn)"; exec "$@"';
  const args = [Deno.execPath(), ...options, "--allow-net=127.0.0.1,localhost", main];
  return new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args, JSON.stringify(job)],
    stdin: job.mode === "idle" ? "piped" : "null",
    stdout: "piped",
    stderr: "inherit",
  });
}

/** Runs the generator to its end. */
export async function runLoad(job: Job): Promise<LoadResult> {
  const { stdout } = await command(job).output();
  return resultOf(new TextDecoder().decode(stdout));
}

/**
 * Holds idle sessions.
 *
 * @param held called when all are logged in; they end when it is done
 */
export async function holdLoad(
  job: Job,
  held: (sessions: number) => Promise<void>,
): Promise<LoadResult> {
  const child = command(job).spawn();
  const decoder = new TextDecoder();
  let text = "";
  let begun = false;
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    const match = /^HOLD (\d+)\n/.exec(text);
    if (begun || match === null) continue;
    begun = true;
    await held(Number(match[1]));
    await child.stdin.close();
  }
  await child.status;
  return resultOf(text);
}

function resultOf(text: string): LoadResult {
  const last = text.trimEnd().split("\n").at(-1) ?? "";
  if (!last.startsWith("{")) throw new Error("the load generator ended without a result");
  return JSON.parse(last) as LoadResult;
}
