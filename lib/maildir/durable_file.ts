/**
 * Files that must survive a crash: written under a temporary name, brought to disk, and only then
 * given their place.
 *
 * Opening, writing, closing and renaming are synchronous on purpose: on a page cache they take
 * microseconds, a tenth of what a promise and the thread pool cost. Only the fsync, which waits
 * for the disk, is asynchronous, so that several of them share one commit of the file system.
 *
 * @module
 */

/** Small writes are gathered up to this size. */
const BUFFER = 64 * 1024;

/** A file being written; private to its owner (mode 0600). */
export class DurableFile {
  /** Where it is for now. */
  readonly path: string;
  #file: Deno.FsFile | undefined;
  #buffer: Uint8Array | undefined;
  #used = 0;
  #size = 0;

  /**
   * Creates the file.
   *
   * @param path must not exist
   * @throws what creating throws
   */
  constructor(path: string) {
    this.path = path;
    this.#file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  }

  /** How many bytes were written. */
  get size(): number {
    return this.#size;
  }

  /** Adds bytes; they are copied or written before this returns. */
  write(bytes: Uint8Array): void {
    this.#size += bytes.length;
    const direct = bytes.length > BUFFER / 2;
    if (direct || this.#used + bytes.length > BUFFER) this.#flush();
    if (direct) return this.#writeAll(bytes);
    this.#buffer ??= takeBuffer();
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Hands over to the system what was gathered: after this the file is complete, but not yet safe. */
  end(): void {
    this.#flush();
    this.#giveBuffer();
  }

  /** Brings the contents to disk and closes the file. */
  async sync(): Promise<void> {
    try {
      await this.#file?.syncData();
    } finally {
      this.close();
    }
  }

  /** Closes the file as it is; safe to call more than once. */
  close(): void {
    this.#giveBuffer();
    this.#file?.close();
    this.#file = undefined;
  }

  /** Closes the file and removes it; never throws. */
  discard(): void {
    this.#used = 0;
    this.close();
    removeQuietly(this.path);
  }

  #flush(): void {
    const used = this.#used;
    this.#used = 0;
    if (this.#buffer !== undefined && used > 0) this.#writeAll(this.#buffer.subarray(0, used));
  }

  #writeAll(bytes: Uint8Array): void {
    if (this.#file === undefined) throw new Error("The file is closed");
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }

  #giveBuffer(): void {
    if (this.#buffer !== undefined) spare = this.#buffer;
    this.#buffer = undefined;
  }
}

/** Files are mostly written one after the other, so one buffer goes a long way. */
let spare: Uint8Array | undefined;

function takeBuffer(): Uint8Array {
  const buffer = spare ?? new Uint8Array(BUFFER);
  spare = undefined;
  return buffer;
}

/** Brings a folder's entries to disk: names that were added, moved or removed. */
export async function syncFolder(path: string): Promise<void> {
  using folder = openForSync(path);
  await folder.sync();
}

function openForSync(path: string): Deno.FsFile {
  return Deno.openSync(path);
}

/**
 * Creates a folder and those above it that do not exist (mode 0700), so that they outlive a crash.
 *
 * @returns whether anything had to be created
 */
export async function ensureDurableFolder(path: string): Promise<boolean> {
  const missing: string[] = [];
  for (let at = path; !isFolder(at); at = parentOf(at)) missing.push(at);
  for (const folder of missing.toReversed()) {
    makeFolder(folder);
    await syncFolder(parentOf(folder)).catch(unlessForbidden);
  }
  return missing.length > 0;
}

/**
 * Tells a folder from another one that has its path at another time, because it was moved or
 * because the disk that holds it is not there.
 */
export function folderMark(path: string): string {
  return `D${(Deno.statSync(path).ino ?? 0).toString(36)}`;
}

function isFolder(path: string): boolean {
  try {
    if (Deno.statSync(path).isDirectory) return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && parentOf(path) !== path) return false;
    unlessForbidden(error);
    return true;
  }
  throw new Deno.errors.NotADirectory(`${path} is not a folder`);
}

/** A worker may see no more than its own folders; those above them are none of its business. */
function unlessForbidden(error: unknown): void {
  if (!(error instanceof Deno.errors.NotCapable)) throw error;
}

function makeFolder(path: string): void {
  try {
    // Those above it that may not be looked at may not exist either.
    Deno.mkdirSync(path, { mode: 0o700, recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

function parentOf(path: string): string {
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  if (at < 0) return ".";
  return at === 0 ? path.slice(0, 1) : path.slice(0, at);
}

/** Whether a path has something there, be it a link that leads nowhere. @throws what else is wrong */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Removes a file if it is there and can be removed. */
export function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It is gone already, or a later run removes it.
  }
}

/** Whether a failure says that the disk, or somebody's share of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "ENOSPC" || code === "EDQUOT" ||
    (error instanceof Error && /os error (28|122)\b/.test(error.message));
}
