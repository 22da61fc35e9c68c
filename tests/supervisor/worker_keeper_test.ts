import assert from "node:assert/strict";
import { WorkerKeeper } from "../../lib/supervisor/worker_keeper.ts";

/** A keeper whose workers, timers and clock are in the test's hand. */
function setUp() {
  const state = {
    now: 0,
    started: 0,
    stopped: 0,
    reports: [] as string[],
    waits: [] as number[],
    restart: undefined as (() => void) | undefined,
    die: (_reason: string) => {},
  };
  const keeper = new WorkerKeeper({
    name: "Worker 1",
    start: (died) => {
      state.started++;
      state.die = died;
      return { stop: () => void state.stopped++ };
    },
    report: (sentence) => void state.reports.push(sentence),
    timer: (milliseconds, action) => {
      state.waits.push(milliseconds);
      state.restart = action;
      return () => state.restart = undefined;
    },
    now: () => state.now,
  });
  return { keeper, state };
}

const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve));

Deno.test("WorkerKeeper starts a dead worker again, and reports it", async () => {
  const { keeper, state } = setUp();
  keeper.start();
  state.die("out of luck");
  state.die("out of luck, said again");
  await turn();
  assert.deepEqual(state.reports, [
    "Worker 1 died: out of luck. It is started again in 100 milliseconds",
  ]);
  assert.deepEqual([state.started, state.stopped], [1, 1]);
  state.restart!();
  assert.equal(state.started, 2);
  keeper.stop();
  assert.equal(state.stopped, 2);
});

Deno.test("WorkerKeeper waits longer while a worker dies young, and forgets that after a long life", async () => {
  const { keeper, state } = setUp();
  keeper.start();
  for (let i = 0; i < 11; i++) {
    state.die("again");
    await turn();
    state.restart!();
  }
  assert.deepEqual(
    state.waits,
    [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000],
  );
  state.now += 61_000;
  state.die("after a minute");
  await turn();
  assert.equal(state.waits.at(-1), 100);
  keeper.stop();
});

Deno.test("WorkerKeeper starts nothing again once it is released or stopped", async () => {
  for (const end of ["release", "stop"] as const) {
    const { keeper, state } = setUp();
    keeper.start();
    state.die("first");
    await turn();
    keeper[end]();
    assert.equal(state.restart, undefined);
    const other = setUp();
    other.keeper.start();
    other.keeper[end]();
    other.state.die("late");
    await turn();
    assert.deepEqual(other.state.reports, []);
  }
});

Deno.test("WorkerKeeper takes a worker that cannot be started for one that died", async () => {
  const reports: string[] = [];
  const keeper = new WorkerKeeper({
    name: "Worker 1",
    start: () => {
      throw new Error("no thread");
    },
    report: (sentence) => void reports.push(sentence),
    timer: () => () => {},
  });
  keeper.start();
  await turn();
  assert.match(reports[0]!, /Worker 1 died: no thread\./);
  keeper.stop();
});
