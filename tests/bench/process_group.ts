/**
 * CPU time and memory of a server: the process that was started, all its descendants, and those of
 * them that have ended.
 *
 * A control group is exact and counts whoever has ended; where none can be made, /proc is added up
 * (steps of 10 ms, ended processes as far as their parents have waited for them).
 *
 * @module
 */

const TICKS = 100;
const PAGE = 4096;

/** Where control groups may be, and how each says CPU time. */
const KINDS = [
  { base: "/sys/fs/cgroup/cpuacct", file: "cpuacct.usage" },
  { base: "/sys/fs/cgroup/cpu,cpuacct", file: "cpuacct.usage" },
  { base: "/sys/fs/cgroup", file: "cpu.stat" },
  { base: "/sys/fs/cgroup/unified", file: "cpu.stat" },
] as const;

/** The processes of one server. */
export class ProcessGroup {
  readonly #path: string | undefined;
  readonly #usage: string | undefined;
  #root: number | undefined;

  /** @param name tells the groups of one benchmark apart */
  constructor(name: string) {
    for (const { base, file } of KINDS) {
      const path = `${base}/mailismus-bench-${Deno.pid}-${name}`;
      if (!makesGroup(path, file)) continue;
      this.#path = path;
      this.#usage = `${path}/${file}`;
      return;
    }
  }

  /** How CPU time is found out, in words. */
  get method(): string {
    return this.#path === undefined ? "/proc" : "control group";
  }

  /** A command that puts itself into the group, raises its limit of open files, and becomes another. */
  wrap(command: string, args: readonly string[]): { command: string; args: string[] } {
    const join = this.#path === undefined ? "" : `echo $$ > ${this.#path}/cgroup.procs; `;
    const script = `${join}ulimit -n "$(ulimit -Hn)"; exec "$@"`;
    return { command: "sh", args: ["-c", script, "sh", command, ...args] };
  }

  /** Names the process that the server was started as. */
  setRoot(pid: number): void {
    this.#root = pid;
  }

  /** CPU seconds so far. */
  cpu(): number {
    if (this.#usage === undefined) {
      return this.pids().reduce((sum, pid) => sum + cpuOf(pid), 0);
    }
    const text = Deno.readTextFileSync(this.#usage);
    const usec = /^usage_usec (\d+)/.exec(text);
    return usec === null ? Number(text) / 1e9 : Number(usec[1]) / 1e6;
  }

  /** The live processes. */
  pids(): number[] {
    if (this.#path !== undefined) {
      const text = Deno.readTextFileSync(`${this.#path}/cgroup.procs`);
      return text.split("\n").filter((line) => line !== "").map(Number);
    }
    return this.#root === undefined ? [] : descendants(this.#root);
  }

  /** Resident memory in bytes; pages that processes share count for each. */
  rss(): number {
    return this.pids().reduce((sum, pid) => {
      const fields = readOrNothing(`/proc/${pid}/statm`).split(" ");
      return sum + Number(fields[1] ?? 0) * PAGE;
    }, 0);
  }

  /** Proportional memory in bytes: a page that n processes share counts 1/n for each. */
  pss(): number {
    return this.pids().reduce((sum, pid) => {
      const match = /^Pss:\s+(\d+) kB/m.exec(readOrNothing(`/proc/${pid}/smaps_rollup`));
      return sum + Number(match?.[1] ?? 0) * 1024;
    }, 0);
  }

  /** Ends all processes at once, and removes the group; blocks for a moment. */
  kill(): void {
    for (const pid of this.pids()) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended already.
      }
    }
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    for (let attempt = 0; this.#path !== undefined && attempt < 40; attempt++) {
      try {
        return Deno.removeSync(this.#path);
      } catch {
        Atomics.wait(sleeper, 0, 0, 25);
      }
    }
  }

  /** Removes the group; its processes must have ended. */
  async remove(): Promise<void> {
    for (let attempt = 0; this.#path !== undefined && attempt < 50; attempt++) {
      try {
        return await Deno.remove(this.#path);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

function makesGroup(path: string, file: string): boolean {
  try {
    Deno.mkdirSync(path);
  } catch {
    return false;
  }
  try {
    Deno.statSync(`${path}/${file}`);
    return true;
  } catch {
    Deno.removeSync(path);
    return false;
  }
}

function readOrNothing(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** The fields of /proc/PID/stat behind the command's name: state, parent, … */
function statOf(pid: number): string[] {
  const text = readOrNothing(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function cpuOf(pid: number): number {
  const fields = statOf(pid);
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at] ?? 0), 0) / TICKS;
}

function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(statOf(Number(name))[1]);
    children.set(parent, [...children.get(parent) ?? [], Number(name)]);
  }
  const found = [root];
  for (const pid of found) found.push(...children.get(pid) ?? []);
  return found;
}

/** Watches a group's memory while something runs. */
export async function peakMemory<T>(
  group: ProcessGroup,
  work: () => Promise<T>,
): Promise<{ result: T; peak: number }> {
  let peak = group.rss();
  const timer = setInterval(() => peak = Math.max(peak, group.rss()), 100);
  try {
    const result = await work();
    return { result, peak: Math.max(peak, group.rss()) };
  } finally {
    clearInterval(timer);
  }
}
