/**
 * Sizes of messages that outlive the process: one text file a mailbox, so that
 * a mailbox of 20,000 messages is read once and not after every restart.
 *
 * A line is `octets disk mtime base`. Only the session that holds the mailbox's lock writes,
 * by appending. Whatever is damaged or missing is computed again: the file may be deleted at any time.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { KnownSize } from "./listing.ts";

const HEADER = "mailismus sizes 1\n";
const LINE = /^(\d{1,15}) (\d{1,15}) (\d{1,15}) ([^\0]+)$/;

/** The sizes kept for one mailbox. */
export class SizeCache {
  readonly #path: string;
  readonly #folder: string;

  /**
   * Makes the cache of one mailbox; no file is touched yet.
   *
   * @param folder the cache's folder
   * @param user the mailbox's owner, who makes the file's name readable
   * @param form told apart, since a message's size depends on it
   * @param maildir the mailbox's path, which makes the name unique
   */
  constructor(folder: string, user: string, form: string, maildir: string) {
    const digest = createHash("sha256").update(`${form}\0${maildir}`).digest("hex").slice(0, 16);
    this.#folder = `${folder}/sizes`;
    this.#path = `${this.#folder}/${user.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 60)}-${digest}`;
  }

  /** Reads what is kept, by base name; empty if nothing can be read. */
  load(): Map<string, KnownSize> {
    const sizes = new Map<string, KnownSize>();
    let text: string;
    try {
      text = Deno.readTextFileSync(this.#path);
    } catch {
      return sizes;
    }
    if (!text.startsWith(HEADER)) return sizes;
    // A line without its line end was cut short by a crash: its numbers may be, too.
    for (const line of text.slice(HEADER.length, text.lastIndexOf("\n") + 1).split("\n")) {
      const match = LINE.exec(line);
      if (!match) continue;
      const [, octets, disk, mtime, base] = match;
      sizes.set(base!, { octets: Number(octets), disk: Number(disk), mtime: Number(mtime) });
    }
    return sizes;
  }

  /**
   * Adds sizes to what is kept.
   *
   * @returns the file's length in bytes
   * @throws if they cannot be written
   */
  append(sizes: ReadonlyMap<string, KnownSize>): number {
    Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    using file = Deno.openSync(this.#path, { append: true, create: true, mode: 0o600 });
    // The leading line end closes a line that a crash may have cut short.
    const { size } = file.statSync();
    return size + writeAll(file, (size === 0 ? HEADER : "\n") + render(sizes));
  }

  /**
   * Replaces all that is kept, by way of a temporary file.
   *
   * @throws if it cannot be written
   */
  replace(sizes: ReadonlyMap<string, KnownSize>): void {
    Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.tmp`;
    Deno.writeTextFileSync(temporary, HEADER + render(sizes), { mode: 0o600 });
    Deno.renameSync(temporary, this.#path);
  }
}

function render(sizes: ReadonlyMap<string, KnownSize>): string {
  let text = "";
  for (const [base, { octets, disk, mtime }] of sizes) {
    // A name with a line end in it is legal on Unix; it is computed anew each time.
    if (!base.includes("\n")) text += `${octets} ${disk} ${mtime} ${base}\n`;
  }
  return text;
}

function writeAll(file: Deno.FsFile, text: string): number {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  return bytes.length;
}
