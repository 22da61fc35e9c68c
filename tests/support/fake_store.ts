/**
 * Maildrops in memory, with the faults that real ones can have.
 *
 * @module
 */
import { type LinesPart, ListLines } from "../../lib/maildir/list_lines.ts";
import {
  type Maildrop,
  MaildropInUseError,
  type MaildropStore,
  MaildropUnavailableError,
  MessageGoneError,
  type MessageReader,
  MessageUnreadableError,
  type UpdateReport,
} from "../../lib/maildir/maildrop.ts";
import { latin1 } from "../../lib/wire/text.ts";
import { bytesOf } from "./mailbox.ts";

/** A message as it lies in a mailbox. */
export interface FakeMessage {
  readonly name: string;
  /** Its text as in a Maildir file, a character an octet. */
  readonly text: string;
  seen?: boolean;
  /** Another program removed it. */
  removed?: boolean;
  /** After so many octets it cannot be read any further. */
  failsAfter?: number;
}

/** What can be wrong with a mailbox. */
export type FakeFault = "locked" | "unavailable" | "forbidden" | "readonly" | "update throws";

/** A user's mailbox. */
export interface FakeMailbox {
  messages: FakeMessage[];
  fault?: FakeFault;
}

/** A store of mailboxes in memory. */
export class FakeStore implements MaildropStore {
  readonly mailboxes = new Map<string, FakeMailbox>();
  readonly #open = new Set<string>();
  /** The most octets that a reader gives at once. */
  partSize = 8000;
  /** What happened, in order: `open alice`, `update alice`, `close alice`. */
  readonly events: string[] = [];
  /** Awaited before a maildrop is opened or updated. */
  gate: Promise<void> | undefined;

  /** The mailbox of a user, made if there is none. */
  mailbox(user: string): FakeMailbox {
    const mailbox = this.mailboxes.get(user) ?? { messages: [] };
    this.mailboxes.set(user, mailbox);
    return mailbox;
  }

  /** Puts a message into a mailbox. */
  put(user: string, name: string, text: string): FakeMessage {
    const message: FakeMessage = { name, text };
    this.mailbox(user).messages.push(message);
    return message;
  }

  /** The names of the messages that are there. */
  left(user: string): string[] {
    return this.mailbox(user).messages.filter((it) => !it.removed).map(({ name }) => name);
  }

  /** The names of those that are marked as seen. */
  seen(user: string): string[] {
    return this.mailbox(user).messages.filter((it) => !it.removed && it.seen)
      .map(({ name }) => name);
  }

  /** Whether nobody holds a maildrop. */
  get allClosed(): boolean {
    return this.#open.size === 0;
  }

  async open(user: string): Promise<Maildrop> {
    await this.gate;
    const mailbox = this.mailbox(user);
    if (mailbox.fault === "locked" || this.#open.has(user)) throw new MaildropInUseError(user);
    if (mailbox.fault === "unavailable") throw new MaildropUnavailableError("no such device");
    if (mailbox.fault === "forbidden") {
      throw new MaildropUnavailableError("permission denied", { lasting: true });
    }
    this.#open.add(user);
    this.events.push(`open ${user}`);
    return new FakeMaildrop(this, user, mailbox, () => this.#open.delete(user));
  }
}

class FakeMaildrop implements Maildrop {
  readonly #store: FakeStore;
  readonly #user: string;
  readonly #mailbox: FakeMailbox;
  readonly #messages: FakeMessage[];
  readonly #release: () => void;
  #closed = false;

  constructor(store: FakeStore, user: string, mailbox: FakeMailbox, release: () => void) {
    this.#store = store;
    this.#user = user;
    this.#mailbox = mailbox;
    this.#messages = [...mailbox.messages];
    this.#release = release;
  }

  get count(): number {
    return this.#messages.length;
  }

  get writable(): boolean {
    return this.#mailbox.fault !== "readonly";
  }

  size(message: number): number {
    return unstuffed(this.#message(message).text).length;
  }

  uidl(message: number): string {
    return `id-${this.#message(message).name}`;
  }

  lines(list: "sizes" | "ids", from: number): LinesPart {
    const value = (message: number) => list === "sizes" ? this.size(message) : this.uidl(message);
    return new ListLines(this.count, value).part(from);
  }

  open(message: number, bodyLines?: number): MessageReader {
    const it = this.#message(message);
    if (it.removed) throw new MessageGoneError(`${it.name} is gone`);
    const whole = unstuffed(it.text);
    const wire = stuffed(bodyLines === undefined ? whole : topOf(whole, bodyLines));
    return new FakeReader(whole.length, bytesOf(wire), this.#store.partSize, it.failsAfter);
  }

  async update(deleted: Iterable<number>, retrieved: Iterable<number>): Promise<UpdateReport> {
    this.#store.events.push(`update ${this.#user}`);
    await this.#store.gate;
    if (this.#mailbox.fault === "update throws") throw new Error("the disk is on fire");
    const [gone, kept] = [[...deleted], [...retrieved]];
    if (!this.writable) {
      return { deleted: 0, undeleted: gone.length, reason: "the folder cannot be written" };
    }
    for (const message of gone) this.#message(message).removed = true;
    for (const message of kept) this.#message(message).seen = true;
    return { deleted: gone.length, undeleted: 0 };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#store.events.push(`close ${this.#user}`);
    this.#release();
  }

  #message(message: number): FakeMessage {
    const it = this.#messages[message - 1];
    if (it === undefined) throw new RangeError(`There is no message ${message}`);
    return it;
  }
}

class FakeReader implements MessageReader {
  readonly octets: number;
  readonly #wire: Uint8Array;
  readonly #partSize: number;
  readonly #failsAfter: number;
  #at = 0;

  constructor(octets: number, wire: Uint8Array, partSize: number, failsAfter = Infinity) {
    this.octets = octets;
    this.#wire = wire;
    this.#partSize = partSize;
    this.#failsAfter = failsAfter;
  }

  read(target: Uint8Array, offset: number): number {
    if (target.length - offset < 8192) throw new RangeError("There is too little room");
    const part = this.#wire.subarray(this.#at, this.#at + this.#partSize);
    if (this.#at + part.length > this.#failsAfter) {
      throw new MessageUnreadableError("Input/output error");
    }
    target.set(part, offset);
    this.#at += part.length;
    return offset + part.length;
  }

  close(): void {
    this.#at = this.#wire.length;
  }
}

/** CRLF line ends, the last one added. */
function unstuffed(text: string): string {
  const wire = text.replaceAll(/\r?\n/g, "\r\n");
  return wire === "" || wire.endsWith("\n") ? wire : wire + "\r\n";
}

function stuffed(wire: string): string {
  return wire.replaceAll(/^\./gm, "..");
}

function topOf(wire: string, bodyLines: number): string {
  const end = wire.startsWith("\r\n") ? 2 : wire.indexOf("\r\n\r\n") + 4;
  if (end < 4 && end !== 2) return wire;
  const body = wire.slice(end).split("\r\n").slice(0, bodyLines);
  return (wire.slice(0, end) + body.map((line) => line + "\r\n").join("")).slice(0, wire.length);
}

/** The octets of a file as a text that {@linkcode FakeStore.put} takes. */
export function textOfFile(bytes: Uint8Array): string {
  return latin1(bytes);
}
