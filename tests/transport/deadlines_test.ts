import assert from "node:assert/strict";
import { Deadlines } from "../../lib/transport/deadlines.ts";

function nextTicks(ms = 40): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test("Deadlines expire once, at their time, and then no timer runs", async () => {
  let now = 0;
  const deadlines = new Deadlines(5, () => now);
  const expired: string[] = [];
  deadlines.add(100, () => expired.push("first"));
  deadlines.add(200, () => expired.push("second"));
  now = 99;
  await nextTicks();
  assert.deepEqual(expired, []);
  now = 100;
  await nextTicks();
  assert.deepEqual(expired, ["first"]);
  now = 1000;
  await nextTicks();
  assert.deepEqual(expired, ["first", "second"]);
  // The leak check of this test finds a timer that still runs.
  assert.equal(deadlines.size, 0);
});

Deno.test("Deadline.touch() starts anew, set() changes the length, cancel() ends it", async () => {
  let now = 0;
  const deadlines = new Deadlines(5, () => now);
  const expired: string[] = [];
  const touched = deadlines.add(100, () => expired.push("touched"));
  const longer = deadlines.add(100, () => expired.push("longer"));
  const cancelled = deadlines.add(100, () => expired.push("cancelled"));
  now = 90;
  touched.touch();
  longer.set(500);
  cancelled.cancel();
  cancelled.cancel();
  now = 150;
  await nextTicks();
  assert.deepEqual(expired, []);
  now = 190;
  await nextTicks();
  assert.deepEqual(expired, ["touched"]);
  touched.touch();
  now = 590;
  await nextTicks();
  assert.deepEqual(expired, ["touched", "longer"]);
  assert.equal(deadlines.size, 0);
});

Deno.test("Deadlines can be cancelled and added while others expire", async () => {
  let now = 0;
  const deadlines = new Deadlines(5, () => now);
  const expired: string[] = [];
  deadlines.add(10, () => {
    expired.push("first");
    other.cancel();
    deadlines.add(10, () => expired.push("added"));
  });
  const other = deadlines.add(10, () => expired.push("other"));
  now = 10;
  await nextTicks();
  assert.deepEqual(expired, ["first"]);
  now = 20;
  await nextTicks();
  assert.deepEqual(expired, ["first", "added"]);
});
