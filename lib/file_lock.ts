/**
 * Letting go of advisory locks on files and folders.
 *
 * @module
 */

/**
 * Unlocks a locked file and closes it. Closing alone would not do: a process that is being started
 * at this moment, by anything in this one, holds a copy of the open file until it becomes
 * its program, and would prolong the lock.
 */
export function releaseLock(file: Deno.FsFile): void {
  try {
    file.unlockSync();
  } catch {
    // Closing it unlocks it, too.
  }
  file.close();
}
