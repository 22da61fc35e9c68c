/**
 * The Maildirs of a soak run as other programs see them: delivering into them, moving messages
 * from `new/` to `cur/`, and counting what is there in the end.
 *
 * @module
 */
import { baseOf, diskForm, mailboxOf, sameBytes, serialOf, userOf } from "./message.ts";

/** The Maildirs of one run. */
export class Maildirs {
  readonly #root: string;
  readonly #mailboxes: number;

  /** @param root the folder that holds a folder for each user */
  constructor(root: string, mailboxes: number) {
    this.#root = root;
    this.#mailboxes = mailboxes;
  }

  /** Makes the folders, and delivers the messages with serial numbers below `messages`. */
  make(messages: number): void {
    for (let mailbox = 0; mailbox < this.#mailboxes; mailbox++) {
      for (const part of ["tmp", "new", "cur"]) {
        Deno.mkdirSync(`${this.#path(mailbox)}/${part}`, { recursive: true, mode: 0o700 });
      }
    }
    for (let serial = 0; serial < messages; serial++) this.deliver(serial);
  }

  /** Delivers a message as every delivery agent does: written in `tmp/`, moved to `new/`. */
  deliver(serial: number): void {
    const path = this.#path(mailboxOf(serial, this.#mailboxes));
    const base = baseOf(serial);
    Deno.writeFileSync(`${path}/tmp/${base}`, diskForm(serial, this.#mailboxes), { mode: 0o600 });
    Deno.renameSync(`${path}/tmp/${base}`, `${path}/new/${base}`);
  }

  /**
   * Moves what is in a mailbox's `new/` to `cur/`, as an IMAP server does that a user looks in by.
   *
   * @returns how many messages it were
   */
  moveToCur(mailbox: number): number {
    const path = this.#path(mailbox);
    let moved = 0;
    for (const { name } of Deno.readDirSync(`${path}/new`)) {
      try {
        Deno.renameSync(`${path}/new/${name}`, `${path}/cur/${name}:2,`);
        moved++;
      } catch (error) {
        // The server was faster.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return moved;
  }

  /**
   * Counts what is in a mailbox.
   *
   * @param expected serial numbers of the messages that must be there, and no others
   * @returns what is wrong, in words
   */
  faults(mailbox: number, expected: ReadonlySet<number>): string[] {
    const user = userOf(mailbox);
    const faults: string[] = [];
    const seen = new Set<number>();
    for (const part of ["new", "cur"]) {
      for (const { name } of Deno.readDirSync(`${this.#path(mailbox)}/${part}`)) {
        const serial = serialOf(name);
        if (seen.has(serial)) faults.push(`${user}: message ${serial} is there twice`);
        else if (!expected.has(serial)) faults.push(`${user}: ${part}/${name} should not be there`);
        else {
          const bytes = Deno.readFileSync(`${this.#path(mailbox)}/${part}/${name}`);
          if (!sameBytes(bytes, diskForm(serial, this.#mailboxes))) {
            faults.push(`${user}: ${part}/${name} was changed`);
          }
        }
        seen.add(serial);
      }
    }
    for (const serial of expected) {
      if (!seen.has(serial)) faults.push(`${user}: message ${serial} is lost`);
    }
    return faults;
  }

  #path(mailbox: number): string {
    return `${this.#root}/${userOf(mailbox)}/Maildir`;
  }
}
