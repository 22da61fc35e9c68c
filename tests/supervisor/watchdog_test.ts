import assert from "node:assert/strict";
import { Watchdog } from "../../lib/supervisor/watchdog.ts";

/** A watchdog of three looks, whose looks the test makes happen. */
function setUp() {
  const state = { look: undefined as (() => void) | undefined, hung: 0, back: 0 };
  const dog = new Watchdog({
    interval: 1000,
    patience: 3,
    hangs: () => void state.hung++,
    answers: () => void state.back++,
    timer: (milliseconds, action) => {
      assert.equal(milliseconds, 1000);
      state.look = action;
      return () => state.look = undefined;
    },
  });
  const looks = (count: number) => {
    for (let i = 0; i < count; i++) state.look?.();
  };
  return { dog, state, looks };
}

Deno.test("Watchdog tells once of a thread that has shown nothing for long, and of its return", () => {
  const { dog, state, looks } = setUp();
  dog.beat();
  looks(3);
  assert.equal(state.hung, 0);
  looks(5);
  assert.deepEqual([state.hung, state.back], [1, 0]);
  dog.beat();
  dog.beat();
  looks(3);
  assert.deepEqual([state.hung, state.back], [1, 1]);
  looks(1);
  assert.deepEqual([state.hung, state.back], [2, 1]);
});

Deno.test("Watchdog is content with a late sign of life, and with many at once", () => {
  const { dog, state, looks } = setUp();
  dog.beat();
  for (let i = 0; i < 10; i++) {
    looks(3);
    dog.beat();
    dog.beat();
  }
  assert.equal(state.hung, 0);
});

Deno.test("Watchdog begins with the first sign of life, and ends when it is told to", () => {
  const { dog, state, looks } = setUp();
  assert.equal(state.look, undefined);
  dog.beat();
  looks(2);
  dog.stop();
  assert.equal(state.look, undefined);
  dog.beat();
  assert.equal(state.look, undefined);
  looks(5);
  assert.equal(state.hung, 0);
});
