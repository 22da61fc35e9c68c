/**
 * Runs the clients of one process, each with a mailbox of its own, one session after the other.
 *
 * @module
 */
import { randomNumbers } from "../../support/mailbox.ts";
import { userOf } from "../message.ts";
import type { ClientJob, Progress } from "./job.ts";
import { type Kind, KINDS } from "./kinds.ts";
import { MailboxModel } from "./mailbox_model.ts";
import { type Figures, Visit, type Visitor } from "./visit.ts";

const MOST_FAULTS = 20;
/** A session that takes longer than this, in milliseconds, is stuck. */
const SESSION_LIMIT = 180_000;
/** Sessions at once when all mailboxes are looked into in the end. */
const VERIFIED_AT_ONCE = 50;

const TOTAL_WEIGHT = KINDS.reduce((sum, { weight }) => sum + weight, 0);

/** All clients of a process. */
export class Clients {
  readonly #job: ClientJob;
  readonly #figures: Figures = {
    open: 0,
    loggedIn: 0,
    messages: 0,
    octets: 0,
    inUse: 0,
    slowest: 0,
  };
  readonly #sessions = new Map<string, number>();
  /** Kinds of the sessions under way. */
  readonly #playing = new Map<Visitor, string>();
  readonly #faults: string[] = [];
  readonly #visitors: Visitor[];
  /** Ends the waits under way. */
  readonly #waiting = new Set<() => void>();
  #finishing = false;
  #faultCount = 0;
  #reportedAt = performance.now();

  /** Starts nothing yet. */
  constructor(job: ClientJob) {
    this.#job = job;
    this.#visitors = Array.from({ length: job.clients }, (_, at) => this.#visitor(job.first + at));
  }

  /** How far they are; to be asked once a second. */
  progress(): Progress {
    const now = performance.now();
    const lag = Math.max(0, now - this.#reportedAt - 1000);
    this.#reportedAt = now;
    const { slowest } = this.#figures;
    this.#figures.slowest = 0;
    const { open, loggedIn, messages, octets, inUse } = this.#figures;
    return {
      ...{ open, loggedIn, messages, octets, inUse, slowest, lag },
      sessions: Object.fromEntries(this.#sessions),
      playing: count(this.#playing.values()),
      faultCount: this.#faultCount,
      faults: this.#faults,
    };
  }

  /** Plays sessions until {@linkcode finish}, and those under way to their end. */
  async run(): Promise<void> {
    await Promise.all(this.#visitors.map((visitor) => this.#lane(visitor)));
  }

  /** From now on nobody waits, and no session begins. */
  finish(): void {
    this.#finishing = true;
    for (const wake of this.#waiting) wake();
  }

  /**
   * Logs in to every mailbox and compares it with its model; no other session may be open.
   *
   * @returns serial numbers of the messages that were removed
   */
  async verify(): Promise<number[]> {
    const queue = [...this.#visitors];
    const lane = async () => {
      for (let visitor = queue.pop(); visitor !== undefined; visitor = queue.pop()) {
        await this.#play(visitor, { name: "verify", play: look });
      }
    };
    await Promise.all(Array.from({ length: VERIFIED_AT_ONCE }, lane));
    return this.#visitors.flatMap(({ model }) => model.removedSerials);
  }

  async #lane(visitor: Visitor): Promise<void> {
    await this.#wait(visitor.random() * this.#job.rampUp);
    while (!this.#finishing) {
      const faults = this.#faultCount;
      await this.#play(visitor, choose(visitor.random()));
      // A server that is gone must not be asked a million times.
      if (this.#faultCount > faults) await this.#wait(1000);
    }
  }

  async #play(visitor: Visitor, kind: Pick<Kind, "name" | "play">): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    this.#playing.set(visitor, kind.name);
    try {
      const stuck = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error("the session is stuck")), SESSION_LIMIT);
      });
      await Promise.race([kind.play(visitor), stuck]);
    } catch (error) {
      this.#faultCount++;
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#faults.length < MOST_FAULTS) {
        this.#faults.push(`${userOf(visitor.mailbox)}, ${kind.name}: ${reason}`);
      }
    } finally {
      clearTimeout(timer);
      this.#playing.delete(visitor);
      this.#sessions.set(kind.name, (this.#sessions.get(kind.name) ?? 0) + 1);
    }
  }

  #visitor(mailbox: number): Visitor {
    const random = randomNumbers(this.#job.seed * 100_003 + mailbox);
    // Two waits in most sessions, from nothing to twice the usual.
    const usual = this.#job.sessionTime / 2;
    return {
      job: this.#job,
      figures: this.#figures,
      model: new MailboxModel(),
      ...{ mailbox, random },
      think: (ms) => this.#wait(ms ?? 2 * random() * usual),
    };
  }

  async #wait(ms: number): Promise<void> {
    if (this.#finishing) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
  }
}

function count(names: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function choose(random: number): Kind {
  let left = random * TOTAL_WEIGHT;
  return KINDS.find(({ weight }) => (left -= weight) < 0) ?? KINDS[0]!;
}

async function look(visitor: Visitor): Promise<void> {
  using visit = await Visit.begin(visitor);
  await visit.look();
  await visit.quit();
}
