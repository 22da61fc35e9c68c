/**
 * What is in a Maildir: the messages of `new/` and `cur/`, oldest first, with their exact sizes.
 *
 * Held as one array a property, since a mailbox of 20,000 messages would
 * otherwise be 20,000 objects.
 *
 * @module
 */
import type { DiskForm } from "../wire/dot_stuffing.ts";
import { ListLines } from "./list_lines.ts";
import { arrivalTime, type MaildirNames, uidlOf } from "./names.ts";
import { measureMessage, measureSmall } from "./message_file.ts";

/** A message's size, and of which state of its file it is the size. */
export interface KnownSize {
  /** Octets as RETR sends them. */
  readonly octets: number;
  /** The file's size in bytes. */
  readonly disk: number;
  /** The file's modification time in milliseconds. */
  readonly mtime: number;
}

/** The two folders that make the maildrop; messages are delivered into `new`. */
export type MailFolder = "new" | "cur";

/** The messages of a Maildir in the order of the protocol, counted from 0. */
export class Listing {
  readonly #names: MaildirNames;
  readonly #files: string[];
  readonly #folders: Uint8Array;
  readonly #octets: Float64Array;
  readonly #disk: Float64Array;
  readonly #mtime: Float64Array;
  /** Ids of the messages whose base name another one bears too: almost always empty. */
  readonly #distinctIds: ReadonlyMap<number, string>;
  /** What LIST says: sizes and ids stay what they are, wherever messages move. */
  readonly sizeLines: ListLines;
  /** What UIDL says. */
  readonly idLines: ListLines;

  /**
   * Makes a listing of messages that were found.
   *
   * @param entries the messages in their order
   */
  constructor(
    names: MaildirNames,
    entries: readonly ListedMessage[],
    distinctIds: ReadonlyMap<number, string>,
  ) {
    this.#names = names;
    this.#files = entries.map((entry) => entry.file);
    this.#folders = Uint8Array.from(entries, (entry) => entry.folder === "new" ? 1 : 0);
    this.#octets = Float64Array.from(entries, (entry) => entry.octets);
    this.#disk = Float64Array.from(entries, (entry) => entry.disk);
    this.#mtime = Float64Array.from(entries, (entry) => entry.mtime);
    this.#distinctIds = distinctIds;
    this.sizeLines = new ListLines(entries.length, (message) => this.octets(message - 1));
    this.idLines = new ListLines(entries.length, (message) => this.uidl(message - 1));
  }

  /** How many messages there are. */
  get count(): number {
    return this.#files.length;
  }

  /** The message's file name, flags included. */
  file(index: number): string {
    return this.#files[index]!;
  }

  /** The folder that the message is in. */
  folder(index: number): MailFolder {
    return this.#folders[index] === 1 ? "new" : "cur";
  }

  /** The message's octets as RETR sends them. */
  octets(index: number): number {
    return this.#octets[index]!;
  }

  /** The message's unique id. */
  uidl(index: number): string {
    return this.#distinctIds.get(index) ?? uidlOf(this.#names.base(this.#files[index]!));
  }

  /** Whether another message bears the same base name, so that renaming could overwrite it. */
  isAmbiguous(index: number): boolean {
    return this.#distinctIds.has(index);
  }

  /** Notes where a message is now. */
  moved(index: number, folder: MailFolder, file: string): void {
    this.#folders[index] = folder === "new" ? 1 : 0;
    this.#files[index] = file;
  }

  /** The sizes by base name, for the next reading of the folders. */
  knownSizes(): Map<string, KnownSize> {
    const sizes = new Map<string, KnownSize>();
    for (let index = 0; index < this.count; index++) {
      sizes.set(this.#names.base(this.#files[index]!), {
        octets: this.#octets[index]!,
        disk: this.#disk[index]!,
        mtime: this.#mtime[index]!,
      });
    }
    return sizes;
  }
}

/** A message as it was found. */
export interface ListedMessage extends KnownSize {
  /** The folder that it is in. */
  readonly folder: MailFolder;
  /** Its file's name. */
  readonly file: string;
}

/** How to read a Maildir. */
export interface ListingOptions {
  /** Reads the files' names. */
  readonly names: MaildirNames;
  /** How the files are written. */
  readonly form: DiskForm;
  /** Sizes found before, by base name. */
  readonly known: ReadonlyMap<string, KnownSize>;
  /** Take known sizes without looking whether the files are unchanged. */
  readonly trustKnown: boolean;
  /** Take sizes from the names of large files if the files bear them out. */
  readonly trustNames: boolean;
  /** Called between messages and within large ones, so that a large mailbox does not hold up others. */
  readonly pause: () => Promise<void> | undefined;
  /** Told of files that cannot be read and are left out. */
  readonly warn: (text: string) => void;
}

/** A reading of a Maildir. */
export interface ListingResult {
  /** The messages in their order. */
  readonly listing: Listing;
  /** Sizes that had to be computed, by base name. */
  readonly computed: Map<string, KnownSize>;
  /** Whether every message could be read: one that could not may be readable the next time. */
  readonly complete: boolean;
}

/** So many times at most the folders are read for messages that are renamed meanwhile. */
const MOST_READINGS = 5;

/** The names of fewer files come by one call of the system, between which nothing can change. */
const ONE_CALL = 200;

/** A folder that changed so shortly before it was read may have changed meanwhile, in milliseconds. */
const CLOCK_TICK = 100;

/**
 * Reads `new/` and `cur/` of a Maildir.
 *
 * @throws if a folder is there but cannot be read, or no file can be opened
 */
export async function readListing(path: string, options: ListingOptions): Promise<ListingResult> {
  const reading: Reading = { path, options, found: [], computed: new Map(), complete: true };
  let seen: Set<string> | undefined;
  for (let count = 0; await readFolders(reading, seen) && count < MOST_READINGS; count++) {
    // Another program marked messages, all at once perhaps: they have new names, and are still there.
    seen = new Set(reading.found.map(({ file }) => options.names.base(file)));
  }
  const { found, computed, complete } = reading;
  return { listing: arrange(path, sortByArrival(found), options.names), computed, complete };
}

/** What was read so far. */
interface Reading {
  readonly path: string;
  readonly options: ListingOptions;
  readonly found: ListedMessage[];
  readonly computed: Map<string, KnownSize>;
  complete: boolean;
}

/**
 * Reads both folders, without the messages whose base names were seen before.
 *
 * @returns whether a file was gone when it was looked at
 */
async function readFolders(reading: Reading, seen?: ReadonlySet<string>): Promise<boolean> {
  const { path, options, found, computed } = reading;
  let gone = false;
  // new/ first: a message that another program moves to cur/ meanwhile is then seen twice, not never.
  for (const folder of ["new", "cur"] as const) {
    for (const file of messageFiles(`${path}/${folder}`)) {
      const base = options.names.base(file);
      if (seen?.has(base)) continue;
      const before = options.known.get(base);
      const place = `${path}/${folder}/${file}`;
      const size = quickSize(before, place, options) ??
        await findSize(place, file, options);
      if (typeof size === "string") {
        if (size === "gone") gone = true;
        else reading.complete = false;
        continue;
      }
      if (size !== before) computed.set(base, size);
      found.push({ folder, file, octets: size.octets, disk: size.disk, mtime: size.mtime });
      const wait = options.pause();
      if (wait) await wait;
    }
  }
  return gone;
}

/** A message's size as far as it is known or found out without waiting. */
function quickSize(
  before: KnownSize | undefined,
  place: string,
  { form, trustKnown }: ListingOptions,
): KnownSize | undefined {
  if (before === undefined) return measureSmall(place, form);
  if (trustKnown) return before;
  const state = fileState(place);
  return state?.disk === before.disk && state.mtime === before.mtime ? before : undefined;
}

async function findSize(
  path: string,
  file: string,
  options: ListingOptions,
): Promise<KnownSize | "gone" | "unreadable"> {
  const state = fileState(path);
  if (state === undefined) return "gone";
  try {
    const hints = options.trustNames ? options.names.sizeHints(file) : undefined;
    const octets = await measureMessage(path, options.form, options.pause, hints);
    return { octets, ...state };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "gone";
    // That is no fault of this file, and would make all messages disappear.
    if (isOutOfFiles(error)) throw error;
    options.warn(`Cannot read message ${path}: ${(error as Error).message}; it is left out`);
    return "unreadable";
  }
}

/** Whether this process, or the system, has as many files open as it may. */
function isOutOfFiles(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "EMFILE" || code === "ENFILE" || code === "ENOMEM";
}

/** Names of the message files in a folder; a folder that is not there has none. */
export function messageFiles(path: string): string[] {
  const start = Date.now();
  const files = filesIn(path);
  if (files.length < ONE_CALL || !hasChanged(path, start)) return files;
  // A file that was renamed between two calls of the system may have been passed by.
  return [...new Set([...files, ...filesIn(path)])];
}

function hasChanged(path: string, since: number): boolean {
  try {
    return (Deno.statSync(path).mtime?.getTime() ?? Infinity) >= since - CLOCK_TICK;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function filesIn(path: string): string[] {
  const files: string[] = [];
  try {
    for (const entry of Deno.readDirSync(path)) {
      // Symbolic links are not followed: a link could lead out of the store.
      if (entry.isFile && !entry.name.startsWith(".")) files.push(entry.name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files;
}

function fileState(path: string): { disk: number; mtime: number } | undefined {
  try {
    const info = Deno.lstatSync(path);
    return info.isFile ? { disk: info.size, mtime: info.mtime?.getTime() ?? 0 } : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function sortByArrival(messages: ListedMessage[]): ListedMessage[] {
  return messages
    .map((message) => ({ message, time: arrivalTime(message.file) ?? message.mtime * 1000 }))
    .sort((a, b) => a.time - b.time || (a.message.file < b.message.file ? -1 : 1))
    .map((keyed) => keyed.message);
}

/** Gives messages of one base name distinct ids, and drops names that a move left behind. */
function arrange(path: string, messages: ListedMessage[], names: MaildirNames): Listing {
  const suspects = basesBorneTwice(messages, names);
  if (suspects.size === 0) return new Listing(names, messages, new Map());
  const inode = (message: ListedMessage) => inodeOf(`${path}/${message.folder}/${message.file}`);
  // Two names of one file: some programs move by making the new name first. It is in cur/, the last.
  const files = new Map<string, ListedMessage>();
  for (const message of messages) {
    const base = names.base(message.file);
    if (!suspects.has(base)) continue;
    const file = `${base}\0${inode(message)}`;
    if (files.get(file)?.folder !== "cur") files.set(file, message);
  }
  const there = messages.filter((message) => {
    const base = names.base(message.file);
    if (!suspects.has(base)) return true;
    const file = inode(message);
    return file !== undefined && files.get(`${base}\0${file}`) === message;
  });
  const twins = basesBorneTwice(there, names);
  const distinctIds = new Map<number, string>();
  there.forEach((message, index) => {
    const base = names.base(message.file);
    if (twins.has(base)) distinctIds.set(index, uidlOf(base, inode(message) ?? message.file));
  });
  return new Listing(names, there, distinctIds);
}

function basesBorneTwice(messages: ListedMessage[], names: MaildirNames): Set<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { file } of messages) {
    const base = names.base(file);
    if (seen.has(base)) twice.add(base);
    seen.add(base);
  }
  return twice;
}

function inodeOf(path: string): string | undefined {
  try {
    const info = Deno.lstatSync(path);
    return `${info.dev}:${info.ino ?? path}`;
  } catch {
    return undefined;
  }
}
