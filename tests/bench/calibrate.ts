/**
 * What the load generator costs by itself: it talks to a server that does nothing but write
 * prepared replies, so what is left is the generator and the kernel.
 *
 * @module
 */
import type { Job, LoadResult, Mode } from "./load/job.ts";
import { runLoad } from "./load_process.ts";

/** One mode's figures. */
export interface Calibration {
  readonly mode: Mode;
  readonly load: LoadResult;
  /** Microseconds of the generator's CPU time for each session. */
  readonly perSession: number;
  /** The same for each message. */
  readonly perMessage: number;
}

/** Runs the generator against the canned server. */
export async function calibrate(seconds: number): Promise<Calibration[]> {
  const main = new URL("canned_server.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-lock", "--no-check", "--allow-net", main],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    const port = Number(new TextDecoder().decode(value));
    const all: Calibration[] = [];
    for (const mode of ["login", "fetch", "pipeline"] as const) {
      const load = await runLoad(jobFor(mode, port, seconds));
      const micros = load.cpu * 1e6;
      all.push({
        ...{ mode, load },
        perSession: micros / load.sessions,
        perMessage: load.messages === 0 ? 0 : micros / load.messages,
      });
    }
    return all;
  } finally {
    child.kill("SIGTERM");
    await child.stdout.cancel();
    await child.status;
  }
}

function jobFor(mode: Mode, port: number, seconds: number): Job {
  return {
    ...{ mode, port, seconds, encryption: "none", prefix: "any", users: 100, password: "any" },
    ...{ concurrency: 20, sessions: 1e9, thorough: false, limit: 60 },
  };
}
