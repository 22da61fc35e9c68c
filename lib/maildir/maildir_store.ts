/**
 * The store of maildrops: finds a user's Maildir, locks it and reads it, and
 * remembers what it read for as long as the folders do not change.
 *
 * @module
 */
import type { DiskForm } from "../wire/dot_stuffing.ts";
import { reasonOf } from "../errors.ts";
import { releaseLock } from "../file_lock.ts";
import { type KnownSize, type Listing, readListing } from "./listing.ts";
import { checkFolders, type FolderGuard } from "./folder_links.ts";
import { MaildirDrop } from "./maildir_drop.ts";
import {
  type Maildrop,
  MaildropInUseError,
  type MaildropStore,
  MaildropUnavailableError,
} from "./maildrop.ts";
import { MaildirNames } from "./names.ts";
import { SizeCache } from "./size_cache.ts";
import { timeSlices } from "./time_slices.ts";

/** Settings of a store, as `[message_store]` has them. */
export interface MaildirStoreOptions {
  /** The folder that holds a folder for each user. */
  readonly userPath: string;
  /** The Maildir's name within the user's folder. */
  readonly mailPath: string;
  /** Before the info part of a file name. */
  readonly colon: string;
  /** Before the flags and sizes of a file name. */
  readonly comma: string;
  /** No other program adds or removes messages. */
  readonly exclusive: boolean;
  /** How messages lie on disk. */
  readonly form: DiskForm;
  /** A folder for caches; without one, sizes are computed again after a restart. */
  readonly cachePath?: string;
  /** Told what should not be but does not stop the session. */
  readonly warn: (text: string) => void;
}

/** What a folder looked like when a listing was made. */
interface FolderState {
  readonly time: number;
  /** Nobody can set this one back, as programs that copy and restore folders do with the other. */
  readonly changed: number;
  readonly inode: number;
}

/** What the folders looked like when a listing was made. */
interface Stamp {
  readonly new: FolderState;
  readonly cur: FolderState;
}

interface Remembered {
  readonly listing: Listing;
  readonly stamp: Stamp;
  /** Whether the folders had been at rest long enough for their times to tell every change. */
  readonly settled: boolean;
}

/**
 * A change within this time (milliseconds) after another may leave a folder's
 * time as it was: two seconds is the coarsest grain of a file system in use (FAT).
 */
const TIME_GRAIN = 2000;

/** The same where only this program changes the folders, on a file system that it is trusted with. */
const EXCLUSIVE_TIME_GRAIN = 50;

/** How many messages' listings a worker remembers, about 200 bytes each. */
const REMEMBERED_MESSAGES = 200_000;

/** Half of a cache's longest lines, in bytes: a file that was just written is never too long. */
const HALF_LINE = 160;

/** Maildirs under one folder, one for each user. */
export class MaildirStore implements MaildropStore {
  readonly #options: MaildirStoreOptions;
  readonly #names: MaildirNames;
  /** By the Maildir's path, the least recently used first. */
  readonly #remembered = new Map<string, Remembered>();
  #rememberedMessages = 0;
  /** Maildirs in which a message was not as large as its file's name or the cache says. */
  readonly #doubted = new Set<string>();
  #cacheFailed = false;

  /**
   * Makes a store; no file is touched before a maildrop is opened.
   *
   * @param options the store's settings
   */
  constructor(options: MaildirStoreOptions) {
    this.#options = options;
    this.#names = new MaildirNames({ colon: options.colon, comma: options.comma });
  }

  /** See {@linkcode MaildropStore.open}. */
  async open(user: string): Promise<Maildrop> {
    if (!isFolderName(user)) {
      throw new MaildropUnavailableError(
        `Cannot open the maildrop of "${user}": the name cannot be a folder's name`,
        { lasting: true },
      );
    }
    const { userPath, mailPath } = this.#options;
    const path = `${userPath}/${user}/${mailPath}`;
    let guard: FolderGuard | undefined;
    try {
      guard = checkFolders(userPath, user, mailPath);
    } catch (error) {
      throw unavailable("open", path, error);
    }
    const lock = this.#lock(path);
    try {
      const listing = await this.#list(user, path);
      return new MaildirDrop({
        path,
        listing,
        names: this.#names,
        form: this.#options.form,
        lock,
        guard,
        onStale: () => this.#forget(path),
        onWrongSize: () => {
          this.#forget(path);
          this.#doubted.add(path);
        },
        warn: this.#options.warn,
      });
    } catch (error) {
      if (lock !== undefined) releaseLock(lock);
      throw unavailable("read", path, error);
    }
  }

  /**
   * Locks a Maildir by an advisory lock on the folder itself: nothing is written, and the lock ends
   * with its holder however that ends. Where folders cannot be opened (Windows), a file beside the
   * messages is locked instead.
   *
   * @returns undefined if there is no Maildir and none can be made: an empty maildrop needs no lock
   */
  #lock(path: string): Deno.FsFile | undefined {
    const target = Deno.build.os === "windows" ? `${path}/.pop3.lock` : path;
    let file: Deno.FsFile;
    try {
      file = openLockTarget(target);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw unavailable("open", path, error);
      if (!this.#create(path)) return undefined;
      try {
        file = openLockTarget(target);
      } catch (second) {
        throw unavailable("open", path, second);
      }
    }
    try {
      if (file.tryLockSync(true)) return file;
    } catch (error) {
      file.close();
      throw unavailable("lock", path, error);
    }
    file.close();
    throw new MaildropInUseError(`Maildir ${path} is locked by another session`);
  }

  #create(path: string): boolean {
    try {
      for (const folder of ["tmp", "new", "cur"]) {
        Deno.mkdirSync(`${path}/${folder}`, { recursive: true, mode: 0o700 });
      }
      return true;
    } catch (error) {
      this.#options.warn(
        `Cannot create Maildir ${path}: ${reasonOf(error)}; it is served as empty`,
      );
      return false;
    }
  }

  async #list(user: string, path: string): Promise<Listing> {
    const before = this.#remembered.get(path);
    const stamp = stampOf(path);
    if (before?.settled && sameStamp(before.stamp, stamp)) {
      this.#remembered.delete(path);
      this.#remembered.set(path, before);
      return before.listing;
    }
    const readAt = Date.now();
    const cache = this.#options.cachePath === undefined
      ? undefined
      : new SizeCache(this.#options.cachePath, user, this.#options.form, path);
    const doubted = this.#doubted.delete(path);
    const known = doubted
      ? new Map<string, KnownSize>()
      : before?.listing.knownSizes() ?? cache?.load() ?? new Map<string, KnownSize>();
    const { listing, computed, complete } = await readListing(path, {
      names: this.#names,
      form: this.#options.form,
      known,
      trustKnown: this.#options.exclusive,
      trustNames: !doubted,
      pause: timeSlices(),
      warn: this.#options.warn,
    });
    if (cache) this.#keep(cache, listing, computed, known.size);
    const grain = this.#options.exclusive ? EXCLUSIVE_TIME_GRAIN : TIME_GRAIN;
    const settled = complete && readAt - Math.max(stamp.new.time, stamp.cur.time) >= grain;
    this.#remember(path, { listing, stamp, settled });
    return listing;
  }

  #keep(
    cache: SizeCache,
    listing: Listing,
    computed: ReadonlyMap<string, KnownSize>,
    known: number,
  ): void {
    try {
      // Sizes of messages that are gone pile up in an appended file: begin anew when they prevail.
      // What is known may come from memory, so that only the file's length tells how many they are.
      const most = 2 * listing.count + 1000;
      const append = () => computed.size > 0 ? cache.append(computed) : 0;
      if (known + computed.size > most || append() > most * HALF_LINE) {
        cache.replace(listing.knownSizes());
      } else if (computed.size === 0) return;
      this.#cacheFailed = false;
    } catch (error) {
      if (!this.#cacheFailed) {
        this.#options.warn(`Cannot keep sizes in the cache: ${reasonOf(error)}`);
      }
      this.#cacheFailed = true;
    }
  }

  #remember(path: string, entry: Remembered): void {
    this.#forget(path);
    this.#remembered.set(path, entry);
    this.#rememberedMessages += entry.listing.count;
    for (const [oldest] of this.#remembered) {
      if (this.#rememberedMessages <= REMEMBERED_MESSAGES || oldest === path) break;
      this.#forget(oldest);
    }
  }

  #forget(path: string): void {
    const entry = this.#remembered.get(path);
    if (!entry) return;
    this.#remembered.delete(path);
    this.#rememberedMessages -= entry.listing.count;
  }
}

function openLockTarget(target: string): Deno.FsFile {
  return Deno.build.os === "windows"
    ? Deno.openSync(target, { read: true, write: true, create: true })
    : Deno.openSync(target);
}

/** Faults that only an administrator can mend. */
const LASTING = [
  Deno.errors.PermissionDenied,
  Deno.errors.NotCapable,
  Deno.errors.NotADirectory,
  Deno.errors.FilesystemLoop,
];

function unavailable(what: string, path: string, error: unknown): MaildropUnavailableError {
  return new MaildropUnavailableError(`Cannot ${what} Maildir ${path}: ${reasonOf(error)}`, {
    cause: error,
    lasting: LASTING.some((kind) => error instanceof kind),
  });
}

function isFolderName(user: string): boolean {
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  return user !== "" && user !== "." && user !== ".." && !/[/\\\x00-\x1f\x7f]/.test(user);
}

function stampOf(path: string): Stamp {
  return { new: folderState(`${path}/new`), cur: folderState(`${path}/cur`) };
}

function folderState(path: string): FolderState {
  try {
    const info = Deno.statSync(path);
    const time = info.mtime?.getTime() ?? Infinity;
    return { time, changed: info.ctime?.getTime() ?? time, inode: info.ino ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { time: 0, changed: 0, inode: 0 };
    throw error;
  }
}

function sameStamp(a: Stamp, b: Stamp): boolean {
  return sameState(a.new, b.new) && sameState(a.cur, b.cur);
}

function sameState(a: FolderState, b: FolderState): boolean {
  return a.time === b.time && a.changed === b.changed && a.inode === b.inode;
}
