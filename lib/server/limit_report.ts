/**
 * Tells the log that a limit took effect, but not each time: a flood of
 * connections must not become a flood of lines.
 *
 * @module
 */
import type { SessionLog } from "./session_options.ts";

/** How often one limit is reported at most, in milliseconds. */
const INTERVAL_MS = 60_000;

/** What is kept of a limit that was reported. */
interface Entry {
  reportedAt: number;
  more: number;
  /** Writes the newest of those not reported. */
  write?: (more: string) => void;
}

/** The limits of one worker, as the log hears of them: the first time at once, then once a minute. */
export class LimitReport {
  readonly #log: Pick<SessionLog, "warn" | "info">;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();

  /**
   * Nothing is reported yet.
   *
   * @param now the clock, in milliseconds; a monotonic one
   */
  constructor(
    log: Pick<SessionLog, "warn" | "info">,
    now: () => number = () => performance.now(),
  ) {
    this.#log = log;
    this.#now = now;
  }

  /** Somebody is refused who may have done nothing wrong. @param limit tells limits apart */
  refused(limit: string, text: string): void {
    this.#add(limit, (more) => this.#log.warn(text + more));
  }

  /** One client went too far, as happens at any open port. */
  reached(limit: string, text: string): void {
    this.#add(limit, (more) => this.#log.info(text + more));
  }

  /** Writes what is still to be told. */
  flush(): void {
    for (const entry of this.#entries.values()) tell(entry);
  }

  #add(limit: string, write: (more: string) => void): void {
    const now = this.#now();
    const entry = this.#entries.get(limit);
    if (entry === undefined) {
      this.#entries.set(limit, { reportedAt: now, more: 0 });
      return write("");
    }
    entry.more++;
    entry.write = write;
    if (now - entry.reportedAt < INTERVAL_MS) return;
    entry.reportedAt = now;
    tell(entry);
  }
}

function tell(entry: Entry): void {
  const { more, write } = entry;
  entry.more = 0;
  delete entry.write;
  write?.(more === 1 ? "" : ` (the last of ${more} since the last report)`);
}
