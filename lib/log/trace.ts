/**
 * The trace log: what the program itself has to say, by LogTape. Parts of the
 * program ask for {@linkcode traceLog}; the thread that runs them decides with
 * {@linkcode configureTrace} where it all goes.
 *
 * @module
 */
import { configureSync, getLogger, type LogLevel, type LogRecord } from "@logtape/logtape";
import { harmless, type LineSink, timeStamp } from "./line.ts";

/** The levels of the trace log, each with all before it. */
export const TRACE_LEVELS = ["ERR", "WARN", "INFO", "TRC", "TRC2", "TRC3", "TRC4", "TRC5"] as const;

/** A level of the trace log. */
export type TraceLevel = typeof TRACE_LEVELS[number];

/** How much is traced. */
export interface TraceSettings {
  /** The last level that is written. */
  readonly level: TraceLevel;
}

/** A text, or what makes it: called only if the line is written. */
export type TraceText = string | (() => string);

/** One part's way to the trace log. Texts may hold anything: they cannot forge a line. */
export interface TraceLog {
  /** What failed and needs somebody's attention. */
  error(text: TraceText): void;
  /** What is not as it should be, though the program copes. */
  warn(text: TraceText): void;
  /** What the program did. */
  info(text: TraceText): void;
  /**
   * Details, for finding faults.
   *
   * @param depth 1 to 5: shown at level TRC, TRC2 … TRC5
   */
  trace(text: TraceText, depth?: 1 | 2 | 3 | 4 | 5): void;
}

const ROOT = "mailismus";

/** Characters of a text that are shown at most: enough for an error with its stack. */
const LONGEST = 8000;

/** LogTape's word for each level; the deeper ones are told apart by the property `depth`. */
const LOWEST: Record<TraceLevel, LogLevel> = {
  ERR: "error",
  WARN: "warning",
  INFO: "info",
  TRC: "debug",
  TRC2: "trace",
  TRC3: "trace",
  TRC4: "trace",
  TRC5: "trace",
};

/**
 * Sends this thread's trace log to `sink` from now on; may be called again. Without it nothing is
 * written. LogTape's own faults come as lines of the part `logtape`.
 */
export function configureTrace(settings: TraceSettings, sink: LineSink): void {
  const deepest = Number(settings.level.slice("TRC".length)) || 1;
  configureSync({
    reset: true,
    sinks: { lines: (record: LogRecord) => sink.write(traceLine(record)) },
    filters: { depth: (record: LogRecord) => Number(record.properties.depth ?? 1) <= deepest },
    loggers: [
      { category: ROOT, lowestLevel: LOWEST[settings.level], sinks: ["lines"], filters: ["depth"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["lines"] },
    ],
  });
}

/**
 * The trace log of one part of the program.
 *
 * @param part its name, as it stands in the lines: `server`, `retriever`, …
 */
export function traceLog(part: string): TraceLog {
  const logger = getLogger([ROOT, part]);
  const write = (level: LogLevel, text: TraceText, depth: number): void => {
    if (!logger.isEnabledFor(level)) return;
    // A property, not the message: LogTape would take braces in a message for placeholders.
    const properties = { depth, text: typeof text === "string" ? text : text() };
    switch (level) {
      case "error":
        return logger.error("{text}", properties);
      case "warning":
        return logger.warn("{text}", properties);
      case "info":
        return logger.info("{text}", properties);
      case "debug":
        return logger.debug("{text}", properties);
      default:
        return logger.trace("{text}", properties);
    }
  };
  return {
    error: (text) => write("error", text, 1),
    warn: (text) => write("warning", text, 1),
    info: (text) => write("info", text, 1),
    trace: (text, depth = 1) => write(depth === 1 ? "debug" : "trace", text, depth),
  };
}

/** A record as a line: `2026-11-21 14:03:22.123 INFO  server  text`. */
function traceLine(record: LogRecord): string {
  const text = record.properties.text;
  const message = typeof text === "string" ? text : record.message.map(String).join("");
  const part = record.category.slice(record.category[0] === ROOT ? 1 : 0).join(".");
  return `${timeStamp(record.timestamp)} ${levelName(record)} ${part}  ${
    harmless(message, LONGEST)
  }\n`;
}

function levelName(record: LogRecord): string {
  switch (record.level) {
    case "fatal":
    case "error":
      return "ERR  ";
    case "warning":
      return "WARN ";
    case "info":
      return "INFO ";
    case "debug":
      return "TRC  ";
    default:
      return `TRC${record.properties.depth ?? ""}`.padEnd(5);
  }
}

/**
 * Adds to every line, behind its time, the milliseconds since the line before: `+15`. Lines of
 * different threads come in small batches, so that a line can be older than the one before it.
 *
 * @param sink where the lines go on to
 */
export function withDelta(sink: LineSink): LineSink {
  let last: number | undefined;
  const stampLength = "2026-11-21 14:03:22.123".length;
  const mark = (line: string): string => {
    const stamp = line.slice(0, stampLength);
    const time = Date.parse(stamp.replace(" ", "T"));
    if (Number.isNaN(time)) return line;
    const delta = last === undefined ? 0 : time - last;
    last = time;
    return `${stamp} ${delta < 0 ? delta : `+${delta}`}${line.slice(stampLength)}`;
  };
  return {
    write: (lines) => sink.write(lines.replace(/[^\n]*\n/g, mark)),
  };
}
