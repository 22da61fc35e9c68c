/**
 * Writes one log: buffered, into files that change with the time or at a size.
 *
 * @module
 */
import { encodeText } from "../wire/text.ts";
import { timeStamp } from "./line.ts";
import { fileFault, type LogFile, type OpenLogFile, openLogFile } from "./log_file.ts";
import { countLines, type LogSink } from "./log_port.ts";
import { logFileName, type Rotation, rotationPeriod } from "./name_template.ts";
import { type Reporter, reportOnStandardError } from "./reporter.ts";

/** A log's settings, as the config has them. */
export interface LogFileSettings {
  /** An absolute path, with tokens for the time. */
  readonly file: string;
  /** When a new file begins, unless {@linkcode LogFileSettings.maxfile} is set. */
  readonly rot: Rotation;
  /** Bytes after which a new file begins; it overrides `rot`. */
  readonly maxfile?: number | undefined;
  /** Characters that are gathered before they are written. */
  readonly buffer: number;
  /** Milliseconds after which they are written in any case; 0 for never. */
  readonly flush: number;
}

/** What a writer needs of the world; tests bring their own. */
export interface LogFileSurroundings {
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number;
  /** The time zone's name; the machine's by default. */
  readonly zone?: string;
  /** Opens files. */
  readonly open?: OpenLogFile;
  /** Takes a sentence for the administrator; standard error by default. */
  readonly report?: Reporter;
  /** Calls `action` once after so many milliseconds, unless the result is called before. */
  readonly timer?: (milliseconds: number, action: () => void) => () => void;
  /** Characters that wait at most while the file cannot be written (1 Mi, or 4 buffers). */
  readonly limit?: number;
}

/** Lines for one file that wait to be written. */
interface Chunk {
  /** The file; undefined if that is decided by size, when they are written. */
  readonly path: string | undefined;
  lines: string;
  /** How many lines before these were dropped. */
  lost: number;
}

/** The lines being written: only whole lines are ever dropped, so these stay until they are done. */
interface Flight {
  readonly path: string | undefined;
  readonly bytes: Uint8Array;
  done: number;
}

const LF = 0x0a;
const LEAST_LIMIT = 1 << 20;
const FIRST_RETRY = 1000;
const LAST_RETRY = 30_000;

/**
 * The only writer of a log's files. Lines are taken at once and written in order, one write at a
 * time; a line never stands in two files. A file that cannot be written is reported once and tried
 * again and again; meanwhile lines wait in bounded memory, the oldest are dropped first, and a
 * line says how many were lost.
 */
export class LogFileWriter implements LogSink {
  readonly #settings: LogFileSettings;
  readonly #now: () => number;
  readonly #zone: string | undefined;
  readonly #open: OpenLogFile;
  readonly #report: Reporter;
  readonly #timer: (milliseconds: number, action: () => void) => () => void;
  readonly #limit: number;

  /** The current period's file, from when (the clock may be turned back) and until when. */
  #period: { path: string; from: number; end: number } | undefined;
  readonly #queue: Chunk[] = [];
  #queued = 0;
  #flight: Flight | undefined;
  #file: { file: LogFile; path: string; size: number } | undefined;
  /** By size: the file to go on with, and where the search for the next one begins. */
  #bySize: { base: string; counter: number; path: string } | undefined;
  #stale = false;
  #draining: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  /** Since a write failed: how long to wait for the next try, and what was dropped. */
  #failing: { retry: number; lost: number } | undefined;
  #closed = false;

  /** Nothing is opened before the first line. */
  constructor(settings: LogFileSettings, surroundings: LogFileSurroundings = {}) {
    this.#settings = settings;
    this.#now = surroundings.now ?? Date.now;
    this.#zone = surroundings.zone;
    this.#open = surroundings.open ?? openLogFile;
    this.#report = surroundings.report ?? reportOnStandardError;
    this.#timer = surroundings.timer ?? startTimer;
    this.#limit = surroundings.limit ?? Math.max(LEAST_LIMIT, 4 * settings.buffer);
  }

  /** Takes complete lines; see {@linkcode LogSink}. After {@linkcode close} they are dropped. */
  write(lines: string): void {
    if (this.#closed) return;
    const path = this.#settings.maxfile === undefined ? this.#periodPath() : undefined;
    const last = this.#queue.at(-1);
    if (last !== undefined && last.path === path && last.lines.length < this.#settings.buffer) {
      last.lines += lines;
    } else {
      this.#queue.push({ path, lines, lost: 0 });
    }
    this.#queued += lines.length;
    this.#dropOldest();
    if (this.#failing !== undefined || this.#draining !== undefined) return;
    if (this.#queued >= this.#settings.buffer) this.#drainNow();
    else if (this.#settings.flush > 0) this.#drainIn(this.#settings.flush);
  }

  /** Notes that so many lines were lost on their way here. */
  lose(lines: number): void {
    this.write(this.#lossNote(lines));
  }

  /** Writes what waits; settles when it is written or has failed. */
  flush(): Promise<void> {
    this.#drainNow();
    return this.#draining ?? Promise.resolve();
  }

  /** Goes on in a newly opened file, since another program moved this one away (logrotate). */
  reopen(): void {
    this.#period = undefined;
    this.#bySize = undefined;
    this.#stale = true;
    if (this.#draining === undefined) this.#closeFile();
  }

  /** Writes what waits, once more even if the last try failed, and closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#draining;
    await this.flush();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#closeFile();
    const left = this.#queue.reduce((sum, { lines, lost }) => sum + countLines(lines) + lost, 0) +
      countLines(new TextDecoder().decode(this.#flight?.bytes.subarray(this.#flight.done)));
    if (left > 0) {
      await this.#report(`Log "${this.#settings.file}": lines lost at the end: ${left}`);
    }
  }

  #periodPath(): string {
    const now = this.#now();
    const { file, rot } = this.#settings;
    let period = this.#period;
    if (period === undefined || now >= period.end || now < period.from) {
      const { start, end } = rotationPeriod(rot, now, this.#zone);
      const from = rot === "NEVER" ? -Infinity : now;
      this.#period = period = { path: logFileName(file, rot, start), from, end };
    }
    return period.path;
  }

  #dropOldest(): void {
    while (this.#queued > this.#limit && this.#queue.length > 1) {
      const { lines, lost } = this.#queue.shift()!;
      const count = countLines(lines);
      this.#queued -= lines.length;
      this.#queue[0]!.lost += lost + count;
      if (this.#failing !== undefined) this.#failing.lost += count;
    }
  }

  #lossNote(lines: number): string {
    return `${timeStamp(this.#now())} ** Lines of this log lost here: ${lines}\n`;
  }

  #drainIn(milliseconds: number): void {
    this.#cancelTimer ??= this.#timer(milliseconds, () => this.#drainNow());
  }

  #drainNow(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#queue.length > 0 || this.#flight !== undefined) this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      while (this.#flight !== undefined || this.#queue.length > 0) {
        this.#flight ??= this.#takeOff();
        await this.#writeFlight(this.#flight);
        this.#flight = undefined;
        this.#recovered();
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#draining = undefined;
    }
  }

  /** Takes many buffers at once: written one by one, a busy log's would come faster than they go. */
  #takeOff(): Flight {
    const { path, lines, lost } = this.#queue.shift()!;
    let text = lines;
    while (text.length < this.#limit / 4) {
      const next = this.#queue[0];
      if (next === undefined || next.path !== path || next.lost > 0) break;
      text += next.lines;
      this.#queue.shift();
    }
    this.#queued -= text.length;
    const note = lost > 0 ? this.#lossNote(lost) : "";
    return { path, bytes: encodeText(note + text), done: 0 };
  }

  async #writeFlight(flight: Flight): Promise<void> {
    const { bytes, path } = flight;
    while (flight.done < bytes.length) {
      if (this.#stale) {
        this.#stale = false;
        this.#closeFile();
        // A line that the old file got only a part of is written anew.
        flight.done = flight.done > 0 ? bytes.lastIndexOf(LF, flight.done - 1) + 1 : 0;
      }
      if (path !== undefined) await this.#ensureOpen(path);
      else await this.#ensureRoom(flight);
      const target = this.#file!;
      const end = path === undefined ? this.#fitting(flight, target.size) : bytes.length;
      while (flight.done < end) {
        const written = await target.file.write(bytes.subarray(flight.done, end));
        flight.done += written;
        target.size += written;
      }
    }
  }

  async #ensureOpen(path: string): Promise<void> {
    if (this.#file?.path === path) return;
    this.#closeFile();
    const file = await this.#open(path);
    this.#file = { file, path, size: file.size };
  }

  /** By size: has a file open that takes at least the flight's next line. */
  async #ensureRoom(flight: Flight): Promise<void> {
    if (this.#bySize !== undefined) {
      await this.#ensureOpen(this.#bySize.path);
      if (this.#fitting(flight, this.#file!.size) > flight.done) return;
    }
    const { start } = rotationPeriod("NEVER", this.#now(), this.#zone);
    const base = logFileName(this.#settings.file, "SIZE", start);
    let counter = this.#bySize?.base === base ? this.#bySize.counter + 1 : 0;
    while (true) {
      const path = counter === 0 ? base : counted(base, counter);
      this.#bySize = { base, counter, path };
      await this.#ensureOpen(path);
      if (this.#fitting(flight, this.#file!.size) > flight.done) return;
      counter++;
    }
  }

  /** By size: up to where the flight's lines fit behind `size` bytes; a line too long for any file
   * gets one of its own, and a line once begun is finished. */
  #fitting({ bytes, done }: Flight, size: number): number {
    const room = this.#settings.maxfile! - size;
    if (bytes.length - done <= room) return bytes.length;
    const begun = done > 0 && bytes[done - 1] !== LF;
    const end = room > 0 ? bytes.lastIndexOf(LF, done + room - 1) + 1 : 0;
    if (end > done) return end;
    return begun || size === 0 ? bytes.indexOf(LF, done) + 1 : done;
  }

  #failed(error: unknown): void {
    const path = this.#file?.path ?? this.#flight?.path ?? this.#bySize?.path;
    this.#closeFile();
    if (this.#failing === undefined) {
      this.#failing = { retry: FIRST_RETRY, lost: 0 };
      void this.#report(
        `Cannot write the log file "${path}": ${fileFault(error)}. ` +
          "Its lines are kept in memory as far as there is room, and writing is tried again",
      );
    }
    if (this.#closed) return;
    this.#drainIn(this.#failing.retry);
    this.#failing.retry = Math.min(2 * this.#failing.retry, LAST_RETRY);
  }

  #recovered(): void {
    if (this.#failing === undefined) return;
    const { lost } = this.#failing;
    this.#failing = undefined;
    const loss = lost > 0 ? `; lines lost meanwhile: ${lost}` : "";
    void this.#report(`The log file "${this.#file?.path}" can be written again${loss}`);
  }

  #closeFile(): void {
    try {
      this.#file?.file.close();
    } catch {
      // Nothing is buffered in it: all that could fail was reported by the writes.
    }
    this.#file = undefined;
  }
}

/** A file name with a counter before its ending: `pop3-20261121_140322_1.log`. */
function counted(path: string, counter: number): string {
  const ending = /\.[^./\\]*$/.exec(path)?.[0] ?? "";
  return `${path.slice(0, path.length - ending.length)}_${counter}${ending}`;
}

function startTimer(milliseconds: number, action: () => void): () => void {
  const timer = setTimeout(action, milliseconds);
  return () => clearTimeout(timer);
}
