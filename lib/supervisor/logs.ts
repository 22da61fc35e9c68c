/**
 * The log files. Main is the only writer of each, whichever worker its lines come from.
 *
 * @module
 */
import type { Config, LogFile } from "../config/config.ts";
import { LogFileWriter } from "../log/log_file_writer.ts";
import { LogRouter, type LogSink } from "../log/log_port.ts";
import { standardError } from "../log/standard_error.ts";
import { configureTrace, type TraceSettings, withDelta } from "../log/trace.ts";
import { within } from "./within.ts";
import { TRACE_LOG } from "../server/worker_messages.ts";

/** How long the last lines may take to be written, in milliseconds: a dead disk must not stop the end. */
const CLOSE_LIMIT = 400;

/** All logs of a run. */
export class Logs {
  readonly #router = new LogRouter();
  /** By the file's name: what two settings name is one log with one writer. */
  readonly #writers = new Map<string, LogFileWriter>();
  /** How much is traced, for the workers. */
  readonly trace: TraceSettings;

  /** Opens no file yet; sends main's trace log to where the config says. */
  constructor({ log }: Config) {
    this.trace = { level: log.level };
    const target = log.file === undefined
      ? this.#standardError()
      : this.#writer({ ...log, file: log.file });
    this.#router.set(
      TRACE_LOG,
      log.delta ? { ...withDelta(target), lose: losing(target) } : target,
    );
    configureTrace(this.trace, this.#router.log(TRACE_LOG));
  }

  /**
   * Makes a log known.
   *
   * @returns its key, for workers
   */
  add(settings: LogFile): string {
    const key = `file:${settings.file}`;
    this.#router.set(key, this.#writer(settings));
    return key;
  }

  /**
   * Takes a worker's lines.
   *
   * @returns the worker's end of the channel, and what closes ours
   */
  channel(): { port: MessagePort; close: () => void } {
    const { port1, port2 } = new MessageChannel();
    return { port: port2, close: this.#router.attach(port1) };
  }

  /** Goes on in newly opened files. */
  reopen(): void {
    for (const writer of this.#writers.values()) writer.reopen();
  }

  /** Writes what waits, as far as that is possible soon. */
  async close(): Promise<void> {
    await within(CLOSE_LIMIT, Promise.all([...this.#writers.values()].map((one) => one.close())));
  }

  #standardError(): LogFileWriter {
    const writer = standardError();
    this.#writers.set("", writer);
    return writer;
  }

  #writer(settings: LogFile): LogFileWriter {
    let writer = this.#writers.get(settings.file);
    if (writer === undefined) {
      writer = new LogFileWriter(settings);
      this.#writers.set(settings.file, writer);
    }
    return writer;
  }
}

function losing(target: LogSink): (lines: number) => void {
  return (lines) => target.lose?.(lines);
}
