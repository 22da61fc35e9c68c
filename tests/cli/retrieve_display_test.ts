import { equal, match } from "node:assert/strict";
import { RetrieveDisplay } from "../../lib/cli/retrieve_display.ts";
import type { RunReport } from "../../lib/retriever/report.ts";

const REPORT: RunReport = {
  client: "home",
  account: "bob at pop.example.org:995",
  failure: undefined,
  interrupted: false,
  listed: 3,
  wanted: 3,
  delivered: 3,
  octets: 12_345,
  deleted: 3,
  leftByError: 0,
  tooLarge: 0,
  summary: "3 messages (12 KB) from bob at pop.example.org:995; 3 deleted there",
};

function shown(columns: number | undefined, use: (display: RetrieveDisplay) => void): string {
  let text = "";
  let now = 0;
  use(
    new RetrieveDisplay({
      write: (part) => text += part,
      complain: (line) => text += `stderr: ${line}\n`,
      columns: () => columns,
      now: () => now += 1000,
    }),
  );
  return text;
}

Deno.test("RetrieveDisplay.progress() writes one line over and over on a terminal", () => {
  const text = shown(40, (display) => {
    display.progress({ client: "home", message: 1, of: 3, octets: 500 });
    display.progress({ client: "home", message: 3, of: 3, octets: 2_000_000 });
  });
  equal(
    text,
    "\x1b[Khome: message 1 of 3, 500 octets\r\x1b[Khome: message 3 of 3, 2.0 MB, 2.0 MB/s\r",
  );
  equal(text.split("\r").every((line) => line.length < 40 + "\x1b[K".length), true);
});

Deno.test("RetrieveDisplay.progress() writes nothing where there is no terminal", () => {
  equal(
    shown(undefined, (display) => display.progress({ client: "a", message: 1, of: 1, octets: 0 })),
    "",
  );
});

Deno.test("RetrieveDisplay.report() and summary() write plain lines", () => {
  const text = shown(undefined, (display) => {
    display.report(REPORT);
    display.report({
      ...REPORT,
      client: "work",
      failure: "x",
      delivered: 0,
      octets: 0,
      summary: "nothing: x",
    });
    display.summary();
  });
  match(text, /^home: 3 messages \(12 KB\) from bob/);
  match(text, /^stderr: work: nothing: x$/m);
  match(text, /^Total: 3 messages \(12 KB\) in 2 runs; not all went well with work$/m);
});

Deno.test("RetrieveDisplay.report() lets nobody forge lines", () => {
  const text = shown(undefined, (display) => display.report({ ...REPORT, summary: "a\nb\x1b[2J" }));
  equal(text, "home: a\\x0ab\\x1b[2J\n");
});
