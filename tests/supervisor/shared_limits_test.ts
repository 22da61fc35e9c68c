import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Admission,
  countConnections,
  createLimits,
  type LimitSettings,
  releaseWorker,
  SharedLimits,
} from "../../lib/server/shared_limits.ts";
import { KeyedHash, networkOf } from "../../lib/server/shared_tables.ts";

const settings: LimitSettings = {
  maxServers: [0, 2],
  unauthenticated: 6,
  unauthenticatedPerAddress: 3,
  connectionsPerAddress: 4,
  authDelay: 1000,
  authDelayMax: 30_000,
};

function admitted(result: Admission | string): Admission {
  assert.equal(typeof result, "object", `refused: ${result}`);
  return result as Admission;
}

function twoWorkers(changes: Partial<LimitSettings> = {}) {
  const share = createLimits({ ...settings, ...changes }, 2);
  const clock = { now: Date.UTC(2026, 10, 21) };
  const workers = [0, 1].map((worker) => new SharedLimits(share, worker, () => clock.now));
  return { share, clock, one: workers[0]!, two: workers[1]! };
}

Deno.test("admit() counts a listener's connections over all workers", () => {
  const { share, one, two } = twoWorkers();
  const first = admitted(one.admit(1, "192.0.2.1"));
  admitted(two.admit(1, "192.0.2.2"));
  assert.equal(one.admit(1, "192.0.2.3"), "Too many connections to this server");
  assert.equal(countConnections(share, 1), 2);
  first.release();
  first.release();
  assert.equal(countConnections(share, 1), 1);
  admitted(two.admit(1, "192.0.2.3"));
});

Deno.test("admit() limits unauthenticated connections of one address, not of another", () => {
  const { one, two } = twoWorkers();
  const first = admitted(one.admit(0, "192.0.2.1"));
  admitted(two.admit(0, "192.0.2.1"));
  admitted(one.admit(0, "192.0.2.1"));
  const refusal = "Too many connections from your address that are not logged in";
  assert.equal(two.admit(0, "192.0.2.1"), refusal);
  admitted(two.admit(0, "192.0.2.2"));
  first.gate.authenticated();
  admitted(two.admit(0, "192.0.2.1"));
  assert.equal(one.admit(0, "192.0.2.1"), "Too many connections from your address");
});

Deno.test("admit() limits unauthenticated connections in all", () => {
  const { one, two } = twoWorkers();
  const held = [1, 2, 3, 4, 5, 6].map((i) =>
    admitted((i % 2 ? one : two).admit(0, `192.0.2.${i}`))
  );
  assert.equal(two.admit(0, "192.0.2.7"), "Too many connections that are not logged in");
  held[0]!.gate.authenticated();
  admitted(two.admit(0, "192.0.2.7"));
});

Deno.test("admit() takes 0 for no limit", () => {
  const { one } = twoWorkers({
    maxServers: [0],
    unauthenticated: 0,
    unauthenticatedPerAddress: 0,
    connectionsPerAddress: 0,
  });
  for (let i = 0; i < 50; i++) admitted(one.admit(0, "192.0.2.1"));
});

Deno.test("admit() counts the hosts of an IPv6 network as one", () => {
  const { one } = twoWorkers();
  for (const host of ["1", "2", "3"]) admitted(one.admit(0, `2001:db8:0:5::${host}`));
  assert.equal(typeof one.admit(0, "2001:db8:0:5:ffff::4"), "string");
  admitted(one.admit(0, "2001:db8:0:6::1"));
});

Deno.test("networkOf() finds the /64 however the address is written", () => {
  assert.equal(networkOf("192.0.2.1"), "192.0.2.1");
  assert.equal(networkOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
  assert.equal(networkOf("2001:db8::1"), "2001:db8:0:0");
  assert.equal(networkOf("::1"), "0:0:0:0");
  assert.equal(networkOf("fe80::1%eth0"), "fe80:0:0:0");
  assert.equal(networkOf("64:ff9b::192.0.2.1"), "64:ff9b:0:0");
  assert.equal(networkOf("1:2:3:4:5:6::"), "1:2:3:4");
});

Deno.test("releaseWorker() gives back all that a dead worker held, and nothing else", () => {
  const { share, one, two } = twoWorkers();
  for (const i of [1, 2, 3]) admitted(one.admit(0, `192.0.2.${i}`));
  const other = admitted(two.admit(0, "192.0.2.4"));
  two.admit(0, "192.0.2.4");
  releaseWorker(share, 0);
  assert.equal(countConnections(share, 0), 2);
  const next = new SharedLimits(share, 0);
  for (const i of [5, 6, 7]) admitted(next.admit(0, `192.0.2.${i}`));
  other.release();
  assert.equal(countConnections(share, 0), 4);
});

Deno.test("admit() and release() leave no count behind, in whatever order", () => {
  const event = fc.record({
    worker: fc.nat(1),
    listener: fc.nat(1),
    host: fc.nat(5),
    act: fc.constantFrom("admit", "login", "release"),
    pick: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const { share, one, two } = twoWorkers();
      const held: Admission[] = [];
      for (const { worker, listener, host, act, pick } of events) {
        const chosen = held[pick % Math.max(1, held.length)];
        if (act === "admit") {
          const result = [one, two][worker]!.admit(listener, `192.0.2.${host}`);
          if (typeof result !== "string") held.push(result);
        } else if (act === "login") chosen?.gate.authenticated();
        else chosen?.release();
      }
      for (const admission of held) admission.release();
      const part = new Int32Array(share.memory);
      assert.ok(part.subarray(0, 2 * (3 + 4 * 4096)).every((cell) => cell === 0));
    }),
    { numRuns: 15 },
  );
});

Deno.test("delayFor() doubles with each failure, on every worker, and slows no stranger", () => {
  const { one, two } = twoWorkers();
  const a = admitted(one.admit(0, "192.0.2.1")).gate;
  const b = admitted(two.admit(0, "192.0.2.1")).gate;
  assert.equal(a.delayFor("192.0.2.1", "alice"), 0);
  const delays: number[] = [];
  for (let i = 0; i < 8; i++) {
    a.failed("192.0.2.1", "alice");
    delays.push(b.delayFor("192.0.2.1", "alice"));
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assert.equal(b.delayFor("192.0.2.9", "alice"), 30000, "the same user from elsewhere");
  assert.equal(b.delayFor("192.0.2.1", "bob"), 30000, "another user from there");
  assert.equal(b.delayFor("192.0.2.9", "bob"), 0, "a stranger");
});

Deno.test("delayFor() forgets a failure each auth_delay_max", () => {
  const { one, clock } = twoWorkers();
  const { gate } = admitted(one.admit(0, "192.0.2.1"));
  for (let i = 0; i < 3; i++) gate.failed("192.0.2.1", "alice");
  const delays: number[] = [];
  for (let i = 0; i < 4; i++) {
    delays.push(gate.delayFor("192.0.2.1", "alice"));
    clock.now += 30_000;
  }
  assert.deepEqual(delays, [4000, 2000, 1000, 0]);
  clock.now += 400 * 86_400_000;
  assert.equal(gate.delayFor("192.0.2.1", "alice"), 0);
});

Deno.test("delayFor() survives a clock that is set back", () => {
  const { one, clock } = twoWorkers();
  const { gate } = admitted(one.admit(0, "192.0.2.1"));
  gate.failed("192.0.2.1", "alice");
  clock.now -= 3_600_000;
  assert.equal(gate.delayFor("192.0.2.1", "alice"), 1000);
});

Deno.test("delayFor() exempts a user's known address from the delay of that user", () => {
  const { one, two } = twoWorkers();
  const { gate } = admitted(one.admit(0, "192.0.2.1"));
  gate.succeeded("192.0.2.1", "alice");
  for (let i = 0; i < 9; i++) gate.failed("198.51.100.7", "alice");
  const other = admitted(two.admit(0, "192.0.2.1")).gate;
  assert.equal(other.delayFor("192.0.2.1", "alice"), 0);
  assert.equal(other.delayFor("192.0.2.2", "alice"), 30_000);
});

Deno.test("succeeded() forgives the user's own failures there, and no others", () => {
  const { one } = twoWorkers();
  const { gate } = admitted(one.admit(0, "192.0.2.1"));
  for (let i = 0; i < 3; i++) gate.failed("192.0.2.1", "victim");
  gate.failed("192.0.2.1", "mallory");
  gate.succeeded("192.0.2.1", "mallory");
  assert.equal(
    gate.delayFor("192.0.2.1", "mallory"),
    4000,
    "the guesses at the other account stay",
  );
  gate.succeeded("192.0.2.1", "victim");
  assert.equal(gate.delayFor("192.0.2.1", "victim"), 0);
  assert.equal(gate.delayFor("192.0.2.3", "victim"), 0);
});

Deno.test("delayFor() is 0 where delays are switched off", () => {
  for (const off of [{ authDelay: 0 }, { authDelayMax: 0 }]) {
    const { one } = twoWorkers(off);
    const { gate } = admitted(one.admit(0, "192.0.2.1"));
    gate.failed("192.0.2.1", "alice");
    assert.equal(gate.delayFor("192.0.2.1", "alice"), 0);
  }
});

Deno.test("delayFor() leaves strangers alone under an attack from thousands of addresses", () => {
  const { one } = twoWorkers();
  const { gate } = admitted(one.admit(0, "192.0.2.1"));
  for (let i = 0; i < 3000; i++) gate.failed(`10.${i >> 8}.${i & 255}.1`, `guess${i}`);
  let slowed = 0;
  for (let i = 0; i < 500; i++) {
    if (gate.delayFor(`172.16.${i >> 8}.${i & 255}`, `user${i}`) > 0) slowed++;
  }
  // Both rows must collide: about (3000 / 65536)² for each of the two tables.
  assert.ok(slowed <= 15, `${slowed} of 500 strangers were slowed`);
});

Deno.test("KeyedHash separates its parts and depends on its secret", () => {
  const hash = new KeyedHash(new Uint8Array(32));
  assert.notDeepEqual(hash.slots("a", "bc"), hash.slots("ab", "c"));
  assert.notDeepEqual(hash.slots("a"), new KeyedHash(new Uint8Array(32).fill(1)).slots("a"));
});

Deno.test("SharedLimits of real workers see each other's counts", async () => {
  const share = createLimits({ ...settings, maxServers: [3], unauthenticatedPerAddress: 0 }, 2);
  const source = `
    import { SharedLimits } from ${
    JSON.stringify(import.meta.resolve("../../lib/server/shared_limits.ts"))
  };
    onmessage = ({ data: { share, worker } }) => {
      const limits = new SharedLimits(share, worker);
      const got = [1, 2].map(() => limits.admit(0, "192.0.2.1"));
      postMessage(got.filter((one) => typeof one !== "string").length);
    };`;
  const url = "data:application/javascript," + encodeURIComponent(source);
  const workers = [0, 1].map(() =>
    new Worker(url, { type: "module", deno: { permissions: { import: false, read: true } } })
  );
  try {
    const counts = workers.map((worker, index) =>
      new Promise<number>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(event.message));
        };
        worker.postMessage({ share, worker: index });
      })
    );
    const [a, b] = await Promise.all(counts);
    assert.equal(a! + b!, 3);
    assert.equal(countConnections(share, 0), 3);
  } finally {
    for (const worker of workers) worker.terminate();
  }
  releaseWorker(share, 1);
  assert.ok(countConnections(share, 0) < 3);
});
