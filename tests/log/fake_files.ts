/**
 * Files in memory, a clock that stands still and timers that fire on demand,
 * for the tests of log files.
 *
 * @module
 */
import type { LogFile } from "../../lib/log/log_file.ts";
import { type LogFileSettings, LogFileWriter } from "../../lib/log/log_file_writer.ts";

const decoder = new TextDecoder();
export const BERLIN = "Europe/Berlin";

/** The moment of a local time in Berlin. */
export function berlin(local: string): number {
  return Temporal.ZonedDateTime.from(`${local}[${BERLIN}]`).epochMilliseconds;
}

/** A disk with `room` bytes left, and everything else that a writer is surrounded by. */
export class FakeFiles {
  readonly contents = new Map<string, string>();
  readonly reports: string[] = [];
  /** The files opened, in order, and how many of them are open. */
  readonly opened: string[] = [];
  openNow = 0;
  /** How often bytes were written, or tried to be. */
  writes = 0;
  /** Bytes of room left. */
  room = Infinity;
  /** Bytes that one write takes at most. */
  atOnce = Infinity;
  /** Why opening fails, if it does. */
  openFault: Error | undefined;
  time: number;
  readonly timers = new Map<object, { due: number; action: () => void }>();

  constructor(local = "2026-11-21T14:03:22") {
    this.time = berlin(local);
  }

  writer(settings: Partial<LogFileSettings> = {}, limit?: number): LogFileWriter {
    return new LogFileWriter(
      { file: "/l/a-%DT%.log", rot: "DAILY", buffer: 8192, flush: 1000, ...settings },
      {
        now: () => this.time,
        zone: BERLIN,
        open: (path) => this.#open(path),
        report: (sentence) => this.reports.push(sentence),
        timer: (milliseconds, action) => {
          const key = {};
          this.timers.set(key, { due: this.time + milliseconds, action });
          return () => this.timers.delete(key);
        },
        ...(limit === undefined ? {} : { limit }),
      },
    );
  }

  /** Sets the clock to a local time; timers that are due then fire. */
  async goTo(local: string): Promise<void> {
    await this.#reach(berlin(local));
  }

  /** Lets so many milliseconds pass. */
  async pass(milliseconds: number): Promise<void> {
    await this.#reach(this.time + milliseconds);
  }

  async #reach(time: number): Promise<void> {
    this.time = time;
    for (const [key, { due, action }] of [...this.timers]) {
      if (due <= time && this.timers.delete(key)) action();
    }
    await settle();
  }

  /** What every file holds. */
  files(): Record<string, string> {
    return Object.fromEntries(this.contents);
  }

  async #open(path: string): Promise<LogFile> {
    await Promise.resolve();
    if (this.openFault !== undefined) throw this.openFault;
    const before = this.contents.get(path) ?? "";
    this.contents.set(path, before);
    this.opened.push(path);
    this.openNow++;
    let open = true;
    return {
      size: before.length,
      write: (bytes) => this.#write(path, bytes),
      close: () => {
        if (open) this.openNow--;
        open = false;
      },
    };
  }

  async #write(path: string, bytes: Uint8Array): Promise<number> {
    this.writes++;
    await Promise.resolve();
    const count = Math.min(bytes.length, this.room, this.atOnce);
    if (count === 0) throw new Error("No space left on device (os error 28)");
    this.room -= count;
    const text = decoder.decode(bytes.subarray(0, count));
    this.contents.set(path, this.contents.get(path)! + text);
    return count;
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
