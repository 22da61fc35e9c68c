/**
 * Delivery into a Maildir: a message is written into `tmp/`, brought to disk, and moved into
 * `new/` under a name that never was and never will be again.
 *
 * The steps are separate, so that a caller can take them for a group of messages at a time and
 * write down in between what it is about to do.
 *
 * @module
 */
import { type DiskForm, OctetCounter } from "../wire/dot_stuffing.ts";
import {
  DurableFile,
  ensureDurableFolder,
  exists,
  folderMark,
  removeQuietly,
  syncFolder,
} from "./durable_file.ts";
import { MaildirNames, type NameMarks } from "./names.ts";

/** Where and how {@linkcode MaildirDelivery} delivers. */
export interface MaildirDeliveryOptions {
  /** The Maildir's path; it is created (mode 0700) if absent. */
  readonly path: string;
  /** The store's `filename_colon` and `filename_comma`. */
  readonly marks: NameMarks;
  /** How messages lie in this store; the bytes that are written must have that form already. */
  readonly form: DiskForm;
  /** This host's name, a part of file names. */
  readonly hostName: string;
  /**
   * Marks this deliverer's files in `tmp/`, letters and digits, so that it knows its own leftovers.
   * No two deliverers that run at once may share it.
   */
  readonly tag: string;
}

/** The two names of a message in a Maildir. */
export interface DeliveryNames {
  /** In `tmp/`. */
  readonly temporary: string;
  /** In `new/`. */
  readonly final: string;
}

/** Delivers into one Maildir. */
export class MaildirDelivery {
  readonly #options: MaildirDeliveryOptions;
  readonly #names: MaildirNames;
  readonly #host: string;
  #mark: string | undefined;

  /** Touches nothing yet; see {@linkcode MaildirDelivery.open}. */
  constructor(options: MaildirDeliveryOptions) {
    this.#options = options;
    this.#names = new MaildirNames(options.marks);
    this.#host = fileNameHost(options.hostName, options.marks);
  }

  /** Creates the Maildir if it is not there. */
  async open(): Promise<void> {
    for (const part of ["tmp", "cur", "new"]) {
      await ensureDurableFolder(`${this.#options.path}/${part}`);
    }
  }

  /** Begins a message in `tmp/`. */
  begin(): MaildirMessage {
    const unique = `${uniqueName()}.${this.#host}`;
    const temporary = `${unique}.${this.#folderMark()}.${this.#options.tag}`;
    return new MaildirMessage(this.#options, unique, temporary);
  }

  /** Brings messages and their names in `tmp/` to disk. */
  async secure(messages: readonly MaildirMessage[]): Promise<void> {
    const results = await Promise.allSettled(messages.map((message) => message.file.sync()));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    await syncFolder(`${this.#options.path}/tmp`);
  }

  /** Moves messages from `tmp/` into `new/`, lastingly. */
  async publish(messages: readonly DeliveryNames[]): Promise<void> {
    this.#move(messages);
    await syncFolder(`${this.#options.path}/new`);
  }

  /**
   * Where messages are that {@linkcode publish} may have moved before a crash. A mail program may
   * have taken them up since: in `cur/` any flags are possible.
   *
   * @returns `nowhere` for what is gone from this Maildir, `elsewhere` for what was never in it: it
   * was moved, or its disk is not there
   */
  find(messages: readonly DeliveryNames[]): ("tmp" | "delivered" | "nowhere" | "elsewhere")[] {
    let current: Set<string> | undefined;
    return messages.map(({ temporary, final }) => {
      if (exists(`${this.#options.path}/new/${final}`)) return "delivered";
      current ??= this.#basesIn("cur");
      if (current.has(final)) return "delivered";
      if (exists(`${this.#options.path}/tmp/${temporary}`)) return "tmp";
      return temporary.includes(`.${this.#folderMark()}.`) ? "nowhere" : "elsewhere";
    });
  }

  /** Whether a message in `tmp/` is as long as its final name says. */
  isWhole({ temporary, final }: DeliveryNames): boolean {
    const size = this.#names.sizeHints(final)?.disk;
    return size === Deno.lstatSync(`${this.#options.path}/tmp/${temporary}`).size;
  }

  /** Removes what earlier runs with the same tag left in `tmp/`, except for `kept` names. */
  sweep(kept: ReadonlySet<string>): void {
    const folder = `${this.#options.path}/tmp`;
    for (const { name } of [...Deno.readDirSync(folder)]) {
      if (name.endsWith(`.${this.#options.tag}`) && !kept.has(name)) {
        removeQuietly(`${folder}/${name}`);
      }
    }
  }

  #folderMark(): string {
    return this.#mark ??= folderMark(`${this.#options.path}/tmp`);
  }

  #move(messages: readonly DeliveryNames[]): void {
    const { path } = this.#options;
    for (const { temporary, final } of messages) {
      Deno.renameSync(`${path}/tmp/${temporary}`, `${path}/new/${final}`);
    }
  }

  #basesIn(part: string): Set<string> {
    const names = [...Deno.readDirSync(`${this.#options.path}/${part}`)];
    return new Set(names.map(({ name }) => this.#names.base(name)));
  }
}

/** A message on its way into a Maildir. */
export class MaildirMessage {
  /** The file in `tmp/`. */
  readonly file: DurableFile;
  readonly #options: MaildirDeliveryOptions;
  readonly #unique: string;
  readonly #temporary: string;
  readonly #counter: OctetCounter;

  /** Use {@linkcode MaildirDelivery.begin}. */
  constructor(options: MaildirDeliveryOptions, unique: string, temporary: string) {
    this.#options = options;
    this.#unique = unique;
    this.#temporary = temporary;
    this.#counter = new OctetCounter(options.form);
    this.file = new DurableFile(`${options.path}/tmp/${temporary}`);
  }

  /** Adds bytes of the message in the store's form; they are copied or written before this returns. */
  write(bytes: Uint8Array): void {
    this.#counter.add(bytes);
    this.file.write(bytes);
  }

  /**
   * Ends the message; it is not safe yet.
   *
   * @returns its names; the final one carries its sizes on disk (S) and as RETR sends it (W)
   */
  finish(): DeliveryNames {
    this.file.end();
    const { comma } = this.#options.marks;
    const sizes = `${comma}S=${this.file.size}${comma}W=${this.#counter.total()}`;
    return { temporary: this.#temporary, final: this.#unique + sizes };
  }

  /** Throws the message away; never throws. */
  discard(): void {
    this.file.discard();
  }
}

/** A host name as it may stand in a file name, without the characters that have a meaning there. */
function fileNameHost(hostName: string, marks: NameMarks): string {
  const name = hostName.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 64) || "localhost";
  return name.replaceAll(marks.colon, "_").replaceAll(marks.comma, "_");
}

let lastMicros = 0;
let count = 0;

/** In a container a process has the same id at every start, and some machines start with the same time. */
const random = crypto.randomUUID().slice(0, 8);

/**
 * The first part of a Maildir file name, `<sec>.M<usec>P<pid>R<random>Q<n>`: unique, and later
 * names never sort before earlier ones of this process, even if the clock is set back.
 *
 * @param now the clock, in milliseconds since 1970
 */
export function uniqueName(now: number = Date.now()): string {
  lastMicros = Math.max(lastMicros + 1, Math.floor(now * 1000));
  const seconds = Math.floor(lastMicros / 1e6);
  const micros = String(lastMicros - seconds * 1e6).padStart(6, "0");
  return `${seconds}.M${micros}P${Deno.pid}R${random}Q${++count}`;
}
