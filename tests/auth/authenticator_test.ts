import assert from "node:assert/strict";
import {
  createAuthenticator,
  type Credentials,
  MAX_PASSWORD,
} from "../../lib/auth/authenticator.ts";
import { apopDigest, cramMd5Digest } from "../../lib/auth/digests.ts";
import { HashesUnavailableError, type HashJob, type HashPool } from "../../lib/auth/hash_pool.ts";
import { createLocalHashPool } from "../../lib/auth/local_hashes.ts";
import { isSlow, parsePasswordHash, workClass } from "../../lib/auth/password_hash.ts";
import { linesOf } from "../../lib/directory/text_file.ts";
import { parseUsers } from "../../lib/directory/users_file.ts";
import { encodeText } from "../../lib/wire/text.ts";

const BCRYPT = "{BLF-CRYPT}$2y$04$c2s02mw0XKXafVUpVqY6TujYwzl4/FGm.CNtbbJhIU3GxHo/h1O1W";
const CRYPT = "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.";
const SSHA = "{SSHA}pUHivuyHpfYJ5aCObEzoAOPGeX/QuFtW";

function credentials(text: string, plainpass = false): Credentials {
  return parseUsers(linesOf(text), { file: "users", plainpass }).credentials;
}

/** Counts the work that a check asks for; computes nothing, and decides by a password. */
class CountingPool implements HashPool {
  readonly jobs: HashJob[] = [];
  right: string | undefined = "secret";

  check(job: HashJob): Promise<boolean> {
    this.jobs.push(job);
    return Promise.resolve(job.own !== undefined && job.password === this.right);
  }

  /** The work of a job that found no match, in one order. */
  work(job: HashJob): string {
    const all = job.own === undefined ? job.others : [job.own, ...job.others];
    return all.map((stored) => {
      const hash = parsePasswordHash(stored);
      assert.ok(!("fault" in hash) && isSlow(hash));
      return workClass(hash);
    }).sort().join(", ");
  }
}

const MIXED = `dear:${BCRYPT}\ncheap:${CRYPT}\nquick:${SSHA}\nnobody\nother:${BCRYPT}`;

Deno.test("createAuthenticator() accepts right passwords of every kind and refuses wrong ones", async () => {
  const users = credentials(MIXED);
  const authenticator = createAuthenticator(users, createLocalHashPool());
  for (const user of ["dear", "cheap", "quick", "other"]) {
    assert.deepEqual(await authenticator.checkPassword(user, "secret"), { kind: "accepted", user });
    assert.deepEqual(await authenticator.checkPassword(user, "Secret"), { kind: "refused" });
  }
  for (const user of ["nobody", "stranger", "Dear", ""]) {
    assert.deepEqual(await authenticator.checkPassword(user, "secret"), { kind: "refused" });
  }
});

Deno.test("checkPassword() does the same work for every failed login", async () => {
  const pool = new CountingPool();
  pool.right = undefined;
  const authenticator = createAuthenticator(credentials(MIXED), pool);
  for (const user of ["dear", "cheap", "quick", "nobody", "other", "stranger", ""]) {
    for (const password of ["wrong", "", "x".repeat(MAX_PASSWORD + 1)]) {
      assert.equal((await authenticator.checkPassword(user, password)).kind, "refused", user);
    }
  }
  assert.equal(pool.jobs.length, 21);
  assert.deepEqual(
    new Set(pool.jobs.map((job) => pool.work(job))),
    new Set(["bcrypt 4, sha256 crypt 5000"]),
  );
  assert.ok(pool.jobs.every((job) => job.password !== "" && job.password.length <= MAX_PASSWORD));
});

/** A users file in which every hash has a cost of its own, as some programs make them. */
const MANY_COSTS = Array.from(
  { length: 1000 },
  (_, index) => `user${index}:${CRYPT.replace("$5$", `$5$rounds=${5001 + index}$`)}`,
).join("\n");

Deno.test("checkPassword() does a bounded amount of work, however many costs of hashes the users file has", async () => {
  const pool = new CountingPool();
  pool.right = undefined;
  const authenticator = createAuthenticator(credentials(MANY_COSTS), pool);
  for (const user of ["stranger", "user0", "user1", "user499", "user998", "user999"]) {
    assert.equal((await authenticator.checkPassword(user, "wrong")).kind, "refused", user);
  }
  const rounds = pool.jobs.map((job) =>
    pool.work(job).split(", ").map((work) => Number(/\d+$/.exec(work)![0]))
  );
  const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
  for (const one of rounds) {
    assert.equal(one.length, 4);
    // A user's own hash stands for the next dearer one, so that the sums are nearly the same.
    assert.ok(sum(rounds[0]!) - sum(one) < 250 && sum(one) <= sum(rounds[0]!), one.join(" "));
  }
  assert.equal(Math.max(...rounds[0]!), 6000);
});

Deno.test("checkPassword() ends a right login of a quick hash without the dear work", async () => {
  const pool = new CountingPool();
  const authenticator = createAuthenticator(credentials(MIXED), pool);
  assert.equal((await authenticator.checkPassword("quick", "secret")).kind, "accepted");
  assert.equal(pool.jobs.length, 0);
});

Deno.test("checkPassword() has a dear hash decided first", async () => {
  const pool = new CountingPool();
  const authenticator = createAuthenticator(credentials(MIXED), pool);
  assert.equal((await authenticator.checkPassword("cheap", "secret")).kind, "accepted");
  assert.deepEqual(pool.jobs, [{ key: "cheap", password: "secret", own: CRYPT, others: [BCRYPT] }]);
});

Deno.test("checkPassword() refuses empty and over-long passwords, whatever is stored", async () => {
  const stand = "no password";
  for (const plainpass of [false, true]) {
    const authenticator = createAuthenticator(
      credentials(plainpass ? `a:${stand}` : `a:{PLAIN}${stand}`, plainpass),
      createLocalHashPool(),
    );
    assert.equal((await authenticator.checkPassword("a", stand)).kind, "accepted");
    for (
      const password of ["", "x".repeat(MAX_PASSWORD + 1), "\u00e4".repeat(MAX_PASSWORD / 2 + 1)]
    ) {
      assert.equal((await authenticator.checkPassword("a", password)).kind, "refused");
    }
  }
});

Deno.test("checkPassword() asks for no work where no hash is dear", async () => {
  const pool = new CountingPool();
  const authenticator = createAuthenticator(credentials(`quick:${SSHA}`), pool);
  assert.equal((await authenticator.checkPassword("quick", "wrong")).kind, "refused");
  assert.equal((await authenticator.checkPassword("stranger", "wrong")).kind, "refused");
  assert.equal(pool.jobs.length, 0);
});

Deno.test("checkPassword() reports a check that could not be made", async () => {
  const pool: HashPool = { check: () => Promise.reject(new HashesUnavailableError("too many")) };
  const authenticator = createAuthenticator(credentials(MIXED), pool);
  for (const user of ["dear", "stranger"]) {
    assert.deepEqual(await authenticator.checkPassword(user, "secret"), {
      kind: "unavailable",
      reason: "too many",
    });
  }
});

Deno.test("plain passwords may hold spaces, colons and what looks like a hash", async () => {
  const users = credentials(`a:  p a:ss : \nb:${SSHA}\nc:\nd`, true);
  const authenticator = createAuthenticator(users, new CountingPool());
  assert.equal((await authenticator.checkPassword("a", "p a:ss :")).kind, "accepted");
  assert.equal((await authenticator.checkPassword("a", "p a:ss")).kind, "refused");
  assert.equal((await authenticator.checkPassword("b", SSHA)).kind, "accepted");
  assert.equal((await authenticator.checkPassword("b", "secret")).kind, "refused");
  for (const user of ["c", "d", "e"]) {
    for (const password of ["", "x"]) {
      assert.equal((await authenticator.checkPassword(user, password)).kind, "refused");
    }
  }
});

Deno.test("checkDigest() checks APOP and CRAM-MD5 against plain passwords", async () => {
  const authenticator = createAuthenticator(
    credentials("mrose:tanstaaf\nempty", true),
    new CountingPool(),
  );
  assert.equal(authenticator.digestsPossible, true);
  const stamp = "<1896.697170952@dbc.mtview.ca.us>";
  const apop = (password: string) => apopDigest(stamp, password);
  const right = encodeText("c4c9334bac560ecc979e58001b3e22fb");
  assert.deepEqual(await authenticator.checkDigest("mrose", right, apop), {
    kind: "accepted",
    user: "mrose",
  });
  const cram = (password: string) => cramMd5Digest(stamp, password);
  assert.equal((await authenticator.checkDigest("mrose", cram("tanstaaf"), cram)).kind, "accepted");
  assert.equal((await authenticator.checkDigest("mrose", cram("tanstaa"), cram)).kind, "refused");
  assert.equal((await authenticator.checkDigest("mrose", right.subarray(1), apop)).kind, "refused");
});

Deno.test("checkDigest() computes a digest for an unknown user too, which never matches", async () => {
  const authenticator = createAuthenticator(
    credentials("mrose:tanstaaf\nempty", true),
    new CountingPool(),
  );
  for (const user of ["empty", "stranger"]) {
    let computed = 0;
    const expected = (password: string): Uint8Array => {
      computed++;
      return cramMd5Digest("<1@h>", password);
    };
    for (const guess of ["", "no password"]) {
      const digest = cramMd5Digest("<1@h>", guess);
      assert.equal((await authenticator.checkDigest(user, digest, expected)).kind, "refused");
    }
    assert.equal(computed, 2);
  }
});

Deno.test("checkDigest() is impossible with hashes, even with {PLAIN}", async () => {
  const authenticator = createAuthenticator(credentials("a:{PLAIN}secret"), new CountingPool());
  assert.equal(authenticator.digestsPossible, false);
  for (const guess of ["secret", "{PLAIN}secret"]) {
    const expected = (password: string) => cramMd5Digest("<1@h>", password);
    const outcome = await authenticator.checkDigest("a", expected(guess), expected);
    assert.equal(outcome.kind, "refused");
  }
});

Deno.test("checkCertificate() takes any user of the directory, with or without a password", async () => {
  const authenticator = createAuthenticator(
    credentials("a:{PLAIN}x\nb\nc:$y$unknown"),
    new CountingPool(),
  );
  for (const user of ["a", "b", "c"]) {
    assert.deepEqual(await authenticator.checkCertificate(user), { kind: "accepted", user });
  }
  for (const user of ["A", "d", ""]) {
    assert.deepEqual(await authenticator.checkCertificate(user), { kind: "refused" });
  }
});

Deno.test("createAuthenticator() uses new credentials at once", async () => {
  let current = credentials("a:{PLAIN}old");
  const authenticator = createAuthenticator(() => current, new CountingPool());
  assert.equal((await authenticator.checkPassword("a", "old")).kind, "accepted");
  current = credentials("a:new", true);
  assert.equal(authenticator.digestsPossible, true);
  assert.equal((await authenticator.checkPassword("a", "old")).kind, "refused");
  assert.equal((await authenticator.checkPassword("a", "new")).kind, "accepted");
});
