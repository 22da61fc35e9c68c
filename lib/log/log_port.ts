/**
 * Log lines from workers to main. Workers have no log files to write: main is
 * their only writer, so that each file has one buffer, one rotation and one
 * place that notices a full disk. All logs of a worker share one MessagePort,
 * told apart by a key.
 *
 * @module
 */
import type { LineSink } from "./line.ts";

/** Lines of one log, as they travel. */
interface Batch {
  readonly key: string;
  /** Complete lines. */
  readonly lines: string;
  /** How many lines before these found no room. */
  readonly lost: number;
}

/** From a worker: what its logs have to write. */
interface LogMessage {
  readonly batches: Batch[];
}

/** From main: the message was taken on. Only then does the worker send its next one. */
const TAKEN = "taken";

/** How a worker's end behaves. */
export interface LogPortOptions {
  /** Milliseconds that lines are gathered before they are sent (50). */
  readonly delay?: number;
  /** Characters that wait at most, all logs together, while main takes nothing (1 Mi). */
  readonly limit?: number;
}

/**
 * The worker's end: hands out a {@linkcode LineSink} per log. Lines go in batches, the next when
 * main has taken the last. If main does not keep up, memory stays bounded: new lines are dropped,
 * counted, and the count is written in their place.
 */
export class LogPort {
  readonly #port: MessagePort;
  readonly #delay: number;
  readonly #limit: number;
  readonly #waiting = new Map<string, { lines: string; lost: number }>();
  #characters = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sent = false;
  #closed = false;
  #idle: (() => void) | undefined;

  /** Takes over the worker's end of a channel whose other end has {@linkcode LogRouter.attach}. */
  constructor(port: MessagePort, options: LogPortOptions = {}) {
    this.#port = port;
    this.#delay = options.delay ?? 50;
    this.#limit = options.limit ?? 1 << 20;
    port.onmessage = () => this.#taken();
  }

  /**
   * The way to one log.
   *
   * @param key names the log to main
   */
  log(key: string): LineSink {
    return { write: (lines) => this.#write(key, lines) };
  }

  /**
   * Sends what waits and closes the port when main has taken it. Lines written later are dropped.
   *
   * @param patience milliseconds to wait for main at most
   */
  async close(patience = 1000): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      timer = setTimeout(resolve, patience);
      this.#send();
    });
    clearTimeout(timer);
    clearTimeout(this.#timer);
    this.#port.close();
  }

  #write(key: string, lines: string): void {
    if (this.#closed) return;
    let entry = this.#waiting.get(key);
    if (entry === undefined) this.#waiting.set(key, entry = { lines: "", lost: 0 });
    // After a loss nothing follows in this batch, so that its note stands where the loss was.
    if (entry.lost > 0 || this.#characters + lines.length > this.#limit) {
      entry.lost += countLines(lines);
    } else {
      entry.lines += lines;
      this.#characters += lines.length;
    }
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#send(), this.#delay);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sent) return;
    if (this.#waiting.size === 0) {
      this.#idle?.();
      return;
    }
    const batches = [...this.#waiting].map(([key, { lines, lost }]) => ({ key, lines, lost }));
    this.#waiting.clear();
    this.#characters = 0;
    this.#sent = true;
    this.#port.postMessage({ batches } satisfies LogMessage);
  }

  #taken(): void {
    this.#sent = false;
    // While the timer runs, it sends; else lines came in its absence, or none did.
    if (this.#timer === undefined || this.#closed) this.#send();
  }
}

/** Main's end: knows where each log goes, and takes lines from any number of workers. */
export class LogRouter {
  readonly #sinks = new Map<string, LogSink>();

  /**
   * Sends a log to `sink` from now on.
   *
   * @param key the name that workers give to {@linkcode LogPort.log}
   */
  set(key: string, sink: LogSink): void {
    this.#sinks.set(key, sink);
  }

  /** The log of that key, for main's own lines. Lines of a key that was never set vanish. */
  log(key: string): LineSink {
    return { write: (lines) => this.#sinks.get(key)?.write(lines) };
  }

  /**
   * Takes lines from a worker.
   *
   * @returns closes the port
   */
  attach(port: MessagePort): () => void {
    port.onmessage = (event: MessageEvent<LogMessage>) => {
      for (const { key, lines, lost } of event.data.batches) {
        const sink = this.#sinks.get(key);
        if (sink === undefined) continue;
        if (lines !== "") sink.write(lines);
        if (lost > 0) sink.lose?.(lost);
      }
      port.postMessage(TAKEN);
    };
    return () => port.close();
  }
}

/** A log that can say that lines are missing. */
export interface LogSink extends LineSink {
  /** Notes that so many lines were lost here. */
  lose?(lines: number): void;
}

/** How many lines a text of complete lines has. */
export function countLines(lines: string): number {
  let count = 0;
  for (let at = lines.indexOf("\n"); at >= 0; at = lines.indexOf("\n", at + 1)) count++;
  return count;
}
