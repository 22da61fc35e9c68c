/**
 * Every file operation of a log goes wrong in every way. No line may be lost, repeated or torn as
 * long as there is memory for what waits; one sentence tells of the trouble, and one of its end.
 */
import { deepEqual, ok } from "node:assert/strict";
import { type LogFileSettings, LogFileWriter } from "../../lib/log/log_file_writer.ts";
import { checkSentences, everyFault } from "../support/faulty_files.ts";
import { namesIn, readLatin1 } from "../support/retriever.ts";

const HOUR = 3_600_000;
const LINES = Array.from({ length: 12 }, (_, i) => `line ${i} ${"x".repeat(i)}`);

const VARIANTS: [string, Omit<LogFileSettings, "file" | "buffer" | "flush">][] = [
  ["one file", { rot: "NEVER" }],
  ["a file an hour", { rot: "HOURLY" }],
  ["files of a size", { rot: "NEVER", maxfile: 60 }],
];

/** The lines of all files, in the order of the files' names. */
function written(folder: string): string[] {
  return namesIn(folder)
    .flatMap((name) => readLatin1(`${folder}/${name}`).split("\n").slice(0, -1));
}

function newest(folder: string): string {
  const text = namesIn(folder).map((name) => readLatin1(`${folder}/${name}`)).join("");
  return text.slice(text.lastIndexOf("\n") + 1);
}

for (const [name, rotation] of VARIANTS) {
  Deno.test(`A log survives every fault of its files: ${name}`, async (t) => {
    const { operations, faults, trials } = await everyFault(async (begin) => {
      const root = await Deno.makeTempDir({ prefix: "mailismus-logs-" });
      const folder = `${root}/logs`;
      let now = Date.UTC(2026, 10, 21, 12);
      const reports: string[] = [];
      const timers = new Set<() => void>();
      const writer = new LogFileWriter(
        { file: `${folder}/log-%DT%.txt`, buffer: 20, flush: 0, ...rotation },
        {
          now: () => now,
          zone: "UTC",
          report: (sentence) => void reports.push(sentence),
          timer: (_, action) => {
            timers.add(action);
            return () => timers.delete(action);
          },
        },
      );
      let stopped: boolean;
      {
        using faulty = begin();
        for (const [i, line] of LINES.entries()) {
          writer.write(`${line}\n`);
          if (i % 2 === 1) await writer.flush();
          if (i === 3) writer.reopen();
          if (i % 5 === 4) now += HOUR;
        }
        await writer.flush();
        stopped = faulty.stopped;
      }
      checkSentences(reports);
      if (stopped) {
        const whole = written(folder);
        deepEqual(whole, LINES.slice(0, whole.length));
        ok(LINES[whole.length]?.startsWith(newest(folder)) ?? newest(folder) === "");
      }
      // What waited is written when the disk works again, with the next line or without.
      for (const action of [...timers]) action();
      await writer.close();
      if (!stopped) {
        deepEqual(written(folder), LINES, reports.join("\n"));
        ok(reports.length === 0 || reports.length === 2, reports.join("\n"));
      }
      await Deno.remove(root, { recursive: true });
    });
    await t.step(`${trials} of ${faults} faults in ${operations} operations`, () => {});
  });
}
