/**
 * One user at a time: within the process by waiting, between processes by a lock on a file.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { releaseLock } from "../file_lock.ts";

/** Another process has what we need. */
export class BusyError extends Error {
  /** Tells it from other errors. */
  override name = "BusyError";
}

/** The locks that this process holds or waits for, by path: the end of each queue. */
const queues = new Map<string, Promise<void>>();

/**
 * Locks a file, which is created if absent and left in place afterwards (a removed lock file is
 * two lock files to those who come next). The lock ends with its process, however that ends.
 *
 * @returns unlocks
 * @throws {BusyError} if another process has the lock
 */
export async function lockFile(path: string): Promise<Disposable> {
  const before = queues.get(path);
  const turn = Promise.withResolvers<void>();
  const tail = (before ?? Promise.resolve()).then(() => turn.promise);
  queues.set(path, tail);
  await before;
  let file: Deno.FsFile | undefined;
  const release = (): void => {
    if (file !== undefined) releaseLock(file);
    file = undefined;
    if (queues.get(path) === tail) queues.delete(path);
    turn.resolve();
  };
  try {
    file = openLock(path);
    if (!await file.tryLock(true)) {
      throw new BusyError(`another retriever is at work with this account (it holds ${path})`);
    }
    return { [Symbol.dispose]: release };
  } catch (error) {
    release();
    if (error instanceof BusyError) throw error;
    throw new Error(`Cannot lock ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

function openLock(path: string): Deno.FsFile {
  return Deno.openSync(path, { write: true, create: true, mode: 0o600 });
}
