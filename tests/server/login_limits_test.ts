import assert from "node:assert/strict";
import type { LoginGate, LoginTurn } from "../../lib/server/login_gate.ts";
import { createLimits, type LimitSettings, SharedLimits } from "../../lib/server/shared_limits.ts";
import { KeyedHash } from "../../lib/server/shared_tables.ts";

const settings: LimitSettings = {
  maxServers: [0],
  unauthenticated: 0,
  unauthenticatedPerAddress: 0,
  connectionsPerAddress: 0,
  handshakes: 0,
  handshakesPerAddress: 0,
  authDelay: 1000,
  authDelayMax: 30_000,
};

/** The login limits as sessions of two workers see them, and the clock of both. */
function twoWorkers(changes: Partial<LimitSettings> = {}) {
  const share = createLimits({ ...settings, ...changes }, 2);
  const clock = { now: Date.UTC(2026, 10, 21) };
  const [one, two] = [0, 1].map((worker): LoginGate => {
    const result = new SharedLimits(share, worker, () => clock.now).admit(0, "192.0.2.1");
    assert.ok(typeof result === "object");
    return result.gate;
  });
  return { share, clock, one: one!, two: two! };
}

function fail(gate: LoginGate, address: string, user: string): void {
  gate.attempt(address, user).end("refused");
}

function succeed(gate: LoginGate, address: string, user: string): void {
  gate.attempt(address, user).end("accepted");
}

/** What somebody who starts an attempt now is told to wait; nothing comes of the attempt. */
function delay(gate: LoginGate, address: string, user: string): number {
  const turn = gate.attempt(address, user);
  const wait = turn.wait();
  turn.end("unavailable");
  return wait;
}

Deno.test("attempt() waits twice as long with each failure, on every worker, but for strangers", () => {
  const { one, two } = twoWorkers();
  assert.equal(delay(one, "192.0.2.1", "alice"), 0);
  const delays: number[] = [];
  for (let i = 0; i < 8; i++) {
    fail(one, "192.0.2.1", "alice");
    delays.push(delay(two, "192.0.2.1", "alice"));
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  assert.equal(delay(two, "192.0.2.9", "alice"), 30000, "the same user from elsewhere");
  assert.equal(delay(two, "192.0.2.1", "bob"), 30000, "another user from there");
  assert.equal(delay(two, "192.0.2.9", "bob"), 0, "a stranger");
});

Deno.test("attempt() takes the hosts of an IPv6 network for one address", () => {
  const { one } = twoWorkers();
  fail(one, "2001:db8:0:5::1", "alice");
  assert.equal(delay(one, "2001:db8:0:5:ffff::2", "bob"), 1000);
  assert.equal(delay(one, "2001:db8:0:6::1", "bob"), 0);
});

Deno.test("attempt() forgets a failure each auth_delay_max", () => {
  const { one, clock } = twoWorkers();
  for (let i = 0; i < 3; i++) fail(one, "192.0.2.1", "alice");
  const delays: number[] = [];
  for (let i = 0; i < 4; i++) {
    delays.push(delay(one, "192.0.2.1", "alice"));
    clock.now += 30_000;
  }
  assert.deepEqual(delays, [4000, 2000, 1000, 0]);
  clock.now += 400 * 86_400_000;
  assert.equal(delay(one, "192.0.2.1", "alice"), 0);
});

Deno.test("attempt() survives a clock that is set back or on", () => {
  for (const step of [-3_600_000, 2 ** 31, 2 ** 32 - 3_600_000]) {
    const { one, clock } = twoWorkers();
    fail(one, "192.0.2.1", "alice");
    clock.now += step;
    const wait = delay(one, "192.0.2.1", "alice");
    assert.ok(wait === 0 || wait === 1000, `${wait} ms after a step of ${step}`);
  }
});

Deno.test("attempt() does not make a user wait at a known address because of guesses elsewhere", () => {
  const { one, two } = twoWorkers();
  succeed(one, "192.0.2.1", "alice");
  for (let i = 0; i < 9; i++) fail(one, "198.51.100.7", "alice");
  assert.equal(delay(two, "192.0.2.1", "alice"), 0);
  assert.equal(delay(two, "192.0.2.2", "alice"), 30_000);
});

Deno.test("a login forgives the user's own failures there, and no others", () => {
  const { one } = twoWorkers();
  for (let i = 0; i < 3; i++) fail(one, "192.0.2.1", "victim");
  fail(one, "192.0.2.1", "mallory");
  succeed(one, "192.0.2.1", "mallory");
  assert.equal(delay(one, "192.0.2.1", "mallory"), 4000, "the guesses at the other account stay");
  succeed(one, "192.0.2.1", "victim");
  assert.equal(delay(one, "192.0.2.1", "victim"), 0);
  assert.equal(delay(one, "192.0.2.3", "victim"), 0);
});

Deno.test("attempt() never waits where delays are switched off", () => {
  for (const off of [{ authDelay: 0 }, { authDelayMax: 0 }]) {
    const { one } = twoWorkers(off);
    fail(one, "192.0.2.1", "alice");
    assert.equal(delay(one, "192.0.2.1", "alice"), 0);
  }
});

Deno.test("attempt() leaves strangers alone under an attack from thousands of addresses", () => {
  const { one } = twoWorkers();
  for (let i = 0; i < 3000; i++) fail(one, `10.${i >> 8}.${i & 255}.1`, `guess${i}`);
  let slowed = 0;
  for (let i = 0; i < 500; i++) {
    if (delay(one, `172.16.${i >> 8}.${i & 255}`, `user${i}`) > 0) slowed++;
  }
  // Both rows must collide: about (3000 / 65536)² for each of the two tables.
  assert.ok(slowed <= 15, `${slowed} of 500 strangers were slowed`);
});

/** Plays many attempts at once, each with a connection of its own; gives when each was checked. */
function guessAtOnce(
  { one, two, clock }: ReturnType<typeof twoWorkers>,
  attempts: readonly { address: string; user: string }[],
  seconds: number,
): number[] {
  const start = clock.now;
  const turns: LoginTurn[] = attempts.map(({ address, user }, i) =>
    (i % 2 ? one : two).attempt(address, user)
  );
  const checked: number[] = [];
  const open = new Set(turns);
  for (; clock.now <= start + seconds * 1000; clock.now += 50) {
    for (const turn of open) {
      if (turn.wait() > 0) continue;
      checked.push(clock.now - start);
      open.delete(turn);
      turn.end("refused");
    }
  }
  for (const turn of open) turn.end("unavailable");
  return checked;
}

Deno.test("a hundred connections of one address guess no faster than one", () => {
  const many = guessAtOnce(
    twoWorkers(),
    Array.from({ length: 100 }, (_, i) => ({ address: "192.0.2.1", user: `user${i}` })),
    120,
  );
  assert.deepEqual(many.slice(0, 6), [0, 1000, 3000, 7000, 15_000, 31_000]);
  // From then on one each auth_delay_max, give or take a tick of the clock that forgets.
  for (let i = 6; i < many.length; i++) assert.ok(many[i]! - many[i - 1]! >= 26_000, `${many}`);
});

Deno.test("guesses at one name from hundreds of addresses go on one each auth_delay", () => {
  const many = guessAtOnce(
    twoWorkers(),
    Array.from({ length: 300 }, (_, i) => ({ address: `192.0.2.${i}`, user: "alice" })),
    60,
  );
  for (const [i, time] of many.entries()) {
    assert.ok(i === 0 || time >= many[i - 1]! + 1000, `${many}`);
  }
  assert.ok(many.length <= 50);
});

Deno.test("a user who is known at an address gets in while others of that address guess", () => {
  const workers = twoWorkers();
  const { one, clock } = workers;
  succeed(one, "192.0.2.1", "alice");
  const guesses = Array.from({ length: 90 }, () => one.attempt("192.0.2.1", "bob"));
  for (const guess of guesses.slice(0, 40)) guess.end("refused");
  const alice = one.attempt("192.0.2.1", "alice");
  const start = clock.now;
  while (alice.wait() > 0) {
    for (const guess of guesses.slice(40)) if (guess.wait() === 0) guess.end("refused");
    clock.now += 50;
  }
  alice.end("accepted");
  assert.ok(clock.now - start <= 30_000, `It took ${clock.now - start} ms`);
  for (const guess of guesses.slice(40)) guess.end("unavailable");
  // Guesses at her own name from there do wait in line.
  const atHer = guessAtOnce(
    workers,
    Array.from({ length: 20 }, () => ({ address: "192.0.2.1", user: "alice" })),
    60,
  );
  for (const [i, time] of atHer.entries()) {
    assert.ok(i === 0 || time >= atHer[i - 1]! + 1000, `${atHer}`);
  }
});

Deno.test("only a few checks of an address or of a user are under way at once", () => {
  for (
    const [what, place] of [
      ["address", (i: number) => ["192.0.2.1", `user${i}`]],
      ["user", (i: number) => [`192.0.2.${i}`, "alice"]],
    ] as const
  ) {
    const { one, two } = twoWorkers();
    const turns = Array.from({ length: 30 }, (_, i) => {
      const [address, user] = place(i);
      return (i % 2 ? one : two).attempt(address!, user!);
    });
    const underWay = turns.filter((turn) => turn.wait() === 0);
    assert.equal(underWay.length, 8, what);
    const asks = Array.from({ length: 9 }, () => turns.at(-1)!.wait());
    assert.deepEqual(asks, [4, 8, 16, 32, 64, 128, 128, 128, 128], "less and less often");
    for (const turn of underWay) turn.end("accepted");
    const next = turns.filter((turn) => !underWay.includes(turn) && turn.wait() === 0);
    assert.equal(next.length, 8, `${what}: their places are free again`);
    for (const turn of turns) turn.end("unavailable");
    assert.equal(delay(one, ...place(31) as [string, string]), 0, "nothing was held against them");
  }
});

Deno.test("many who log in with the right password at once do not wait for each other's failures", () => {
  const { one, two } = twoWorkers();
  for (let i = 0; i < 500; i++) {
    const turn = (i % 2 ? one : two).attempt("192.0.2.1", `user${i}`);
    assert.equal(turn.wait(), 0);
    turn.end("accepted");
  }
});

Deno.test("the memory of failed logins stays as it is whatever names and addresses come", () => {
  const { share, one } = twoWorkers();
  const before = share.memory.byteLength;
  for (let i = 0; i < 20_000; i++) fail(one, `2001:db8:${i.toString(16)}::1`, "x".repeat(i % 500));
  assert.equal(share.memory.byteLength, before);
});

Deno.test("KeyedHash separates its parts and depends on its secret", () => {
  const hash = new KeyedHash(new Uint8Array(32));
  assert.notDeepEqual(hash.slots("a", "bc"), hash.slots("ab", "c"));
  assert.notDeepEqual(hash.slots("a"), new KeyedHash(new Uint8Array(32).fill(1)).slots("a"));
});
