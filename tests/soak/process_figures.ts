/**
 * What a process takes of the machine, from `/proc`: on Linux only.
 *
 * @module
 */

/** Figures of one moment. */
export interface ProcessFigures {
  /** Resident memory in bytes; a page that n processes share counts 1/n. */
  readonly pss: number;
  /** Open files, sockets among them. */
  readonly files: number;
  readonly threads: number;
}

/** Deno lets only those read `/proc` who may do everything, but a shell may. */
const SCRIPT = 'cat "/proc/$1/smaps_rollup" "/proc/$1/status" && ls "/proc/$1/fd" | wc -l';

/** Whether there are figures here. */
export async function hasFigures(): Promise<boolean> {
  return (await read(Deno.pid)).success;
}

/**
 * Reads the figures of a process.
 *
 * @throws if it is not there any more
 */
export async function figuresOf(pid: number): Promise<ProcessFigures> {
  const { success, text } = await read(pid);
  if (!success) throw new Error(`There are no figures of process ${pid}`);
  return {
    pss: 1024 * Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1]),
    files: Number(/^(\d+)\n$/m.exec(text)?.[1]),
    threads: Number(/^Threads:\s+(\d+)$/m.exec(text)?.[1]),
  };
}

async function read(pid: number): Promise<{ success: boolean; text: string }> {
  const args = ["-c", SCRIPT, "sh", `${pid}`];
  const { success, stdout } = await new Deno.Command("sh", { args, stderr: "null" }).output();
  return { success, text: new TextDecoder().decode(stdout) };
}
