/**
 * Operations on files that fail, stop or meet another program, one chosen operation at a time: the
 * functions of `Deno` and of its files are wrapped and counted. A first run without a fault tells
 * how many operations there are; then each is made to fail in each of the ways that are possible
 * there, so that no point is left out.
 *
 * @module
 */

/** What befalls an operation. */
export type FaultKind =
  /** The disk is full, for this operation */
  | "ENOSPC"
  /** or from it on, for all that needs room. */
  | "full"
  /** The disk is broken, for this operation */
  | "EIO"
  /** or from it on, for all operations. */
  | "dead"
  /** It is not permitted. */
  | "EACCES"
  /** Another program removes the file just before. */
  | "gone"
  /** Another program moves the message from `new/` to `cur/` just before. */
  | "moved"
  /** Half of the bytes are read or written, which is no fault. */
  | "short"
  /** The process ends: half of a write is done, and nothing from here on. */
  | "stop";

/** One operation on a file. */
export interface Operation {
  /** The function, such as `renameSync` or `file.writeSync`. */
  readonly name: string;
  /** What it was given as a path; empty for operations on an open file. */
  readonly path: string;
  /** Whether there was a regular file at that path. */
  readonly onFile: boolean;
}

type Any = (this: unknown, ...args: unknown[]) => unknown;

const READS = ["stat", "lstat", "readFile", "readTextFile", "readDir", "realPath"];
const CHANGES = ["open", "mkdir", "remove", "rename", "writeTextFile", "chmod", "chown"];
/** Unlocking is none of them: it works for whoever ends, too. */
const FILE_READS = ["read", "stat", "seek", "tryLock"];
const FILE_CHANGES = ["write", "sync", "syncData", "truncate"];
/** What a full disk refuses. */
const NEEDS_ROOM = ["open", "mkdir", "rename", "writeTextFile", "file.write", "file.sync"];

const CODES = {
  ENOSPC: [Error, "No space left on device (os error 28)"],
  EIO: [Error, "Input/output error (os error 5)"],
  EACCES: [Deno.errors.PermissionDenied, "Permission denied (os error 13)"],
} as const;

/** The ways in which an operation can go wrong. */
export function faultsAt({ name, path, onFile }: Operation): FaultKind[] {
  const base = name.replace(/Sync$/, "");
  const faults: FaultKind[] = ["EIO", "dead"];
  if (CHANGES.includes(base) || FILE_CHANGES.some((one) => base === `file.${one}`)) {
    faults.push("stop");
  }
  if (NEEDS_ROOM.includes(base)) faults.push("ENOSPC", "full");
  if (path !== "") faults.push("EACCES");
  if (onFile && /\/(?:new|cur)\/[^/]+$/.test(path)) faults.push("gone");
  if (onFile && /\/new\/[^/]+$/.test(path)) faults.push("moved");
  if (base === "file.read" || base === "file.write") faults.push("short");
  return faults;
}

/** Counts the operations of this thread, and lets one fail. */
export class FaultyFiles implements Disposable {
  /** All operations so far. */
  readonly operations: Operation[] = [];
  /** Files that another program took away. */
  readonly removed: string[] = [];
  /** Whether nothing happens any more. */
  stopped = false;
  readonly #at: number;
  readonly #kind: FaultKind | undefined;
  readonly #restore: (() => void)[] = [];
  readonly #real: Record<string, Any> = {};

  /**
   * From here on operations are counted.
   *
   * @param at the operation that the fault befalls, from 0; no fault by default
   */
  constructor(at: number = Infinity, kind?: FaultKind) {
    this.#at = at;
    this.#kind = kind;
    const system = Deno as unknown as Record<string, Any>;
    const file = Deno.FsFile.prototype as unknown as Record<string, Any>;
    for (const name of [...READS, ...CHANGES]) {
      this.#wrap(system, name, "");
      this.#wrap(system, `${name}Sync`, "");
    }
    for (const name of [...FILE_READS, ...FILE_CHANGES]) {
      this.#wrap(file, name, "file.");
      this.#wrap(file, `${name}Sync`, "file.");
    }
  }

  /** The operation at which the fault was. */
  get hit(): Operation | undefined {
    return this.operations[this.#at];
  }

  [Symbol.dispose](): void {
    for (const restore of this.#restore) restore();
  }

  #wrap(owner: Record<string, Any>, name: string, prefix: "" | "file."): void {
    const original = owner[name];
    if (original === undefined) return;
    this.#real[prefix + name] = original;
    // deno-lint-ignore no-this-alias -- the wrapper has a `this` of its own
    const faulty = this;
    owner[name] = function (this: unknown, ...args: unknown[]) {
      const error = faulty.#befall(prefix + name, args);
      if (error === undefined) return original.apply(this, faulty.#cut(args));
      if (faulty.#halves(prefix + name)) {
        faulty.#real["file.writeSync"]!.call(this, half(args[0] as Uint8Array));
      }
      if (name.endsWith("Sync")) throw error;
      return name === "readDir" ? failing(error) : Promise.reject(error);
    };
    this.#restore.push(() => owner[name] = original);
  }

  /** Counts an operation, and says how it fails. */
  #befall(name: string, args: unknown[]): Error | undefined {
    const path = name.startsWith("file.") ? "" : String(args[0]);
    const index = this.operations.push({ name, path, onFile: this.#isFile(path) }) - 1;
    const kind = this.#kind;
    if (kind === undefined || index < this.#at) return undefined;
    if (kind === "stop") {
      this.stopped = true;
      return new Error("The process is no more");
    }
    if (kind === "dead") return failure("EIO");
    if (kind === "full") return needsRoom(name, args) ? failure("ENOSPC") : undefined;
    if (index > this.#at || kind === "short") return undefined;
    if (kind === "gone" || kind === "moved") return this.#interfere(kind, path);
    return failure(kind);
  }

  /** Whether the write at hand is the one that the end of the process cuts in two. */
  #halves(name: string): boolean {
    return this.#kind === "stop" && this.operations.length - 1 === this.#at &&
      /^file\.write(?:Sync)?$/.test(name);
  }

  #cut(args: unknown[]): unknown[] {
    const isHere = this.#kind === "short" && this.operations.length - 1 === this.#at;
    return isHere && args[0] instanceof Uint8Array ? [half(args[0])] : args;
  }

  #interfere(kind: "gone" | "moved", path: string): undefined {
    if (!this.#isFile(path)) return;
    if (kind === "moved") {
      this.#real.renameSync!.call(Deno, path, `${path.replace(/\/new\/([^/]+)$/, "/cur/$1")}:2,`);
      return;
    }
    this.removed.push(path);
    this.#real.removeSync!.call(Deno, path);
  }

  #isFile(path: string): boolean {
    if (path === "") return false;
    try {
      return (this.#real.lstatSync!.call(Deno, path) as Deno.FileInfo).isFile;
    } catch {
      return false;
    }
  }
}

function needsRoom(name: string, args: unknown[]): boolean {
  const base = name.replace(/Sync$/, "");
  if (base !== "open") return NEEDS_ROOM.includes(base);
  const { create, createNew } = (args[1] ?? {}) as Deno.OpenOptions;
  return create === true || createNew === true;
}

function failure(code: keyof typeof CODES): Error {
  const [Kind, text] = CODES[code];
  return Object.assign(new Kind(text), { code });
}

async function* failing(error: Error): AsyncGenerator<never> {
  await Promise.reject(error);
  yield* [];
}

function half(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, Math.max(1, bytes.length >> 1));
}

/** How one trial went: what is wrong must be thrown. */
export type Trial = (faulty: () => FaultyFiles) => Promise<void>;

/** What {@linkcode everyFault} did. */
export interface Enumeration {
  /** Operations without a fault. */
  readonly operations: number;
  /** What can go wrong with them, all in all. */
  readonly faults: number;
  /** How much of that was tried. */
  readonly trials: number;
  /** The functions that can fail. */
  readonly names: ReadonlySet<string>;
}

/** Of which faults {@linkcode everyFault} makes trials. */
export interface Choice {
  /** Leaves out what is not asked for. */
  readonly skip?: (operation: Operation, kind: FaultKind) => boolean;
  /** Only one in so many, others each time; all of them where FAULT_POINTS is `all`. */
  readonly oneIn?: number;
}

/**
 * Repeats a trial for each operation on files and each way in which that can go wrong.
 *
 * @param trial calls its argument where faults may begin, and disposes of the result where they end
 * @throws what a trial throws, with the fault in its message
 */
export async function everyFault(
  trial: Trial,
  { skip = () => false, oneIn = 1 }: Choice = {},
): Promise<Enumeration> {
  let plain: FaultyFiles | undefined;
  await trial(() => plain = new FaultyFiles());
  const operations = [...plain?.operations ?? []];
  const faults = operations.flatMap((operation, at) =>
    faultsAt(operation).filter((kind) => !skip(operation, kind))
      .map((kind) => ({ at, kind, operation }))
  );
  const step = Deno.env.get("FAULT_POINTS") === "all" ? 1 : oneIn;
  const first = Math.floor(Math.random() * step);
  const chosen = faults.filter((_, i) => i % step === first);
  for (const { at, kind, operation } of chosen) {
    try {
      await trial(() => new FaultyFiles(at, kind));
    } catch (error) {
      const where = `${kind} at operation ${at}, ${operation.name} ${operation.path}`;
      throw new Error(`${where}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
  const names = new Set(faults.map(({ operation }) => operation.name));
  return { operations: operations.length, faults: faults.length, trials: chosen.length, names };
}

/** Fails unless a line of a log is one sentence, for people. */
export function checkSentences(lines: Iterable<string>): void {
  for (const line of lines) {
    if (/[\r\n]|\bat .*:\d+:\d+|file:\/\//.test(line)) throw new Error(`No sentence: ${line}`);
  }
}
