/**
 * What was delivered from one remote account, as it must be known after a crash: a small file
 * that is only ever appended to, and rewritten when most of it is outdated.
 *
 * A message is announced before it is moved to its place, and that line is on disk before the
 * move. So at any later moment one of two things is true: there is no such line, and the message
 * is not delivered; or there is one, and where the message's file is tells the rest (see
 * `Destination.recover`). That it is delivered is noted as well, but nothing waits for that note
 * to reach the disk.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { reasonOf } from "../errors.ts";
import { ensureDurableFolder, removeQuietly, syncFolder } from "../maildir/durable_file.ts";
import { encodeText } from "../wire/text.ts";
import { entryLine, forgetLine, type JournalEntry, parseLine } from "./journal_lines.ts";
import { lockFile } from "./lock.ts";
import type { ClientOptions } from "./options.ts";

/** The journal cannot be read or written; nothing may be fetched without it. */
export class JournalError extends Error {
  /** Tells it from other errors. */
  override name = "JournalError";
}

/** A remote account. */
export interface Account {
  /** The remote server's name, as configured. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** The user name, or what the certificate says in its stead. */
  readonly user: string;
}

/** A client's account. Without a user name the certificate is the user, and the client's id tells which. */
export function accountOf({ id, server: { host, port, username } }: ClientOptions): Account {
  return { host, port, user: username ?? `(certificate of ${id})` };
}

/** So many outdated lines are no reason to write the file anew. */
const OUTDATED = 1000;
/** More than any entry takes; without a line end, so that nothing is left of it after a crash. */
const ROOM = " ".repeat(4096);

/** The journal of one account, locked for as long as it is open. */
export class Journal {
  readonly #path: string;
  readonly #lock: Disposable;
  readonly #entries = new Map<string, Map<string, JournalEntry>>();
  #file: Deno.FsFile | undefined;
  /** The length of the file. */
  #length = 0;
  #lines = 0;
  /** Whether the file's name may not be on disk yet. */
  #isNew = false;
  #damaged = 0;
  #broken: string | undefined;

  private constructor(path: string, lock: Disposable) {
    this.#path = path;
    this.#lock = lock;
  }

  /**
   * Locks and reads an account's journal. Another client of the same account in this process is
   * waited for.
   *
   * @param folder is created if absent
   * @throws {BusyError} if another process has it
   * @throws {JournalError}
   */
  static async open(folder: string, account: Account): Promise<Journal> {
    const path = `${folder}/${fileNameOf(account)}`;
    try {
      await ensureDurableFolder(folder);
    } catch (error) {
      throw new JournalError(`Cannot create the folder ${folder}: ${reasonOf(error)}`);
    }
    const journal = new Journal(path, await lockFile(`${path}.lock`));
    try {
      await journal.#load();
      return journal;
    } catch (error) {
      journal.close();
      throw new JournalError(`Cannot read the journal ${path}: ${reasonOf(error)}`);
    }
  }

  /**
   * Reads an account's journal without locking or changing it.
   *
   * @returns the delivered messages of a destination
   */
  static peek(folder: string, account: Account, key: string): Map<string, JournalEntry> {
    const journal = new Journal(`${folder}/${fileNameOf(account)}`, { [Symbol.dispose]() {} });
    journal.#read();
    return journal.entries(key);
  }

  /** The file's path, for messages. */
  get path(): string {
    return this.#path;
  }

  /** How many lines could not be read. What they said is forgotten. */
  get damaged(): number {
    return this.#damaged;
  }

  /** What is known of a destination's messages, by UIDL. The map is the journal's own. */
  entries(key: string): Map<string, JournalEntry> {
    let entries = this.#entries.get(key);
    if (entries === undefined) this.#entries.set(key, entries = new Map());
    return entries;
  }

  /** All destinations of the account that anything is known of. */
  get keys(): string[] {
    return [...this.#entries.keys()];
  }

  /**
   * Writes entries down.
   *
   * @param durable whether to wait until they are on disk
   * @throws {JournalError} then it is not known whether they count: what they announce must be
   * neither done nor made impossible
   */
  async write(key: string, entries: readonly JournalEntry[], durable: boolean): Promise<void> {
    if (entries.length === 0) return;
    const before = this.#length;
    try {
      this.#append(entries.map((entry) => entryLine(key, entry)).join(""), entries.length);
      if (durable) await this.#sync();
    } catch (error) {
      throw this.#fail(error, before);
    }
    const known = this.entries(key);
    for (const entry of entries) known.set(entry.uid, entry);
  }

  /**
   * Takes entries out. That may get lost in a crash; the worst is that an entry for a message
   * which the server no longer has stays until the next run.
   *
   * @throws {JournalError}
   */
  forget(key: string, uids: Iterable<string>): void {
    const known = this.entries(key);
    const lines = [...uids].filter((uid) => known.delete(uid)).map((uid) => forgetLine(key, uid));
    if (lines.length === 0) return;
    const before = this.#length;
    try {
      this.#append(lines.join(""), lines.length);
    } catch (error) {
      throw this.#fail(error, before);
    }
  }

  /**
   * Waits until all that was written is on disk.
   *
   * @throws {JournalError}
   */
  async settle(): Promise<void> {
    if (this.#file === undefined && this.#isNew) return;
    try {
      this.#file ??= openForAppending(this.#path);
      await this.#sync();
    } catch (error) {
      throw this.#fail(error, this.#length);
    }
  }

  /**
   * Makes sure that there is room for some lines, by writing as much and taking it back: what nobody
   * can undo must not begin where it cannot be noted.
   *
   * @throws {JournalError}
   */
  checkRoom(): void {
    const before = this.#length;
    try {
      this.#append(ROOM, 0);
      this.#file!.truncateSync(before);
      this.#length = before;
    } catch (error) {
      throw this.#fail(error, before);
    }
  }

  /** Writes the file anew if most of it is outdated. Without that it only stays longer. */
  async tidy(): Promise<void> {
    if (this.#broken !== undefined) return;
    const live = this.#countLive();
    const outdated = this.#lines - live;
    if (outdated > 0 && (live === 0 || outdated > Math.max(live, OUTDATED))) {
      await this.#rewrite().catch(() => {});
    }
  }

  /** Closes the file and lets go of the lock; safe to call more than once. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#broken ??= "it is closed";
    this.#lock[Symbol.dispose]();
  }

  async #load(): Promise<void> {
    const clean = this.#read();
    if (!clean) await this.#rewrite();
  }

  /** @returns whether the file is as it should be, so that it can be appended to */
  #read(): boolean {
    const text = readIfThere(this.#path);
    this.#isNew = text === undefined;
    if (text === undefined) return true;
    this.#length = text.length;
    const lines = text.split("\n");
    // Behind the last LF: nothing, or what a crash cut off. That line had not counted yet.
    const tail = lines.pop();
    for (const line of lines) this.#take(line);
    return tail === "" && this.#damaged === 0;
  }

  #take(line: string): void {
    const parsed = parseLine(line);
    this.#lines++;
    if (parsed === undefined) this.#damaged++;
    else if (parsed.kind === "forget") this.entries(parsed.key).delete(parsed.uid);
    else this.entries(parsed.key).set(parsed.entry.uid, parsed.entry);
  }

  async #sync(): Promise<void> {
    await this.#file?.syncData();
    if (this.#isNew) await syncFolder(this.#path.slice(0, this.#path.lastIndexOf("/")));
    this.#isNew = false;
  }

  #append(text: string, lines: number): void {
    if (this.#broken !== undefined) throw new Error(this.#broken);
    this.#file ??= openForAppending(this.#path);
    this.#length += writeAll(this.#file, text);
    this.#lines += lines;
  }

  /** After a failed write nobody knows what the file holds: it is cut back, and not used again. */
  #fail(error: unknown, length: number): JournalError {
    const reason = reasonOf(error);
    if (this.#broken === undefined) {
      this.#broken = reason;
      this.#cutBack(length);
    }
    return new JournalError(`Cannot write the journal ${this.#path}: ${reason}`, { cause: error });
  }

  #cutBack(length: number): void {
    try {
      this.#file?.truncateSync(length);
    } catch {
      // A line that is cut off is recognised when the file is read.
    }
  }

  async #rewrite(): Promise<void> {
    const lines: string[] = [];
    for (const [key, entries] of this.#entries) {
      for (const entry of entries.values()) lines.push(entryLine(key, entry));
    }
    await replaceDurably(this.#path, lines.join(""));
    this.#file?.close();
    this.#file = undefined;
    this.#lines = lines.length;
    this.#length = 0;
    for (const line of lines) this.#length += line.length;
  }

  #countLive(): number {
    let live = 0;
    for (const entries of this.#entries.values()) live += entries.size;
    return live;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function openForAppending(path: string): Deno.FsFile {
  return Deno.openSync(path, { append: true, create: true, mode: 0o600 });
}

/** @returns how many bytes it were */
function writeAll(file: Deno.FsFile, text: string): number {
  const bytes = encodeText(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  return bytes.length;
}

async function replaceDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  removeQuietly(temporary);
  try {
    using file = openForAppending(temporary);
    writeAll(file, text);
    await file.sync();
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
  await Deno.rename(temporary, path);
  await syncFolder(path.slice(0, path.lastIndexOf("/")));
}

/** A name that tells people which account it is, and a digest that tells it from all others. */
function fileNameOf({ host, port, user }: Account): string {
  const readable = `${user}@${host}_${port}`.replace(/[^A-Za-z0-9@._-]/g, "_").slice(0, 100);
  return `${readable.replace(/^[.-]/, "_")}-${accountTag({ host, port, user })}.journal`;
}

/** A short digest of an account, in hexadecimal digits. */
export function accountTag({ host, port, user }: Account): string {
  const text = `${host.toLowerCase()}\0${port}\0${user}`;
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
