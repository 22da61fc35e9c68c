/**
 * The retriever as a process of its own, to be killed: it runs one client once. Given a number, it
 * kills itself at so many operations on the file system, which no timing could hit so exactly.
 *
 * @module
 */
import type { RetrieverOptions } from "../../lib/retriever/options.ts";
import { Retriever } from "../../lib/retriever/retriever.ts";

/** What the process is told, as JSON in its first argument. */
export interface ChildTask {
  readonly options: RetrieverOptions;
  /** The operation at which to die: before it (`n`), or in the middle of a write (`n.5`). */
  readonly dieAt?: number;
}

let operations = 0;

function die(): never {
  Deno.kill(Deno.pid, "SIGKILL");
  throw new Error("SIGKILL did not end the process");
}

/** Puts a count before every call of a function. */
function counted<Args extends unknown[], Result>(
  dieAt: number,
  original: (this: unknown, ...args: Args) => Result,
  half?: (self: unknown, ...args: Args) => void,
): (this: unknown, ...args: Args) => Result {
  return function (...args) {
    operations++;
    if (operations === dieAt) die();
    if (operations === dieAt - 0.5) {
      half?.(this, ...args);
      die();
    }
    return original.apply(this, args);
  };
}

function armTrap(dieAt: number): void {
  const system = Deno as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of ["openSync", "renameSync", "rename", "removeSync", "mkdirSync"]) {
    system[name] = counted(dieAt, system[name]!);
  }
  const file = Deno.FsFile.prototype;
  file.syncData = counted(dieAt, file.syncData);
  file.sync = counted(dieAt, file.sync);
  file.truncateSync = counted(dieAt, file.truncateSync);
  const write = file.writeSync;
  file.writeSync = counted(dieAt, write, (self, bytes: Uint8Array) => {
    write.call(self as Deno.FsFile, bytes.subarray(0, bytes.length >> 1));
  });
}

if (import.meta.main) {
  const { options, dieAt } = JSON.parse(Deno.args[0]!) as ChildTask;
  armTrap(dieAt ?? Infinity);
  const well = await new Retriever(options, { once: true, dryRun: false }).run();
  Deno.stdout.writeSync(new TextEncoder().encode(`${operations} ${well}\n`));
}
