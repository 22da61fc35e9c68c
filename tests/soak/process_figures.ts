/**
 * What a process takes of the machine, from `/proc`: on Linux only.
 *
 * @module
 */

/** Figures of one moment. */
export interface ProcessFigures {
  /** Resident memory in bytes; a page that n processes share counts 1/n. */
  readonly pss: number;
  /** The part of it that is the process' own: not of files. */
  readonly anonymous: number;
  /** Open files, sockets among them. */
  readonly files: number;
  readonly threads: number;
}

/** Whether there are figures here. */
export function hasFigures(): boolean {
  try {
    Deno.statSync("/proc/self/smaps_rollup");
    return true;
  } catch {
    return false;
  }
}

/** Reads the figures of a process. */
export function figuresOf(pid: number): ProcessFigures {
  const memory = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kilobytes = (name: string) =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(memory)?.[1]);
  return {
    pss: kilobytes("Pss"),
    anonymous: kilobytes("Pss_Anon"),
    files: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    threads: Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1]),
  };
}
