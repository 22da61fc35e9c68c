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
import { networkOf } from "../../lib/server/shared_tables.ts";

const settings: LimitSettings = {
  maxServers: [0, 2],
  unauthenticated: 6,
  unauthenticatedPerAddress: 3,
  connectionsPerAddress: 4,
  handshakes: 5,
  handshakesPerAddress: 2,
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

Deno.test("startHandshake() limits handshakes of one address, and in all, over all workers", () => {
  const { one, two } = twoWorkers({ unauthenticated: 0, unauthenticatedPerAddress: 0 });
  const begin = (worker: SharedLimits, address: string) =>
    admitted(worker.admit(0, address)).startHandshake();
  const first = begin(one, "192.0.2.1");
  assert.equal(typeof first, "function");
  assert.equal(typeof begin(two, "192.0.2.1"), "function");
  assert.equal(begin(two, "192.0.2.1"), "Too many TLS handshakes from your address");
  for (const i of [2, 3, 4]) assert.equal(typeof begin(one, `192.0.2.${i}`), "function");
  assert.equal(begin(two, "192.0.2.9"), "Too many TLS handshakes under way");
  for (let i = 0; i < 2; i++) (first as () => void)();
  assert.equal(typeof begin(two, "192.0.2.9"), "function");
  assert.equal(begin(two, "192.0.2.10"), "Too many TLS handshakes under way");
});

Deno.test("startHandshake() takes 0 for no limit", () => {
  const { one } = twoWorkers({ handshakes: 0, handshakesPerAddress: 0 });
  const admission = admitted(one.admit(0, "192.0.2.1"));
  for (let i = 0; i < 50; i++) assert.equal(typeof admission.startHandshake(), "function");
});

Deno.test("createLimits() makes memory that never grows", () => {
  const { memory } = createLimits(settings, 8);
  assert.equal(memory.growable, false);
  assert.ok(memory.byteLength < 5_000_000, `${memory.byteLength} bytes`);
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
    act: fc.constantFrom("admit", "login", "handshake", "release"),
    pick: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const { share, one, two } = twoWorkers();
      const held: Admission[] = [];
      const handshakes: (() => void)[] = [];
      for (const { worker, listener, host, act, pick } of events) {
        const chosen = held[pick % Math.max(1, held.length)];
        if (act === "admit") {
          const result = [one, two][worker]!.admit(listener, `192.0.2.${host}`);
          if (typeof result !== "string") held.push(result);
        } else if (act === "login") chosen?.gate.authenticated();
        else if (act === "handshake") {
          const end = chosen?.startHandshake();
          if (typeof end === "function") handshakes.push(end);
        } else chosen?.release();
      }
      for (const admission of held) admission.release();
      for (const end of handshakes) end();
      const part = new Int32Array(share.memory);
      assert.ok(part.subarray(0, 2 * (4 + 8 * 4096)).every((cell) => cell === 0));
    }),
    { numRuns: 15 },
  );
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
