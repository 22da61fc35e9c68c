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
  // One secret for all runs: with another two addresses could meet in both rows.
  const secret = new Uint8Array(32);
  const share = { ...createLimits({ ...settings, ...changes }, 2), secret };
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

/** Takes so many places from one address, by both workers in turn; what they refused, as well. */
function fill({ one, two }: ReturnType<typeof twoWorkers>, address: string, count: number) {
  return Array.from({ length: count }, (_, i) => (i % 2 ? one : two).admit(0, address));
}

function refusals(results: (Admission | string)[]): string[] {
  return results.filter((result) => typeof result === "string");
}

const ABOUNDING = { maxServers: [0], connectionsPerAddress: 0 };
const DEFAULTS = { ...ABOUNDING, unauthenticated: 1000, unauthenticatedPerAddress: 100 };

Deno.test("admit() keeps the last places for addresses that hold few", () => {
  const workers = twoWorkers(DEFAULTS);
  // One office, on an otherwise empty server.
  const office = fill(workers, "192.0.2.1", 100);
  assert.deepEqual(refusals(office), []);
  for (const i of [2, 3, 4, 5, 6, 7, 8]) fill(workers, `192.0.2.${i}`, 100);
  assert.equal(countConnections(workers.share, 0), 750);
  const refusal = "Too many connections from your address that are not logged in";
  // Counted for whoever comes: all that were let in stay.
  assert.deepEqual(fill(workers, "192.0.2.1", 1), [refusal]);
  assert.deepEqual(refusals(fill(workers, "198.51.100.1", 6)), [refusal, refusal]);
  for (let i = 0; i < 60; i++) {
    assert.deepEqual(refusals(fill(workers, `203.0.113.${i}`, 4)), [], String(i));
  }
  assert.equal(countConnections(workers.share, 0), 994);
  admitted(workers.one.admit(0, "203.0.113.200")).gate.authenticated();
  admitted(workers.one.admit(0, "203.0.113.200"));
  // Once there are places again, an address may have as many as ever.
  for (const result of office) admitted(result).release();
  for (let i = 0; i < 60; i++) workers.one.admit(0, "192.0.2.1");
});

Deno.test("admit() keeps no places where few are allowed in all, or any number of an address", () => {
  for (const unauthenticated of [1, 2, 99]) {
    const workers = twoWorkers({ ...DEFAULTS, unauthenticated });
    const results = fill(workers, "192.0.2.1", unauthenticated + 1);
    assert.deepEqual(refusals(results), ["Too many connections that are not logged in"]);
  }
  const workers = twoWorkers({ ...DEFAULTS, unauthenticated: 100 });
  assert.equal(refusals(fill(workers, "192.0.2.1", 100)).length, 25);
  const proxied = twoWorkers({ ...DEFAULTS, unauthenticatedPerAddress: 0 });
  assert.deepEqual(refusals(fill(proxied, "192.0.2.1", 1000)), []);
  const open = twoWorkers({ ...DEFAULTS, unauthenticated: 0, unauthenticatedPerAddress: 50 });
  assert.equal(refusals(fill(open, "192.0.2.1", 51)).length, 1);
  const strict = twoWorkers({ ...DEFAULTS, unauthenticatedPerAddress: 2 });
  for (let i = 0; i < 400; i++) fill(strict, `192.0.${i >> 8}.${i & 255}`, 2);
  assert.equal(refusals(fill(strict, "198.51.100.1", 3)).length, 1);
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
