import assert from "node:assert/strict";
import { timeSlices, turnDue, turnsEnd } from "../../lib/maildir/time_slices.ts";

/** More than any slice. */
const LONG_MS = 15;

function compute(): void {
  for (const start = performance.now(); performance.now() - start < LONG_MS;) { /* busy */ }
}

/** Does a work ten times at once beside others who want a turn, and tells who had theirs when. */
async function tellStory(work: (story: string[]) => Promise<void>): Promise<string[]> {
  const story: string[] = [];
  let done = false;
  const others = async () => {
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      story.push("others");
    }
  };
  const turns = others();
  await Promise.all(Array.from({ length: 10 }, () => work(story)));
  done = true;
  await turns;
  return story;
}

Deno.test("timeSlices() gives others their turn after each slice, however much work there is", async () => {
  const story = await tellStory(async (story) => {
    const pause = timeSlices();
    for (let piece = 0; piece < 3; piece++) {
      compute();
      if (piece > 0) story.push("work");
      await pause();
    }
  });
  const inARow = story.join(" ").split("others").map((part) => part.trim().split(" ").length);
  assert(Math.max(...inARow) <= 2, story.join(" "));
  assert.equal(story.filter((what) => what === "work").length, 20);
});

Deno.test("timeSlices() gives the rest of a slice to the next in line", async () => {
  const story = await tellStory(async (story) => {
    const pause = timeSlices();
    compute();
    await pause();
    story.push("work");
  });
  assert.match(story.join(" "), /work work/);
});

Deno.test("timeSlices() does not stop work that is short", () => {
  assert.equal(timeSlices()(), undefined);
});

Deno.test("turnDue() gives the event loop a turn if what was awaited took none", async () => {
  let turned = false;
  setTimeout(() => turned = true, 0);
  for (const start = performance.now(); !turned && performance.now() - start < 5000;) {
    await turnDue();
  }
  turnsEnd();
  assert.ok(turned);
});
