/**
 * Notices that files have changed. It asks, rather than being told: that works
 * on every file system and for files that are replaced by renaming.
 *
 * @module
 */

/** How often the files are looked at, in milliseconds. */
const INTERVAL = 700;

/** Files that are watched together, and what to do when one of them changes. */
export interface WatchedFiles {
  /** Their paths. */
  readonly paths: readonly string[];
  /** Called after a change, when nothing has changed for one more look: a writer may be half way. */
  readonly changed: () => Promise<void>;
}

interface Watched extends WatchedFiles {
  /** The state that `changed` was last called for, or the first one. */
  known: string;
  /** The state at the last look. */
  seen: string;
}

/** Watches groups of files. */
export class FileWatch {
  readonly #groups: Watched[] = [];
  readonly #interval: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Watches nothing yet.
   *
   * @param interval how often to look, in milliseconds
   */
  constructor(interval: number = INTERVAL) {
    this.#interval = interval;
  }

  /**
   * Begins to watch some files, from their present state on: call it before they are read, lest
   * a change in between be missed.
   */
  async add(files: WatchedFiles): Promise<void> {
    const state = await stateOf(files.paths);
    this.#groups.push({ ...files, known: state, seen: state });
    if (!this.#stopped) this.#timer ??= setTimeout(() => this.#look(), this.#interval);
  }

  /** Takes all files for changed. */
  async changeAll(): Promise<void> {
    for (const group of this.#groups) await this.#change(group, await stateOf(group.paths));
  }

  /** Ends it. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      for (const group of this.#groups) {
        const state = await stateOf(group.paths);
        const still = state === group.seen;
        group.seen = state;
        if (still && state !== group.known && !this.#stopped) await this.#change(group, state);
      }
    } finally {
      if (!this.#stopped) this.#timer = setTimeout(() => this.#look(), this.#interval);
    }
  }

  async #change(group: Watched, state: string): Promise<void> {
    group.known = group.seen = state;
    await group.changed();
  }
}

/** Differs if any of the files was written, replaced, removed or created. */
async function stateOf(paths: readonly string[]): Promise<string> {
  const states = await Promise.all(paths.map(async (path) => {
    try {
      const { mtime, ctime, size, ino, dev } = await Deno.stat(path);
      return `${mtime?.getTime()} ${ctime?.getTime()} ${size} ${ino} ${dev}`;
    } catch (error) {
      return error instanceof Error ? error.name : "unreadable";
    }
  }));
  return states.join("\n");
}
