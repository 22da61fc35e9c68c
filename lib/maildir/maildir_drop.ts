/**
 * An open Maildir as a maildrop.
 *
 * Other programs may move and remove messages meanwhile: a file that is not
 * where it was is looked for by its base name, which never changes.
 *
 * @module
 */
import { releaseLock } from "../file_lock.ts";
import { reasonOf } from "../errors.ts";
import type { DiskForm } from "../wire/dot_stuffing.ts";
import { exists } from "./durable_file.ts";
import type { FolderGuard } from "./folder_links.ts";
import type { LinesPart } from "./list_lines.ts";
import { type Listing, type MailFolder, messageFiles } from "./listing.ts";
import {
  type Maildrop,
  MessageGoneError,
  type MessageReader,
  MessageUnreadableError,
  type UpdateReport,
} from "./maildrop.ts";
import { MessageFileReader } from "./message_file.ts";
import type { MaildirNames } from "./names.ts";
import { timeSlices } from "./time_slices.ts";

/** What a maildrop is made of. */
export interface MaildirDropParts {
  /** The Maildir. */
  readonly path: string;
  /** Its messages as they were found. */
  readonly listing: Listing;
  /** Reads and makes their files' names. */
  readonly names: MaildirNames;
  /** How their files are written. */
  readonly form: DiskForm;
  /** Held open, and so locked, until {@linkcode Maildrop.close}. */
  readonly lock: Deno.FsFile | undefined;
  /** Asked before each file, where somebody can replace the folders. */
  readonly guard: FolderGuard | undefined;
  /** Called when the listing turned out not to be true any more. */
  readonly onStale: () => void;
  /** Called when a message was not as large as the listing says. */
  readonly onWrongSize: () => void;
  /** Told of what could not be done to a message. */
  readonly warn: (text: string) => void;
}

/** Where a message was found. */
interface Place {
  readonly folder: MailFolder;
  readonly file: string;
}

/**
 * How long a search through the folders stands, in milliseconds: bounds searches for many lost
 * files. For a file that was moved since it does not stand.
 */
const SEARCH_STANDS = 1000;

/** A {@linkcode Maildrop} over the files of one Maildir. */
export class MaildirDrop implements Maildrop {
  readonly #parts: MaildirDropParts;
  readonly #listing: Listing;
  #places: ReadonlyMap<string, Place> = new Map();
  #searchedAt = -Infinity;
  #closed = false;

  /**
   * Makes an open maildrop.
   *
   * @param parts the Maildir, its listing and its lock, which this takes over
   */
  constructor(parts: MaildirDropParts) {
    this.#parts = parts;
    this.#listing = parts.listing;
  }

  /** See {@linkcode Maildrop.count}. */
  get count(): number {
    return this.#listing.count;
  }

  /** See {@linkcode Maildrop.size}. */
  size(message: number): number {
    return this.#listing.octets(message - 1);
  }

  /** See {@linkcode Maildrop.uidl}. */
  uidl(message: number): string {
    return this.#listing.uidl(message - 1);
  }

  /** See {@linkcode Maildrop.lines}. */
  lines(list: "sizes" | "ids", from: number): LinesPart {
    return (list === "sizes" ? this.#listing.sizeLines : this.#listing.idLines).part(from);
  }

  /** See {@linkcode Maildrop.open}. */
  open(message: number, bodyLines?: number): MessageReader {
    const index = message - 1;
    const { guard } = this.#parts;
    const open = guard === undefined
      ? openRegular
      : (path: string) => guard.open(path, openRegular);
    let file: Deno.FsFile | undefined;
    try {
      file = this.#atItsPlace(index, open);
    } catch (error) {
      throw new MessageUnreadableError(`Cannot open ${this.#path(index)}: ${reasonOf(error)}`);
    }
    if (file === undefined) {
      throw new MessageGoneError(`Message ${this.#path(index)} is no longer there`);
    }
    const path = this.#path(index);
    const octets = this.#listing.octets(index);
    return new MessageFileReader(file, path, this.#parts.form, octets, {
      bodyLines,
      onWrongSize: (actual) => {
        this.#parts.onWrongSize();
        this.#parts.warn(
          `Message ${path} was changed by another program: ${octets} octets announced, ${actual} sent`,
        );
      },
    });
  }

  /** See {@linkcode Maildrop.update}. */
  async update(
    deleted: Iterable<number>,
    retrieved: Iterable<number>,
  ): Promise<UpdateReport> {
    const pause = timeSlices();
    const gone = new Set<number>();
    let undeleted = 0;
    let reason: string | undefined;
    for (const message of deleted) {
      const fault = this.#attempt(message, (path) => Deno.removeSync(path));
      if (fault === undefined) gone.add(message);
      else undeleted++;
      reason ??= fault;
      const wait = pause();
      if (wait) await wait;
    }
    for (const message of retrieved) {
      if (!gone.has(message)) reason ??= this.#markSeen(message - 1);
      const wait = pause();
      if (wait) await wait;
    }
    return reason === undefined
      ? { deleted: gone.size, undeleted }
      : { deleted: gone.size, undeleted, reason };
  }

  /** See {@linkcode Maildrop.close}. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#parts.lock !== undefined) releaseLock(this.#parts.lock);
  }

  /**
   * Does something with a message's file; one that is gone counts as done.
   *
   * @param target the folder that the file is moved into, if it is
   */
  #attempt(message: number, act: (path: string) => void, target?: string): string | undefined {
    try {
      this.#atItsPlace(message - 1, (path) => {
        this.#parts.guard?.check(path, target);
        act(path);
      });
      return undefined;
    } catch (error) {
      return `${this.#path(message - 1)}: ${reasonOf(error)}`;
    }
  }

  /** Moves a retrieved message to `cur/` with the flag S, unless it is marked so already. */
  #markSeen(index: number): string | undefined {
    const { names } = this.#parts;
    const seen = () => {
      const file = this.#listing.file(index);
      return this.#listing.folder(index) === "cur" && names.flags(file).includes("S");
    };
    // The new name of one of two files with one base name may be the other's.
    if (seen() || this.#listing.isAmbiguous(index)) return undefined;
    const cur = `${this.#parts.path}/cur`;
    const move = (path: string) => {
      if (seen()) return;
      const file = names.withFlag(this.#listing.file(index), "S");
      renameInto(path, cur, file);
      this.#listing.moved(index, "cur", file);
    };
    return this.#attempt(index + 1, move, cur);
  }

  /**
   * Does something with a message's file, wherever that is by now.
   *
   * @returns undefined if the file is gone
   * @throws what `act` throws, but for a file that is not there
   */
  #atItsPlace<T>(index: number, act: (path: string) => T): T | undefined {
    for (let searches = 0;; searches++) {
      try {
        return act(this.#path(index));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      // What an earlier search saw may have been moved again; what a new one saw, hardly.
      const place = searches < 2 ? this.#search(index) : undefined;
      if (place === undefined) return undefined;
      this.#listing.moved(index, place.folder, place.file);
    }
  }

  /** Where a message is that is not where the listing says. */
  #search(index: number): Place | undefined {
    this.#parts.onStale();
    // The other file with this base name is another message.
    if (this.#listing.isAmbiguous(index)) return undefined;
    const base = this.#parts.names.base(this.#listing.file(index));
    const seen = this.#places.get(base);
    const isWhereItWas = seen?.file === this.#listing.file(index) &&
      seen.folder === this.#listing.folder(index);
    if (performance.now() - this.#searchedAt > SEARCH_STANDS || isWhereItWas) this.#searchAll();
    return this.#places.get(base);
  }

  #searchAll(): void {
    const { names, path } = this.#parts;
    const places = new Map<string, Place>();
    for (const folder of ["new", "cur"] as const) {
      for (const file of messageFiles(`${path}/${folder}`)) {
        places.set(names.base(file), { folder, file });
      }
    }
    this.#places = places;
    this.#searchedAt = performance.now();
  }

  #path(index: number): string {
    return `${this.#parts.path}/${this.#listing.folder(index)}/${this.#listing.file(index)}`;
  }
}

/**
 * Opens a message for reading. The owner of a Maildir can put something else in a message's place:
 * a pipe, whose opening would stop the thread and all its sessions, or a link to another mailbox.
 */
function openRegular(path: string): Deno.FsFile {
  if (!Deno.lstatSync(path).isFile) throw new Error("it is no regular file any more");
  return Deno.openSync(path);
}

/**
 * Renames a file into a folder, which is made if it is not there. A file that has come to have that
 * name since the folder was listed is another message, and stays.
 */
function renameInto(path: string, folder: string, file: string): void {
  if (exists(`${folder}/${file}`)) throw new Error(`another file is called ${folder}/${file}`);
  try {
    Deno.renameSync(path, `${folder}/${file}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    Deno.renameSync(path, `${folder}/${file}`);
  }
}
