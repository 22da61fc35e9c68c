import assert from "node:assert/strict";
import { randomNumbers } from "../support/mailbox.ts";
import {
  afterWarmUp,
  growthFaults,
  isJudgeable,
  leftoverFaults,
  memoryFaults,
  type Sample,
  slope,
  trends,
} from "./verdict.ts";

const MB = 2 ** 20;

/** Ten minutes of a server that takes 400 MB, give or take the garbage. */
function samples(change: (time: number) => Partial<Sample>): Sample[] {
  const random = randomNumbers(3);
  return Array.from({ length: 600 }, (_, at) => {
    const warmUp = Math.min(at, 120) / 120;
    const sawTooth = (at % 90) / 90 * 60 * MB;
    return {
      ...{
        time: at + 1,
        open: 5000,
        loggedIn: 4500,
        sessions: 200 * at,

        slowest: 0,
        lag: 0,
      },
      pss: 200 * MB * (1 + warmUp) + sawTooth + random() * 5 * MB,
      files: 9000 + Math.floor(random() * 400),
      threads: 14,
      ...change(at),
    };
  });
}

Deno.test("trends() sees no growth in the saw-tooth of a garbage collector", () => {
  assert.deepEqual(growthFaults(trends(samples(() => ({})))), []);
});

Deno.test("trends() sees a leak of a kilobyte a session", () => {
  const leaking = samples((at) => ({
    pss: 400 * MB + (at % 90) / 90 * 60 * MB + 200 * at * 1024,
  }));
  assert.match(growthFaults(trends(leaking)).join(), /^pss grew/);
});

Deno.test("trends() sees a file left open by every two hundredth session", () => {
  const random = randomNumbers(4);
  const leaking = samples((at) => ({ files: 9000 + Math.floor(random() * 400) + at }));
  assert.match(growthFaults(trends(leaking)).join(), /^files grew/);
});

Deno.test("trends() sees one thread more", () => {
  const growing = samples((at) => ({ threads: 14 + at / 400 }));
  assert.match(growthFaults(trends(growing)).join(), /^threads grew/);
});

Deno.test("slope() is not bent by a few odd points", () => {
  const line = Array.from({ length: 50 }, (_, x) => [x, x % 10 === 0 ? 1e6 : 3 * x] as const);
  assert.equal(slope(line), 3);
  assert.equal(slope([[1, 1]]), 0);
});

Deno.test("afterWarmUp() is the second half", () => {
  assert.equal(afterWarmUp(samples(() => ({})))[0]!.time, 300);
});

Deno.test("isJudgeable() wants ten sessions of each client before the second half", () => {
  assert(isJudgeable(samples(() => ({})), 5000));
  assert(!isJudgeable(samples(() => ({})).slice(0, 150), 5000));
  assert(isJudgeable(samples(() => ({})).slice(0, 150), 1000));
});

Deno.test("leftoverFaults() sees one file left open", () => {
  const figures = { pss: 0, files: 41, threads: 9 };
  assert.deepEqual(leftoverFaults(figures, figures), []);
  assert.match(leftoverFaults(figures, { ...figures, files: 42 }).join(), /^42 files/);
});

Deno.test("memoryFaults() sees memory that grows when all have gone", () => {
  const all = samples(() => ({}));
  const after = (pss: number) => ({ pss, files: 41, threads: 9 });
  assert.deepEqual(memoryFaults(all, after(430 * MB)), []);
  assert.match(memoryFaults(all, after(600 * MB)).join(), /bytes are held/);
});
