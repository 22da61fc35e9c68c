import { deepEqual, equal } from "node:assert/strict";
import {
  type ClientSchedule,
  type Clock,
  LONG_RUN,
  Schedule,
  type ScheduleOptions,
  systemClock,
} from "../../lib/retriever/schedule.ts";

/** A clock that goes when it is told to. */
class ManualClock implements Clock {
  now = 0;
  readonly #timers = new Set<{ due: number; action: () => void }>();

  after(ms: number, action: () => void): () => void {
    const timer = { due: this.now + ms, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  get waiting(): number {
    return this.#timers.size;
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    while (true) {
      await settle();
      const next = [...this.#timers].filter(({ due }) => due <= end)
        .sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.now = next.due;
      this.#timers.delete(next);
      next.action();
    }
    this.now = end;
    await settle();
  }
}

/** Lets everything happen that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

interface Trial {
  readonly clock: ManualClock;
  readonly schedule: Schedule;
  /** `id@time` of every start. */
  readonly starts: string[];
  readonly finished: () => boolean;
  /** How many run now. */
  readonly running: () => number;
}

/** Runs that take a number of milliseconds each. */
function trial(
  clients: readonly ClientSchedule[],
  duration: number,
  options: Partial<ScheduleOptions> & { clock?: ManualClock } = {},
): Trial {
  const { clock = new ManualClock(), ...others } = options;
  const starts: string[] = [];
  const now = new Set<string>();
  let finished = false;
  const schedule = new Schedule({
    clients,
    delayStart: 0,
    maxParallel: 4,
    clock,
    onError: (id, error) => {
      throw new Error(`${id} failed`, { cause: error });
    },
    onLong: (id) => {
      throw new Error(`the run of ${id} took long`);
    },
    run: async (id) => {
      equal(now.has(id), false, "never two runs of one client at once");
      now.add(id);
      starts.push(`${id}@${clock.now}`);
      if (duration > 0) await new Promise<void>((resolve) => clock.after(duration, resolve));
      now.delete(id);
    },
    ...others,
  });
  void schedule.run().then(() => finished = true);
  return { clock, schedule, starts, finished: () => finished, running: () => now.size };
}

Deno.test("Schedule counts freq from the end of a run, after delayStart", async () => {
  const { clock, schedule, starts } = trial([{ id: "a", freq: 100, runs: 0 }], 30, {
    delayStart: 1000,
  });
  await clock.advance(1300);
  deepEqual(starts, ["a@1000", "a@1130", "a@1260"]);
  schedule.stop();
  await clock.advance(100);
  equal(clock.waiting, 0);
});

Deno.test("Schedule ends when every client has had its runs", async () => {
  const clients = [{ id: "a", freq: 10, runs: 2 }, { id: "b", freq: 0, runs: 3 }, {
    id: "c",
    freq: 0,
    runs: 0,
  }];
  const { clock, starts, finished } = trial(clients, 5);
  await clock.advance(19);
  equal(finished(), false);
  await clock.advance(1);
  equal(finished(), true);
  deepEqual(starts, ["a@0", "b@0", "c@0", "b@5", "b@10", "a@15"]);
});

Deno.test("Schedule runs no more than maxParallel at once, each in its turn", async () => {
  const clients = ["a", "b", "c", "d", "e"].map((id) => ({ id, freq: 1000, runs: 1 }));
  const { clock, starts, running, finished } = trial(clients, 10, { maxParallel: 2 });
  await clock.advance(5);
  equal(running(), 2);
  await clock.advance(25);
  deepEqual(starts, ["a@0", "b@0", "c@10", "d@10", "e@20"]);
  equal(finished(), true);
});

Deno.test("Schedule runs a client at its next turn though a run threw", async () => {
  let runs = 0;
  const failed: string[] = [];
  const { clock, finished } = trial(
    [{ id: "a", freq: 10, runs: 3 }, { id: "b", freq: 10, runs: 3 }],
    0,
    {
      run: () => ++runs % 2 === 0 ? Promise.reject(new Error("x")) : Promise.resolve(),
      onError: (id) => void failed.push(id),
    },
  );
  await clock.advance(100);
  deepEqual([runs, finished(), failed], [6, true, ["b", "b", "b"]]);
});

Deno.test("Schedule.stop() lets a run end and starts no other", async () => {
  const clients = ["a", "b"].map((id) => ({ id, freq: 1, runs: 0 }));
  const { clock, schedule, starts, finished } = trial(clients, 10, { maxParallel: 1 });
  await clock.advance(5);
  schedule.stop();
  await clock.advance(1);
  equal(finished(), false);
  await clock.advance(10);
  equal(finished(), true);
  deepEqual(starts, ["a@0"]);
});

/** Clients of which the slow ones do not end their run, for one place; `end` ends the oldest. */
function stuck(ids: readonly string[]): Trial & { long: string[]; end: () => void } {
  const long: string[] = [];
  const ends: (() => void)[] = [];
  const starts: string[] = [];
  const clients = ids.map((id) => ({ id, freq: 1000, runs: id.startsWith("slow") ? 1 : 0 }));
  const clock = new ManualClock();
  const made = trial(clients, 0, {
    clock,
    maxParallel: 1,
    run: async (id) => {
      starts.push(`${id}@${clock.now}`);
      if (id.startsWith("slow")) await new Promise<void>((resolve) => ends.push(resolve));
    },
    onLong: (id) => void long.push(`${id}@${clock.now}`),
  });
  return { ...made, starts, long, end: () => ends.shift()!() };
}

Deno.test("Schedule lets others run beside a run that lasts long, and says so once", async () => {
  const { clock, schedule, starts, long, end } = stuck(["slow", "good"]);
  await clock.advance(LONG_RUN - 1);
  deepEqual([starts, long], [["slow@0"], []]);
  await clock.advance(1001);
  deepEqual(starts, ["slow@0", `good@${LONG_RUN}`, `good@${LONG_RUN + 1000}`]);
  await clock.advance(2 * LONG_RUN);
  deepEqual(long, [`slow@${LONG_RUN}`]);
  end();
  schedule.stop();
  await clock.advance(0);
  equal(clock.waiting, 0);
});

Deno.test("Schedule has no more than maxParallel long runs beside the others", async () => {
  const { clock, schedule, starts, long, finished, end } = stuck(["slow1", "slow2", "slow3", "x"]);
  await clock.advance(10 * LONG_RUN);
  deepEqual(starts, ["slow1@0", `slow2@${LONG_RUN}`]);
  deepEqual(long, [`slow1@${LONG_RUN}`, `slow2@${2 * LONG_RUN}`]);
  end();
  await clock.advance(0);
  deepEqual(starts.slice(2), [`slow3@${10 * LONG_RUN}`]);
  end();
  end();
  await clock.advance(500);
  deepEqual(starts.slice(3), [`x@${10 * LONG_RUN}`]);
  schedule.stop();
  await clock.advance(0);
  deepEqual([finished(), clock.waiting], [true, 0]);
});

Deno.test("Schedule with no client is over at once", async () => {
  const { clock, finished } = trial([], 0);
  await clock.advance(0);
  equal(finished(), true);
});

Deno.test("systemClock.after() calls late what a timer could not hold", async () => {
  let called = false;
  const cancel = systemClock.after(60 * 24 * 60 * 60 * 1000, () => called = true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  cancel();
  equal(called, false);
});
