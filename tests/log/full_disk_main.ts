/**
 * Logs to /dev/full, which Deno opens only for a program that may do anything:
 * so this is a program of its own. It prints what was reported.
 *
 * @module
 */
import { LogFileWriter } from "../../lib/log/log_file_writer.ts";

const writer = new LogFileWriter({ file: "/dev/full", rot: "NEVER", buffer: 8192, flush: 1000 }, {
  report: (sentence) => void Deno.stdout.writeSync(new TextEncoder().encode(sentence + "\n")),
});
writer.write("one\ntwo\n");
await writer.flush();
await writer.close();
