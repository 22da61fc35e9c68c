import assert from "node:assert/strict";
import { createHashPool, HashesUnavailableError } from "../../lib/auth/hash_pool.ts";
import type { HashAnswer, HashQuestion } from "../../lib/auth/hash_protocol.ts";
import { createLocalHashPool } from "../../lib/auth/local_hashes.ts";

const BCRYPT = "$2y$05$CevL5/DaMPWGlPVat8sSiewa8ITpUJ5IuH.DZi7y3ERFmSnuunlSK";
const CRYPT = "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.";

function job(key: string, password = key): { key: string; password: string; others: string[] } {
  return { key, password, others: [BCRYPT] };
}

/** The worker's end of a channel, answered by hand. */
class FakeWorker {
  readonly #channel = new MessageChannel();
  readonly #questions: HashQuestion[] = [];
  #asked: (() => void) | undefined;

  constructor() {
    this.#channel.port2.onmessage = (event: MessageEvent<HashQuestion>) => {
      this.#questions.push(event.data);
      this.#asked?.();
    };
  }

  get port(): MessagePort {
    return this.#channel.port1;
  }

  async question(): Promise<HashQuestion> {
    while (this.#questions.length === 0) {
      await new Promise<void>((resolve) => this.#asked = resolve);
    }
    return this.#questions.shift()!;
  }

  answer(answer: HashAnswer): void {
    this.#channel.port2.postMessage(answer);
  }

  async serve(): Promise<string> {
    const { id, password } = await this.question();
    this.answer({ id, ok: password === "right" });
    return password;
  }

  [Symbol.dispose](): void {
    this.#channel.port2.close();
  }
}

Deno.test("createHashPool() works with real workers that have no permission", async () => {
  const url = new URL("../../lib/auth/hash_worker.ts", import.meta.url);
  const worker = new Worker(
    url,
    { type: "module", deno: { permissions: "none" } } as WorkerOptions,
  );
  const [one, two] = [new MessageChannel(), new MessageChannel()];
  worker.postMessage({ port: one.port2 }, [one.port2]);
  worker.postMessage({ port: two.port2 }, [two.port2]);
  const pools = [createHashPool([one.port1]), createHashPool([two.port1])];
  try {
    const base = { key: "a", others: [CRYPT] };
    const answers = await Promise.all(pools.flatMap((pool) => [
      pool.check({ ...base, own: BCRYPT, password: "secret" }),
      pool.check({ ...base, own: BCRYPT, password: "wrong" }),
      // Only the deciding hash decides.
      pool.check({ ...base, password: "secret" }),
      pool.check({ ...base, own: "$y$unknown", password: "secret" }),
    ]));
    assert.deepEqual(answers, [true, false, false, false, true, false, false, false]);
  } finally {
    for (const pool of pools) pool.close();
    worker.terminate();
  }
});

Deno.test("check() asks one question at a time and takes turns between users", async () => {
  using worker = new FakeWorker();
  const pool = createHashPool([worker.port]);
  const checks = ["storm 1", "storm 2", "storm 3"].map((password) =>
    pool.check(job("storm", password))
  );
  checks.push(pool.check(job("calm", "right")), pool.check(job("quiet")));
  const served: string[] = [];
  for (let i = 0; i < 5; i++) served.push(await worker.serve());
  assert.deepEqual(served, ["storm 1", "storm 2", "right", "quiet", "storm 3"]);
  assert.deepEqual(await Promise.all(checks), [false, false, false, true, false]);
  pool.close();
});

Deno.test("check() takes turns between origins, whatever names come from them", async () => {
  using worker = new FakeWorker();
  const pool = createHashPool([worker.port]);
  const from = (origin: string, name: string) => pool.check({ ...job(name), origin });
  const checks = ["a", "b", "c", "d"].map((name) => from("storm", name));
  checks.push(from("home", "e"), from("office", "f"), from("office", "g"));
  const served: string[] = [];
  for (let i = 0; i < 7; i++) served.push(await worker.serve());
  assert.deepEqual(served, ["a", "b", "e", "f", "c", "g", "d"]);
  await Promise.all(checks);
  pool.close();
});

Deno.test("check() uses every worker", async () => {
  using one = new FakeWorker();
  using two = new FakeWorker();
  const pool = createHashPool([one.port, two.port]);
  const checks = [pool.check(job("a")), pool.check(job("b"))];
  assert.deepEqual((await Promise.all([one.serve(), two.serve()])).sort(), ["a", "b"]);
  assert.deepEqual(await Promise.all(checks), [false, false]);
  pool.close();
});

Deno.test("check() bounds how many wait, in all and for one user", async () => {
  using worker = new FakeWorker();
  const pool = createHashPool([worker.port], { maxWaiting: 3, maxWaitingPerKey: 2 });
  const asked = pool.check(job("a"));
  const waiting = [pool.check(job("a")), pool.check(job("a"))];
  await assert.rejects(pool.check(job("a")), HashesUnavailableError);
  waiting.push(pool.check(job("b")));
  const second = assert.rejects(waiting.splice(1, 1)[0]!, HashesUnavailableError);
  waiting.push(pool.check(job("c")));
  await second;
  await assert.rejects(pool.check(job("d")), HashesUnavailableError);
  for (let i = 0; i < 4; i++) await worker.serve();
  assert.deepEqual(await Promise.all([asked, ...waiting]), [false, false, false, false]);
  const again = pool.check(job("c", "right"));
  await worker.serve();
  assert.equal(await again, true);
  pool.close();
});

Deno.test("check() fails after its time, and a late answer is nobody's", async () => {
  using worker = new FakeWorker();
  const pool = createHashPool([worker.port], { timeout: 20 });
  const late = pool.check(job("a", "right"));
  const behind = pool.check(job("b"));
  const { id } = await worker.question();
  await assert.rejects(late, /within 20 milliseconds/);
  await assert.rejects(behind, HashesUnavailableError);
  worker.answer({ id, ok: true });
  const next = pool.check(job("c"));
  await worker.serve();
  assert.equal(await next, false);
  pool.close();
});

Deno.test("check() passes on why a worker could not check", async () => {
  using worker = new FakeWorker();
  const pool = createHashPool([worker.port]);
  const check = pool.check(job("a"));
  const { id } = await worker.question();
  worker.answer({ id, failure: "out of memory" });
  await assert.rejects(check, /^HashesUnavailableError: out of memory$/);
  pool.close();
});

Deno.test("setPort() replaces a dead worker: its question fails, what waits goes to the new one", async () => {
  using dead = new FakeWorker();
  using fresh = new FakeWorker();
  const pool = createHashPool([dead.port]);
  const lost = pool.check(job("a"));
  const kept = pool.check(job("b", "right"));
  await dead.question();
  pool.setPort(0, fresh.port);
  await assert.rejects(lost, /cut off/);
  await fresh.serve();
  assert.equal(await kept, true);
  pool.close();
});

Deno.test("close() fails what is under way and what waits", async () => {
  using worker = new FakeWorker();
  const pool = createHashPool([worker.port]);
  const checks = [pool.check(job("a")), pool.check(job("b"))];
  pool.close();
  for (const check of checks) await assert.rejects(check, HashesUnavailableError);
});

Deno.test("createLocalHashPool() checks on the calling thread", async () => {
  const pool = createLocalHashPool();
  assert.equal(await pool.check({ ...job("a", "secret"), own: BCRYPT }), true);
  assert.equal(await pool.check({ ...job("a", "wrong"), own: BCRYPT }), false);
  // A check that cannot be made is not a wrong password.
  await assert.rejects(pool.check({ ...job("a", ""), own: BCRYPT }), HashesUnavailableError);
});
