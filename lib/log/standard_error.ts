/**
 * Standard error as a log: where the trace log goes unless the config names a file.
 *
 * @module
 */
import { LogFileWriter } from "./log_file_writer.ts";

/** Lines that come together are written together; nobody notices the delay. */
const GATHERED = { buffer: 8192, flush: 1 };

/**
 * A log on standard error. Its reader may stop to read without going away (a pager, Ctrl-S on a
 * terminal): lines then wait as they do for a full disk, and nothing else waits with them.
 *
 * @param write appends to the stream; that of this program by default
 */
export function standardError(
  write: (bytes: Uint8Array) => Promise<number> = (bytes) => Deno.stderr.write(bytes),
): LogFileWriter {
  return new LogFileWriter({ file: "standard error", rot: "NEVER", ...GATHERED }, {
    open: () => Promise.resolve({ size: 0, write, close: () => {} }),
    // Where the others report is the very place that fails here.
    report: () => {},
  });
}
