/**
 * What a run has to say for itself, in plain words: what happened, and what will be done.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { EndingError } from "./errors.ts";
import type { TraceLog } from "../log/trace.ts";
import type { ClientOptions } from "./options.ts";
import type { Plan } from "./plan.ts";

/** The outcome of a run. */
export interface RunReport {
  /** The client's id. */
  readonly client: string;
  /** Server and user, as people write them. */
  readonly account: string;
  /** Why the session failed or ended early, if it did. */
  readonly failure: string | undefined;
  /** Whether it ended early only because the program is ending. */
  readonly interrupted: boolean;
  /** How many messages the server listed. */
  readonly listed: number;
  /** How many were to be fetched. */
  readonly wanted: number;
  /** How many were delivered. */
  readonly delivered: number;
  /** The octets of what was delivered. */
  readonly octets: number;
  /** How many were deleted from the server. */
  readonly deleted: number;
  /** How many stay there because of an error. */
  readonly leftByError: number;
  /** How many stay there because of their size. */
  readonly tooLarge: number;
  /** The whole as a sentence. */
  readonly summary: string;
}

/** So many messages that stay behind are told one by one. */
const MOST_TOLD = 20;

/** Gathers a run's report and tells the log what cannot wait. */
export class Report {
  readonly #client: ClientOptions;
  readonly #log: TraceLog;
  readonly #account: string;
  #failure: string | undefined;
  #listed = 0;
  #wanted = 0;
  #delivered = 0;
  #octets = 0;
  #deleted = 0;
  #recognised = 0;
  #left = 0;
  #tooLarge = 0;
  #seen = 0;
  #toDelete = 0;
  #wantedOctets = 0;
  #dry = false;
  #confirmed = false;
  #ending = false;

  /** Begins a report. */
  constructor(client: ClientOptions, log: TraceLog) {
    this.#client = client;
    this.#log = log;
    const { host, port, username } = client.server;
    this.#account = `${username === undefined ? "" : `${username} at `}${host}:${port}`;
  }

  /** Why the session failed. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Whether the session failed or a message had to stay. */
  get hasErrors(): boolean {
    return this.#failure !== undefined || this.#left > 0;
  }

  /** Says what is worth knowing. */
  info(text: string): void {
    this.#log.info(`${this.#client.id}: ${text}`);
  }

  /** Says what is not as it should be. */
  warn(text: string): void {
    this.#log.warn(`${this.#client.id}: ${text}`);
  }

  /**
   * Notes what the session is going to do.
   *
   * @param dry whether it will not do it
   */
  planned(plan: Plan, listed: number, dry: boolean): void {
    this.#dry = dry;
    this.#listed = listed;
    const wanted = plan.jobs.filter(({ action }) => action === "fetch");
    this.#wanted = wanted.length;
    this.#wantedOctets = wanted.reduce((sum, job) => sum + (job.size ?? 0), 0);
    this.#toDelete = plan.jobs.length - this.#wanted;
    this.#tooLarge = plan.tooLarge.length;
    this.#seen = plan.seen;
    for (const { number, size: octets } of plan.tooLarge.slice(0, MOST_TOLD)) {
      this.warn(
        `message ${number} stays on the server: its ${size(octets!)} are more than max_size`,
      );
    }
  }

  /** Notes a message that is safe. */
  delivered(octets: number): void {
    this.#delivered++;
    this.#octets += octets;
  }

  /** Notes a message that stays on the server because of an error. */
  left(number: number, reason: string): void {
    if (++this.#left <= MOST_TOLD) this.warn(`message ${number} stays on the server: ${reason}`);
    if (this.#left === MOST_TOLD + 1) {
      this.warn("more messages stay on the server (not listed here)");
    }
  }

  /** Notes what a transfer did beside delivering. */
  transferred(transfer: { readonly deleted: number; readonly recognised: number }): void {
    this.#deleted = transfer.deleted;
    this.#recognised = transfer.recognised;
  }

  /** Notes that the server has confirmed the end of the session: deletions are real now. */
  confirmed(): void {
    this.#confirmed = true;
  }

  /** Notes that the session failed; the first reason counts. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = reasonOf(error);
    this.#ending = error instanceof EndingError;
  }

  /** Ends the report, and tells the log. */
  end(): RunReport {
    if (!this.#confirmed) this.#deleted = 0;
    const summary = this.#failure !== undefined
      ? this.#failed()
      : this.#dry
      ? this.#prospect()
      : this.#success();
    const text = `${this.#client.id}: ${summary}`;
    if (this.#failure !== undefined && !this.#ending) this.#log.error(text);
    else this.#log.info(text);
    return {
      client: this.#client.id,
      account: this.#account,
      failure: this.#failure,
      interrupted: this.#ending,
      listed: this.#listed,
      wanted: this.#wanted,
      delivered: this.#delivered,
      octets: this.#octets,
      deleted: this.#deleted,
      leftByError: this.#left,
      tooLarge: this.#tooLarge,
      summary,
    };
  }

  #success(): string {
    const parts = [this.#what()];
    if (this.#recognised > 0) {
      parts.push(`${this.#recognised} known from before by their contents, not delivered again`);
    }
    if (this.#seen > 0) parts.push(`${this.#seen} fetched in earlier runs`);
    if (this.#deleted > 0) parts.push(`${this.#deleted} deleted there`);
    if (this.#tooLarge > 0) parts.push(`${this.#tooLarge} left there as larger than max_size`);
    if (this.#left > 0) parts.push(`${this.#left} left there because of errors`);
    return parts.join("; ");
  }

  #prospect(): string {
    const parts = [
      `would fetch ${count(this.#wanted, "message")} (${size(this.#wantedOctets)}) of ` +
      `${this.#listed} from ${this.#account}`,
    ];
    if (this.#toDelete > 0) {
      parts.push(`would delete ${count(this.#toDelete, "message")} fetched before`);
    }
    if (this.#seen > 0) parts.push(`${this.#seen} fetched in earlier runs`);
    if (this.#tooLarge > 0) {
      parts.push(`${this.#tooLarge} would stay there as larger than max_size`);
    }
    return `${parts.join("; ")}; nothing was changed`;
  }

  #failed(): string {
    const reason = this.#failure!;
    const missing = this.#wanted - this.#delivered - this.#recognised - this.#left;
    const parts = [`${this.#what()}, then the run ended: ${reason}`];
    if (this.#delivered === 0) parts[0] = `nothing from ${this.#account}: ${reason}`;
    else if (this.#deleted === 0 && !this.#client.preserve) {
      parts.push("What was delivered is deleted there at the next run, not fetched again");
    }
    if (missing === 1) parts.push("One more message follows at the next run");
    if (missing > 1) parts.push(`The other ${missing} messages follow at the next run`);
    return parts.join(". ");
  }

  #what(): string {
    return `${count(this.#delivered, "message")} (${size(this.#octets)}) from ${this.#account}`;
  }
}

/** A number of things, in words. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/** A size for people: `4 octets`, `12 KB`, `1.5 MB`. */
export function size(octets: number): string {
  if (octets < 1000) return count(octets, "octet");
  const units = ["KB", "MB", "GB", "TB"];
  let value = octets / 1000;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
