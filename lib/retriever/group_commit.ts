/**
 * Makes received messages safe, several at a time: the disk is waited for once a group and not
 * once a message.
 *
 * The order is the heart of the retriever. (1) The messages lie whole on disk, out of sight.
 * (2) The journal says on disk which of them are about to appear, and under which names. (3) They
 * are moved to where they are seen, and that is on disk. (4) The journal notes that they are
 * delivered. (5) Only now may they be deleted from the server. A crash before (2) leaves nothing
 * but temporary files, which the next run removes, and all messages on the server; a crash after
 * it is put right by the next run before it fetches anything.
 *
 * @module
 */
import type { Destination, Staged } from "./destination.ts";
import type { Journal } from "./journal.ts";
import type { JournalEntry } from "./journal_lines.ts";

/** A message that was received whole. */
export interface Received {
  /** Where it lies. */
  readonly staged: Staged;
  /** Its octets. */
  readonly octets: number;
  /** What the journal is to say; absent if it has no say. */
  readonly entry?: JournalEntry;
}

/** A group is made safe when it has so many messages, */
const MOST_MESSAGES = 64;
/** or so many octets, */
const MOST_OCTETS = 4 * 1024 * 1024;
/** or when its first message has waited so long, in milliseconds. */
const LONGEST_WAIT = 500;

/** Gathers messages into groups. While one group goes to disk, the next is received. */
export class GroupCommit<Item extends Received> {
  readonly #destination: Destination;
  readonly #journal: Journal;
  readonly #onSafe: (group: readonly Item[]) => void;
  #group: Item[] = [];
  #octets = 0;
  #since = 0;
  #running: Promise<void> | undefined;
  #failure: unknown;
  #failed = false;

  /**
   * Gathers nothing yet.
   *
   * @param onSafe told of messages that are delivered for good, in their order
   */
  constructor(
    destination: Destination,
    journal: Journal,
    onSafe: (group: readonly Item[]) => void,
  ) {
    this.#destination = destination;
    this.#journal = journal;
    this.#onSafe = onSafe;
  }

  /** Whether nothing waits or is under way. */
  get idle(): boolean {
    return this.#group.length === 0 && this.#running === undefined;
  }

  /** Whether a group failed, after which nothing more may be added. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Why it failed. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Adds a message; waits if the group is full and the one before it not yet done. */
  async add(item: Item): Promise<void> {
    if (this.#group.length === 0) this.#since = performance.now();
    this.#group.push(item);
    this.#octets += item.octets;
    if (!this.#isDue()) return;
    await this.#running;
    this.#start();
  }

  /** Makes safe what was gathered, and waits until all is done. Failures are in {@linkcode failure}. */
  async flush(): Promise<void> {
    await this.#running;
    this.#start();
    await this.#running;
  }

  #isDue(): boolean {
    // A mail server has the message already: the journal must not wait for others.
    if (!this.#destination.recoverable) return true;
    return this.#group.length >= MOST_MESSAGES || this.#octets >= MOST_OCTETS ||
      performance.now() - this.#since >= LONGEST_WAIT;
  }

  #start(): void {
    const group = this.#group;
    this.#group = [];
    this.#octets = 0;
    if (group.length === 0) return;
    if (this.#failed) return this.#giveUp(group);
    this.#running = this.#commit(group).catch((error: unknown) => {
      this.#failed = true;
      this.#failure = error;
    }).finally(() => this.#running = undefined);
  }

  /**
   * What a mail server has, nobody can take back: it is deleted from the remote server although no
   * journal knows it, for that is all that keeps it from coming twice.
   */
  #giveUp(group: readonly Item[]): void {
    if (!this.#destination.recoverable) return this.#onSafe(group);
    this.#destination.abandon(group.map(({ staged }) => staged));
  }

  async #commit(group: readonly Item[]): Promise<void> {
    const staged = group.map((item) => item.staged);
    const { key, recoverable } = this.#destination;
    const entries = group.flatMap(({ entry }) => entry === undefined ? [] : [entry]);
    if (recoverable) {
      try {
        await this.#destination.secure(staged);
      } catch (error) {
        this.#destination.abandon(staged);
        throw error;
      }
      // If this fails, the lines may be on disk or not: the files stay, and the next run decides.
      await this.#journal.write(key, announcements(group), true);
      await this.#destination.publish(staged);
    }
    // The file is in its place by now, and tells as much as this note after a crash. A mail server
    // has no such memory, so there the note must be on disk.
    try {
      await this.#journal.write(key, entries, !recoverable);
    } finally {
      this.#onSafe(group);
    }
  }
}

function announcements(group: readonly Received[]): JournalEntry[] {
  return group.flatMap(({ entry, staged: { names } }) =>
    entry === undefined || names === undefined ? [] : [{ ...entry, names }]
  );
}
