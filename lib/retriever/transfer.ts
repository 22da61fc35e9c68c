/**
 * The TRANSACTION state of a session: fetches, makes safe and deletes what the plan says, with as
 * many commands ahead as the server takes.
 *
 * Replies come in the order of the commands (RFC 2449 section 6.6), so a queue of what is expected
 * is all that pipelining needs. DELE is sent only for what is safe.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { Arrival, Dropped } from "./arrival.ts";
import {
  type Destination,
  DestinationError,
  MessageRefusedError,
  type Staged,
} from "./destination.ts";
import { EndingError } from "./errors.ts";
import { GroupCommit, type Received } from "./group_commit.ts";
import type { HeaderScan } from "./header_scan.ts";
import type { Journal } from "./journal.ts";
import type { JournalEntry } from "./journal_lines.ts";
import { LONGEST_UID } from "./listing.ts";
import type { Job, Plan } from "./plan.ts";
import { type Pop3Client, quoted } from "./pop3_client.ts";

/**
 * Commands that may be unanswered at once: a distant server is then never idle. They are some 12 KB,
 * which fit into any socket's buffer even while the server does nothing but send.
 */
const WINDOW = 1000;
/** The window is filled when there is room for so many, so that commands travel in company. */
const COMPANY = WINDOW / 4;
/** Octets that may be asked for at once, */
const WINDOW_OCTETS = 4 * 1024 * 1024;
/** unless it is no more than the message that comes and the one behind it. */
const LEAST_AHEAD = 2;
/** What a message of unknown size counts, in octets. */
const USUAL_SIZE = 64 * 1024;

/** What a transfer works with. */
export interface TransferOptions {
  /** The session. */
  readonly client: Pop3Client;
  /** Whether commands may be sent ahead. */
  readonly pipelining: boolean;
  /** Where messages go. */
  readonly destination: Destination;
  /** What is known of earlier sessions. */
  readonly journal: Journal;
  /** What is to be done. */
  readonly plan: Plan;
  /** Whether delivered messages are written into the journal. */
  readonly track: boolean;
  /** Whether messages stay on the server. */
  readonly preserve: boolean;
  /** The largest message to take, in octets. */
  readonly maxSize: number | undefined;
  /** Given the listed size, how many octets may come before the message is taken for endless. */
  readonly mostOctets: (listed: number | undefined) => number;
  /** Server and user, before a message's unique id. */
  readonly account: string;
  /** The Received header to put before each message, in the destination's form; empty for none. */
  readonly trace: () => Uint8Array;
  /** Whether header fields are wanted in {@linkcode Fetched}. */
  readonly scan: boolean;
  /** Ends the transfer between two messages. */
  readonly signal: AbortSignal;
  /** The clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Who is told. */
  readonly events: TransferEvents;
}

/** What is told while it happens. */
export interface TransferEvents {
  /** A message is safe. */
  delivered(message: Fetched): void;
  /** A message stays on the server because of an error, or must be deleted again next time. */
  left(number: number, reason: string): void;
  /** So many octets more have come. */
  progress(octets: number): void;
}

/** A message that was received. */
export interface Fetched extends Received {
  /** What was to be done with it. */
  readonly job: Job;
  /** Its header fields, if they are wanted. */
  readonly header: HeaderScan | undefined;
}

/** A command whose reply is awaited. */
interface Expected {
  readonly command: "RETR" | "DELE";
  readonly job: Job;
  /** What the message counts in the window. */
  readonly octets: number;
}

/** Carries a plan out. */
export class Transfer {
  /** How many messages were deleted (the server has still to confirm that at QUIT). */
  deleted = 0;
  /** How many were fetched and turned out to be delivered already. */
  recognised = 0;
  readonly #options: TransferOptions;
  readonly #commit: GroupCommit<Fetched>;
  readonly #toFetch: Job[];
  #fetchAt = 0;
  /** Safe messages; those before `#deleteAt` were dealt with. */
  readonly #toDelete: Job[];
  #deleteAt = 0;
  readonly #expected: Expected[] = [];
  #expectedMessages = 0;
  #expectedOctets = 0;
  /** What the journal knows of messages that may be listed under other unique ids, by digest. */
  readonly #byDigest = new Map<string, Set<JournalEntry>>();
  readonly #confirmed: string[] = [];
  /** Under which ids the journal knows the messages of this session that have none of their own. */
  readonly #standIns = new Map<Job, string>();
  #stop: unknown;
  #fullBefore = false;

  /** Sends nothing yet. */
  constructor(options: TransferOptions) {
    this.#options = options;
    const { plan, destination, journal } = options;
    this.#toFetch = plan.jobs.filter(({ action }) => action === "fetch");
    this.#toDelete = plan.jobs.filter(({ action }) => action === "delete");
    const doubts = plan.jobs.flatMap(({ doubt }) => doubt ?? []);
    for (const entry of options.track ? [...plan.unlisted, ...doubts] : []) {
      const others = this.#byDigest.get(entry.digest);
      if (others === undefined) this.#byDigest.set(entry.digest, new Set([entry]));
      else others.add(entry);
    }
    this.#commit = new GroupCommit(destination, journal, (group) => {
      for (const message of group) this.#safe(message);
    });
  }

  /** Journal entries whose messages the server agreed to delete; gone once QUIT has succeeded. */
  get confirmed(): readonly string[] {
    return this.#confirmed;
  }

  /**
   * Does the work.
   *
   * @returns why it ended early, if it did: the session can still be ended in good order then
   * @throws {SessionError} if the connection is lost; what was received is safe nevertheless
   */
  async run(): Promise<unknown> {
    try {
      while (true) {
        await this.#sendMore();
        const next = this.#expected.shift();
        if (next !== undefined) {
          this.#expectedOctets -= next.octets;
          if (next.command === "RETR") {
            this.#expectedMessages--;
            await this.#retrieved(next.job);
          } else await this.#deletedReply(next.job);
        } else if (!this.#commit.idle) {
          await this.#commit.flush();
        } else if (!this.#hasToDelete && (this.#ended || !this.#hasToFetch)) {
          return this.#reasonToStop;
        }
      }
    } finally {
      await this.#commit.flush();
    }
  }

  get #hasToFetch(): boolean {
    return this.#fetchAt < this.#toFetch.length;
  }

  get #hasToDelete(): boolean {
    return this.#deleteAt < this.#toDelete.length;
  }

  get #ended(): boolean {
    return this.#reasonToStop !== undefined;
  }

  /** Whether nothing can be delivered any more. */
  get #isBroken(): boolean {
    return this.#stop !== undefined || this.#commit.failed;
  }

  get #reasonToStop(): unknown {
    if (this.#stop !== undefined) return this.#stop;
    if (this.#commit.failed) return this.#commit.failure;
    if (this.#options.signal.aborted && this.#hasToFetch) {
      return new EndingError();
    }
    return undefined;
  }

  async #sendMore(): Promise<void> {
    const { pipelining } = this.#options;
    const room = (pipelining ? WINDOW : 1) - this.#expected.length;
    if (room < (pipelining ? COMPANY : 1)) return;
    const commands: string[] = [];
    while (commands.length < room && this.#hasToDelete) {
      commands.push(this.#expect("DELE", this.#toDelete[this.#deleteAt++]!, 0));
    }
    while (commands.length < room && this.#hasToFetch && !this.#ended) {
      const job = this.#toFetch[this.#fetchAt]!;
      const octets = job.size ?? USUAL_SIZE;
      const enough = this.#expectedMessages >= LEAST_AHEAD;
      if (enough && this.#expectedOctets + octets > WINDOW_OCTETS) break;
      this.#fetchAt++;
      this.#expectedMessages++;
      commands.push(this.#expect("RETR", job, Math.max(1, octets)));
    }
    if (commands.length > 0) await this.#options.client.send(...commands);
  }

  #expect(command: "RETR" | "DELE", job: Job, octets: number): string {
    this.#expected.push({ command, job, octets });
    this.#expectedOctets += octets;
    return `${command} ${job.number}`;
  }

  async #deletedReply(job: Job): Promise<void> {
    const reply = await this.#options.client.status();
    if (reply.ok) {
      this.deleted++;
      const uid = job.uid ?? this.#standIns.get(job);
      if (uid !== undefined) this.#confirmed.push(uid);
    } else {
      this.#options.events.left(
        job.number,
        `it is delivered, but the server refuses to delete it: ${quoted(reply.text)}; ` +
          "this is tried again at the next run, without fetching it",
      );
    }
  }

  async #retrieved(job: Job): Promise<void> {
    const reply = await this.#options.client.status();
    if (!reply.ok) {
      this.#options.events.left(job.number, `the server does not send it: ${quoted(reply.text)}`);
      return;
    }
    const arrival = new Arrival(job, this.#options, () => this.#isBroken);
    try {
      await arrival.receive(this.#expected.length > 0);
    } catch (error) {
      // The connection ended inside the message; the part of it is worth nothing.
      await arrival.discard();
      throw error;
    }
    await this.#arrived(arrival);
  }

  /** Decides about a message that has come to its end. */
  async #arrived(arrival: Arrival): Promise<void> {
    const { job, failure } = arrival;
    const digest = arrival.digest();
    if (failure === undefined && this.#isKnown(job, digest)) {
      await arrival.discard();
      this.recognised++;
      await this.#rename(job, digest);
      if (!this.#options.preserve) this.#toDelete.push(job);
      return;
    }
    try {
      if (failure !== undefined) throw failure;
      const { destination, journal, track } = this.#options;
      // With the end of the message a mail server has it, and a full disk would not know.
      if (track && !destination.recoverable) journal.checkRoom();
      const staged = await arrival.finish();
      this.#fullBefore = false;
      await this.#commit.add(this.#fetched(arrival, staged, digest));
    } catch (error) {
      await arrival.discard();
      this.#failed(job, error);
    }
  }

  /** Whether the journal knows the contents, although not by the unique id. */
  #isKnown(job: Job, digest: string): boolean {
    const known = this.#byDigest.get(digest);
    if (known === undefined) return false;
    // Each stands for one message, even if others are the same to the octet.
    const [first] = known;
    const entry = job.doubt !== undefined && known.has(job.doubt) ? job.doubt : first;
    if (entry === undefined) return false;
    known.delete(entry);
    const { journal, destination: { key } } = this.#options;
    // Under its id there may be another message by now, where a server gives ids anew.
    if (journal.entries(key).get(entry.uid) === entry) journal.forget(key, [entry.uid]);
    return true;
  }

  /** Notes a known message under the id and size that it has now. */
  async #rename(job: Job, digest: string): Promise<void> {
    const { journal, destination } = this.#options;
    await journal.write(destination.key, [this.#entry(job, digest)], false);
  }

  #fetched(arrival: Arrival, staged: Staged, digest: string): Fetched {
    const { job, header, octets } = arrival;
    const message = { job, header, octets, staged };
    return this.#options.track ? { ...message, entry: this.#entry(job, digest) } : message;
  }

  #entry(job: Job, digest: string): JournalEntry {
    const uid = job.uid ?? standIn(job.number, digest);
    if (job.uid === undefined) this.#standIns.set(job, uid);
    return { uid, size: job.size, digest, time: this.#options.now() };
  }

  #safe(message: Fetched): void {
    this.#options.events.delivered(message);
    if (!this.#options.preserve) this.#toDelete.push(message.job);
  }

  /** One message could not be delivered: is it the message, or is it the destination? */
  #failed(job: Job, error: unknown): void {
    const { events } = this.#options;
    if (error instanceof Dropped) return;
    events.left(job.number, reasonOf(error));
    if (error instanceof MessageRefusedError) return;
    // A smaller message may still find room. The second failure in a row says that it does not.
    if (error instanceof DestinationError && error.full && !this.#fullBefore) {
      this.#fullBefore = true;
      return;
    }
    this.#stop ??= error;
  }
}

/** What stands in the journal for an id that the server does not give: longer than any real one. */
function standIn(number: number, digest: string): string {
  return `contents:${number}:${digest}`.padEnd(LONGEST_UID + 1, "-");
}

/** Whether a journal entry's id was made by us. */
export function isStandIn(uid: string): boolean {
  return uid.length > LONGEST_UID;
}
