/**
 * Runs a job: so many sessions, so many of them at once.
 *
 * @module
 */
import process from "node:process";
import type { Job, LoadResult, Times } from "./job.ts";
import { type Figures, LoadSession } from "./session.ts";

const MOST_FAULTS = 5;

/** What {@linkcode runJob} is told from outside; for idle sessions. */
export interface Hold {
  /** All sessions are logged in. */
  ready(sessions: number): void;
  /** Settles when they are to end. */
  readonly end: Promise<void>;
}

class Run {
  readonly #job: Job;
  readonly #figures: Figures = { messages: 0, octets: 0, retr: [] };
  readonly #sessions: number[] = [];
  readonly #faults: string[] = [];
  readonly #free: number[];
  #errors = 0;
  #begun = 0;
  #start = 0;
  #last = 0;

  constructor(job: Job) {
    this.#job = job;
    this.#free = Array.from({ length: job.users }, (_, index) => index + 1);
  }

  async all(hold?: Hold): Promise<LoadResult> {
    const { mode, concurrency, users } = this.#job;
    this.#start = this.#last = performance.now();
    const lanes = Array.from({ length: Math.min(concurrency, users) }, () => undefined);
    if (mode === "idle") await this.#idle(lanes.length, hold);
    else await Promise.all(lanes.map(() => this.#lane()));
    return this.#result();
  }

  /** One session after the other. */
  async #lane(): Promise<void> {
    const { seconds = Infinity, sessions } = this.#job;
    const end = this.#start + seconds * 1000;
    while (this.#begun < sessions && performance.now() < end) {
      this.#begun++;
      await this.#session((session) => session.work());
    }
  }

  async #session(work: (session: LoadSession) => Promise<void>): Promise<void> {
    const number = this.#free.shift()!;
    const user = `${this.#job.prefix}${String(number).padStart(4, "0")}`;
    const start = performance.now();
    try {
      const session = await LoadSession.login(this.#job, this.#figures, user);
      try {
        await work(session);
      } catch (error) {
        session.drop();
        throw error;
      }
      this.#last = performance.now();
      this.#sessions.push(this.#last - start);
    } catch (error) {
      this.#errors++;
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#faults.length < MOST_FAULTS) this.#faults.push(`${user}: ${reason}`);
    }
    this.#free.push(number);
  }

  /** Logs all in, a few at once; then all wait for the end together. */
  async #idle(atOnce: number, hold?: Hold): Promise<void> {
    const ends: Promise<void>[] = [];
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const lane = async () => {
      while (this.#begun < Math.min(this.#job.sessions, this.#job.users)) {
        this.#begun++;
        const { promise: in_, resolve } = Promise.withResolvers<void>();
        const whole = this.#session(async (session) => {
          resolve();
          await released;
          await session.quit();
        });
        ends.push(whole);
        await Promise.race([in_, whole]);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    hold?.ready(this.#begun - this.#errors);
    await hold?.end;
    release();
    await Promise.all(ends);
  }

  #result(): LoadResult {
    return {
      sessions: this.#sessions.length,
      errors: this.#errors,
      faults: this.#faults,
      seconds: (this.#last - this.#start) / 1000,
      messages: this.#figures.messages,
      octets: this.#figures.octets,
      session: timesOf(this.#sessions),
      retr: timesOf(this.#figures.retr),
      cpu: cpuSeconds(),
    };
  }
}

/**
 * Runs a job to its end.
 *
 * @param hold for idle sessions
 */
export function runJob(job: Job, hold?: Hold): Promise<LoadResult> {
  return new Run(job).all(hold);
}

/** The process's CPU time, all threads. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Sorts times and takes what is of interest. */
export function timesOf(values: number[]): Times {
  const sorted = Float64Array.from(values).sort();
  const at = (part: number) => sorted[Math.round(part * (sorted.length - 1))] ?? 0;
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
