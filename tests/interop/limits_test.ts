/**
 * Limits that hold over all workers of the running program.
 *
 * @module
 */
import assert from "node:assert/strict";
import { PopClient } from "../support/pop_client.ts";
import { configText, Program } from "../support/program.ts";

/** How many of the connections are greeted; all of them stay open until the end. */
async function countGreeted(port: number, attempts: number): Promise<number> {
  using stack = new DisposableStack();
  let greeted = 0;
  for (let i = 0; i < attempts; i++) {
    try {
      const client = stack.use(await PopClient.connect(port));
      if (client.greeting.startsWith("+OK")) greeted++;
    } catch {
      // Refused without a word.
    }
  }
  return greeted;
}

const LIMITS: [name: string, config: string][] = [
  [
    "unauthenticated_per_address",
    configText({ limits: "unauthenticated_per_address = 5" }),
  ],
  ["unauthenticated", configText({ limits: "unauthenticated = 5" })],
  ["connections_per_address", configText({ limits: "connections_per_address = 5" })],
  ["maxservers", configText().replaceAll("port = 0", "port = 0\nmaxservers = 5")],
];

for (const [name, config] of LIMITS) {
  Deno.test(`the program greets no more connections than ${name} allows`, async () => {
    await using program = await Program.start({ config });
    const port = program.port("plain");
    assert.equal(await countGreeted(port, 9), 5);
    // Those are gone: their places are free again, as soon as the server has noticed.
    const deadline = performance.now() + 10_000;
    let greeted = 0;
    while (greeted < 5 && performance.now() < deadline) greeted = await countGreeted(port, 5);
    assert.equal(greeted, 5);
    await program.stop();
  });
}

Deno.test("the program closes connections that do not log in, or say nothing", async () => {
  await using program = await Program.start({
    config: configText({ limits: `login_time = "1s"`, server: `timeout = "2s"` }),
  });
  const port = program.port("plain");
  using silent = await PopClient.connect(port);
  using slow = await PopClient.connect(port);
  using idle = await PopClient.login(port, "alice", "wonder land");
  const start = performance.now();
  const noops = setInterval(() => slow.send("NOOP\r\n").catch(() => {}), 200);
  const ends = [silent, slow, idle].map(async (client) => {
    const lines: string[] = [];
    for (let line = await client.line(); line !== null; line = await client.line()) {
      lines.push(line);
    }
    return { lines, after: performance.now() - start };
  });
  const [silentEnd, slowEnd, idleEnd] = await Promise.all(ends);
  clearInterval(noops);
  // RFC 1939 section 3: a timer closes the connection without a response.
  assert.deepEqual([silentEnd!.lines, idleEnd!.lines], [[], []]);
  assert(slowEnd!.lines.length > 0, "Commands were answered until the time was over");
  for (
    const [{ after }, least] of [[silentEnd!, 700], [slowEnd!, 700], [idleEnd!, 1700]] as const
  ) {
    assert(after > least && after < least + 4000, `It ended after ${after} ms`);
  }
  await program.stop();
});

Deno.test("the program slows repeated failed logins", async () => {
  await using program = await Program.start({
    config: configText().replace(`auth_delay = "100ms"`, `auth_delay = "400ms"`),
  });
  const port = program.port("plain");
  const time = async (user: string, password: string): Promise<number> => {
    using client = await PopClient.connect(port);
    const start = performance.now();
    await client.ok(`USER ${user}`);
    await client.command(`PASS ${password}`);
    return performance.now() - start;
  };
  assert(await time("bob", "wrong") < 350);
  assert(await time("bob", "wrong") >= 350);
  assert(await time("bob", "wrong") >= 700);
  await program.stop();
});
