/**
 * The demo's retriever, and what it and the server said to each other.
 *
 * @module
 */
import type { RunningServer } from "./running_server.ts";
import type { Screen } from "./screen.ts";
import type { DemoSite } from "./site.ts";

/** A transcript's line: who speaks, and what. */
const LINE = /^\S+ \S+ \[[^\]]*\] (C:|S:|\*\*) ?(.*)$/;

/** How long the last lines may take to be written, and how often they are looked for, in milliseconds. */
const WAIT = { most: 2000, between: 10 };

/**
 * Collects mail, and shows the transcript of it.
 *
 * @throws {UserError} if not all went well
 */
export async function collect(
  site: DemoSite,
  server: RunningServer,
  screen: Screen,
): Promise<void> {
  const reports = await server.collect();
  const transcript = await wholeTranscript(site.retrieverTranscript);
  for (const line of transcript.split("\n")) {
    const [, who, text = ""] = LINE.exec(line) ?? [];
    if (who === "C:") screen.client(text);
    else if (who === "S:") screen.server(text);
    else if (who !== undefined) screen.note(text);
  }
  for (const { summary } of reports) screen.note(`In short: ${summary}.`);
}

/** A log is written in the background: reads it once the session's last line is in it. */
async function wholeTranscript(path: string): Promise<string> {
  const end = performance.now() + WAIT.most;
  while (true) {
    const text = await Deno.readTextFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    });
    if (/\] \*\* ended.*\n$/.test(text) || performance.now() > end) return text;
    await new Promise((resolve) => setTimeout(resolve, WAIT.between));
  }
}
