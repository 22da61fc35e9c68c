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
  /** Changes are taken one after the other, lest an older reading outlast a newer one. */
  #last: Promise<void> = Promise.resolve();
  /** A {@linkcode FileWatch.changeAll} that has not begun. */
  #all: Promise<void> | undefined;

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

  /** Takes all files for changed; asked again before it has begun, it does so once. */
  changeAll(): Promise<void> {
    return this.#all ??= this.#inTurn(async () => {
      this.#all = undefined;
      for (const group of this.#groups) await this.#change(group, await stateOf(group.paths));
    });
  }

  /** Ends it. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      await this.#inTurn(async () => {
        for (const group of this.#groups) await this.#lookAt(group);
      });
    } finally {
      if (!this.#stopped) this.#timer = setTimeout(() => this.#look(), this.#interval);
    }
  }

  async #lookAt(group: Watched): Promise<void> {
    const state = await stateOf(group.paths);
    const still = state === group.seen;
    group.seen = state;
    if (still && state !== group.known && !this.#stopped) await this.#change(group, state);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
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
