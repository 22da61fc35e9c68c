/**
 * What `retrieve` shows: on a terminal one line that is written over and over, and a line for each
 * run that has ended.
 *
 * @module
 */
import { harmless } from "../log/line.ts";
import { count, type RunReport, size } from "../retriever/report.ts";
import type { Progress } from "../retriever/run.ts";

/** Characters of a line at most: some of it may be a server's words. */
const LONGEST = 2000;

/** Erases to the end of the line. */
const ERASE = "\x1b[K";

/** What a {@linkcode RetrieveDisplay} writes to and reads. */
export interface DisplayTools {
  /** Writes to standard output. */
  readonly write: (text: string) => void;
  /** Writes a line to standard error; undefined if the trace log tells failures there anyway. */
  readonly complain: ((line: string) => void) | undefined;
  /** The terminal's width; undefined if standard output is none. */
  readonly columns: () => number | undefined;
  /** The clock, in milliseconds. */
  readonly now: () => number;
}

/** The display of one `retrieve`. */
export class RetrieveDisplay {
  readonly #tools: DisplayTools;
  /** When each running client's first progress came. */
  readonly #since = new Map<string, number>();
  readonly #last = new Map<string, RunReport>();
  #runs = 0;
  #messages = 0;
  #octets = 0;

  /** Shows nothing yet. */
  constructor(tools: DisplayTools) {
    this.#tools = tools;
  }

  /** Shows how far a run is, if standard output is a terminal. */
  progress(progress: Progress): void {
    const columns = this.#tools.columns();
    if (columns === undefined) return;
    const now = this.#tools.now();
    const since = this.#since.get(progress.client) ?? now;
    this.#since.set(progress.client, since);
    const line = progressText(progress, now - since).slice(0, columns - 1);
    // The cursor goes back to the start, so that whatever is logged meanwhile covers this line.
    this.#tools.write(`${ERASE}${line}\r`);
  }

  /** Shows a run that has ended. */
  report(report: RunReport): void {
    this.#since.delete(report.client);
    this.#last.set(report.client, report);
    this.#runs++;
    this.#messages += report.delivered;
    this.#octets += report.octets;
    const line = `${report.client}: ${report.summary}`;
    if (report.failure === undefined) return this.#line(line);
    if (this.#tools.columns() !== undefined) this.#tools.write(ERASE);
    this.#tools.complain?.(harmless(line, LONGEST));
  }

  /** Shows what it all came to. */
  summary(): void {
    const unhappy = [...this.#last.values()]
      .filter(isUnhappy)
      .map(({ client }) => client);
    const parts = [
      `${count(this.#messages, "message")} (${size(this.#octets)}) in ${count(this.#runs, "run")}`,
      ...(unhappy.length === 0 ? [] : [`not all went well with ${unhappy.join(", ")}`]),
    ];
    this.#line(`Total: ${parts.join("; ")}`);
  }

  #line(text: string): void {
    const erase = this.#tools.columns() === undefined ? "" : ERASE;
    this.#tools.write(`${erase}${harmless(text, LONGEST)}\n`);
  }
}

function isUnhappy({ failure, interrupted, leftByError }: RunReport): boolean {
  return (failure !== undefined && !interrupted) || leftByError > 0;
}

/** `home: message 3 of 12, 1.2 MB, 350 KB/s` */
function progressText(progress: Progress, elapsed: number): string {
  const { client, message, of, octets } = progress;
  const rate = elapsed < 500 ? "" : `, ${size(Math.round(octets * 1000 / elapsed))}/s`;
  return harmless(`${client}: message ${message} of ${of}, ${size(octets)}${rate}`);
}
