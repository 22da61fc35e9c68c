/**
 * Maildirs on disk for tests of the store.
 *
 * @module
 */
import type { Maildrop } from "../../lib/maildir/maildrop.ts";
import { MaildirStore } from "../../lib/maildir/maildir_store.ts";
import type { DiskForm } from "../../lib/wire/dot_stuffing.ts";
import { latin1 } from "../../lib/wire/text.ts";

/** A throw-away store with one user's Maildir. */
export class MaildirFixture implements AsyncDisposable {
  readonly root: string;
  readonly warnings: string[] = [];

  private constructor(root: string) {
    this.root = root;
  }

  static async make(): Promise<MaildirFixture> {
    const fixture = new MaildirFixture(await Deno.makeTempDir());
    for (const folder of ["new", "cur", "tmp"]) {
      await Deno.mkdir(`${fixture.maildir}/${folder}`, { recursive: true });
    }
    return fixture;
  }

  get maildir(): string {
    return `${this.root}/ms/alice/Maildir`;
  }

  store(options: { form?: DiskForm; exclusive?: boolean; cache?: boolean } = {}): MaildirStore {
    return new MaildirStore({
      userPath: `${this.root}/ms`,
      mailPath: "Maildir",
      colon: ":",
      comma: ",",
      exclusive: options.exclusive ?? false,
      form: options.form ?? "plain",
      ...(options.cache === false ? {} : { cachePath: `${this.root}/cache` }),
      warn: (text) => this.warnings.push(text),
    });
  }

  /** Writes a message file, by default one that lay there for an hour. */
  async put(name: string, content: string | Uint8Array, age = 3600): Promise<void> {
    const path = `${this.maildir}/${name}`;
    const bytes = typeof content === "string"
      ? Uint8Array.from(content, (c) => c.charCodeAt(0))
      : content;
    await Deno.writeFile(path, bytes);
    const then = Date.now() / 1000 - age;
    await Deno.utime(path, then, then);
  }

  /** Makes the folders look long unchanged, so that what was read of them is remembered. */
  async settle(): Promise<void> {
    const then = 1_750_000_000;
    for (const folder of ["new", "cur"]) await Deno.utime(`${this.maildir}/${folder}`, then, then);
  }

  async files(folder: string): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(`${this.maildir}/${folder}`)) names.push(entry.name);
    return names.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

/** What RETR sends of a message, or TOP with a number of body lines, read in parts of about `room`. */
export function retrieve(drop: Maildrop, message: number, bodyLines?: number, room = 8300): string {
  const reader = drop.open(message, bodyLines);
  const target = new Uint8Array(room);
  let text = "";
  for (let end = reader.read(target, 100); end > 100; end = reader.read(target, 100)) {
    text += latin1(target.subarray(100, end));
  }
  reader.close();
  return text;
}

/** The sizes of all messages. */
export function sizes(drop: Maildrop): number[] {
  return Array.from({ length: drop.count }, (_, i) => drop.size(i + 1));
}

/** The unique ids of all messages. */
export function uidls(drop: Maildrop): string[] {
  return Array.from({ length: drop.count }, (_, i) => drop.uidl(i + 1));
}
