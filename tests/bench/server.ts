/**
 * A server under measurement, whichever it is.
 *
 * @module
 */
import { onInterrupt } from "./cleanup.ts";
import type { Encryption } from "./load/job.ts";
import { ProcessGroup } from "./process_group.ts";

/** Ports of one server. */
export type Ports = Readonly<Record<Encryption, number>>;

/** How a server is started. */
export interface ServerPlan {
  /** Short, as the table shows it. */
  readonly name: string;
  readonly ports: Ports;
  /** Writes the config, and says how to start the server in the foreground. */
  prepare(): Promise<{ command: string; args: string[]; logFile: string }>;
}

const START_LIMIT = 30_000;
const STOP_LIMIT = 20_000;

/** A running server. */
export class BenchServer {
  readonly plan: ServerPlan;
  #group: ProcessGroup;
  readonly #stay: () => void;
  #child: Deno.ChildProcess | undefined;

  /** Starts nothing yet. */
  constructor(plan: ServerPlan) {
    this.plan = plan;
    this.#group = new ProcessGroup(plan.name.replaceAll(/[^a-z]/g, "-"));
    this.#stay = onInterrupt(() => this.#group.kill());
  }

  /** Its processes. */
  get group(): ProcessGroup {
    return this.#group;
  }

  /** Starts it and waits until it accepts connections. */
  async start(): Promise<void> {
    const { command, args, logFile } = await this.plan.prepare();
    const log = await Deno.open(logFile, { create: true, append: true, write: true });
    log.close();
    const wrapped = this.#group.wrap("sh", [
      "-c",
      `exec "$@" >>${logFile} 2>&1`,
      "sh",
      command,
      ...args,
    ]);
    this.#child = new Deno.Command(wrapped.command, {
      args: wrapped.args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#group.setRoot(this.#child.pid);
    const end = performance.now() + START_LIMIT;
    for (const port of Object.values(this.plan.ports)) {
      while (!listens(this.#child.pid, port)) {
        if (performance.now() > end) {
          const words = (await Deno.readTextFile(logFile)).slice(-1000);
          throw new Error(`${this.plan.name} did not start: ${words}`);
        }
        await pause(100);
      }
    }
    await pause(500);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    endProcess(child, "SIGTERM");
    const timer = setTimeout(() => endProcess(child, "SIGKILL"), STOP_LIMIT);
    await child.status;
    clearTimeout(timer);
    while (this.#group.pids().length > 0) await pause(50);
  }

  /** Starts it anew, so that memory taken before does not count. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    await this.stop();
    this.#stay();
    await this.#group.remove();
  }
}

/** Whether a process listens on a port, in whatever network it is: connecting would begin a session. */
function listens(pid: number, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  try {
    return new RegExp(`:${hex} 0{8}:0000 0A `).test(Deno.readTextFileSync(`/proc/${pid}/net/tcp`));
  } catch {
    return false;
  }
}

function endProcess(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended already.
  }
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
