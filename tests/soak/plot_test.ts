import assert from "node:assert/strict";
import { plot } from "./plot.ts";
import type { Sample } from "./verdict.ts";

Deno.test("plot() draws every sample within its diagram, and names the axes", () => {
  const samples = Array.from({ length: 600 }, (_, at): Sample => ({
    ...{ time: at + 1, loggedIn: 0, slowest: 0, lag: 0, threads: 9 },
    ...{ pss: 2 ** 20 * (100 + at), files: 9000 + at, open: 5000, sessions: 200 * at },
  }));
  const picture = plot(samples);
  const lines = [...picture.matchAll(/<polyline class="line (\w+)" points="([^"]*)"/g)];
  assert.deepEqual(lines.map(([, name]) => name), ["memory", "files", "open", "sessions"]);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(picture)!.map(Number);
  for (const [, , points] of lines) {
    const all = points!.split(" ").map((point) => point.split(",").map(Number));
    assert.equal(all.length, samples.length);
    assert(all.every(([x, y]) => x! >= 70 && x! <= width! - 20 && y! >= 40 && y! <= height! - 56));
  }
  const labels = [...picture.matchAll(/<text [^>]*>([^<]*)</g)].map(([, label]) => label);
  for (const label of ["10 min", "10,000", "Memory (PSS), MB", "0"]) assert(labels.includes(label));
});
