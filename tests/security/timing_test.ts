/**
 * That the time of a failed login cannot tell who exists, by its causes: the
 * same work, the same steps, the same words. `deno task timing` measures it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { HashJob, HashPool } from "../../lib/auth/hash_pool.ts";
import { isSlow, parsePasswordHash, workClass } from "../../lib/auth/password_hash.ts";
import type { LoginGate } from "../../lib/server/login_gate.ts";
import { FakeLog } from "../support/memory_dialogue.ts";
import { type Kind, kindsFor, METHODS, type Name, NAMES, startFor } from "./failed_logins.ts";

/** Computes nothing, and notes the work that it is asked for. */
class NotingPool implements HashPool {
  readonly work: string[] = [];

  check(job: HashJob): Promise<boolean> {
    const all = job.own === undefined ? job.others : [job.own, ...job.others];
    const classes = all.map((stored) => {
      const hash = parsePasswordHash(stored);
      assert.ok(!("fault" in hash) && isSlow(hash));
      return workClass(hash);
    });
    this.work.push(`${job.password.length} ${classes.sort().join(", ")}`);
    return Promise.resolve(false);
  }
}

/** Everything that happens at a failed login, with the name taken out. */
async function happenings(
  method: typeof METHODS[number],
  kind: Kind,
  name: Name,
): Promise<{ events: string[]; work: string[] }> {
  const pool = new NotingPool();
  const log = new FakeLog();
  const events: string[] = [];
  const loginGate: LoginGate = {
    attempt: (address, user) => {
      events.push(`attempt ${address} ${user}`);
      return {
        wait: () => {
          events.push("wait");
          return 0;
        },
        end: (outcome) => events.push(`end ${outcome}`),
      };
    },
    authenticated: () => events.push("authenticated"),
  };
  const { client, greeting } = await startFor(kind, pool, { log, loginGate });
  const { reply } = await method.attempt(client, greeting, name);
  await client.hangUp();
  events.push(reply, ...log.lines);
  return { events: events.map((event) => event.replaceAll(name, "NAME")), work: pool.work };
}

for (const method of METHODS) {
  Deno.test(`a failed login by ${method.name} takes the same steps whoever it names`, async () => {
    for (const kind of kindsFor(method)) {
      const [first, ...others] = await Promise.all(
        NAMES.map((name) => happenings(method, kind, name)),
      );
      assert.match(first!.events.join("\n"), /end refused\n-ERR \[AUTH\] Login failed/);
      for (const other of others) assert.deepEqual(other, first, kind.name);
      assert.equal(first!.work.length, kind.dear ? 1 : 0, kind.name);
    }
  });
}
