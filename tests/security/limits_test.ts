/**
 * What somebody who has not logged in can take from the running program, and
 * that the log tells of it with the address, without being flooded.
 *
 * @module
 */
import assert from "node:assert/strict";
import { PopClient } from "../support/pop_client.ts";
import { configText, Program } from "../support/program.ts";

/** What comes until the server ends the connection. */
async function restOf(client: PopClient): Promise<string[]> {
  const lines: string[] = [];
  try {
    for (let line = await client.line(); line !== null; line = await client.line()) {
      lines.push(line);
    }
  } catch {
    // Reset: the server closed while more was coming.
  }
  return lines;
}

Deno.test("the program closes who asks or sends too much without logging in, and says so", async () => {
  await using program = await Program.start({
    config: configText({ limits: `login_commands = 6\nlogin_input = "1K"` }),
  });
  const port = program.port("plain");
  using curious = await PopClient.connect(port);
  await curious.send("CAPA\r\n".repeat(20));
  const answers = await restOf(curious);
  assert.equal(answers.filter((line) => line === "+OK Capabilities:").length, 6);
  assert.equal(answers.at(-1), "-ERR Too many commands without a login");
  await program.outputMatches(
    /INFO {2}server {2}\S+: closed 127\.0\.0\.1:\d+: too many commands without a login/,
  );
  using talkative = await PopClient.connect(port);
  await talkative.send(`USER ${"x".repeat(4000)}\r\n`);
  await restOf(talkative);
  await program.outputMatches(/closed 127\.0\.0\.1:\d+: too much input without a login/);
  using user = await PopClient.login(port, "alice", "wonder land");
  for (let i = 0; i < 20; i++) await user.ok("NOOP");
  await program.stop();
});

Deno.test("the program bounds TLS handshakes, at either kind of port, and says so", async () => {
  await using program = await Program.start({
    config: configText({ limits: `handshakes_per_address = 2\nhandshake_time = "2s"` }),
  });
  using stack = new DisposableStack();
  const stalled = await Promise.all(
    Array.from({ length: 6 }, () => Deno.connect({ port: program.port("tls") })),
  );
  for (const conn of stalled) stack.defer(() => conn.close());
  // Four are sent away at once.
  const ends = stalled.map((conn) => conn.read(new Uint8Array(1)).catch(() => null));
  let ended = 0;
  const { promise: four, resolve } = Promise.withResolvers<void>();
  for (const end of ends) void end.then(() => ++ended === 4 && resolve());
  await four;
  using client = await PopClient.connect(program.port("plain"));
  assert.equal(
    (await client.command("STLS")).status,
    "-ERR [SYS/TEMP] Too many TLS handshakes from your address, try again later",
  );
  // The others when their time is over.
  await Promise.all(ends);
  const { output } = program;
  assert.match(
    output,
    /WARN {2}server {2}Refused a TLS handshake with 127\.0\.0\.1:\d+ on "tls": Too many/,
  );
  await program.outputMatches(
    /Closed 127\.0\.0\.1:\d+ on "tls": the TLS handshake took longer than 2000 ms/,
  );
  await client.ok("STLS");
  await program.stop();
});

Deno.test("the log tells of a flood in a few lines, and at the end how large it was", async () => {
  await using program = await Program.start({
    config: configText({ limits: "unauthenticated_per_address = 1" }),
  });
  const port = program.port("plain");
  using first = await PopClient.connect(port);
  for (let i = 0; i < 60; i++) {
    using refused = await PopClient.connect(port);
    assert.equal(
      refused.greeting,
      "-ERR [SYS/TEMP] Too many connections from your address that are not logged in, " +
        "try again later",
    );
  }
  first.close();
  await program.stop();
  const told = program.output.split("\n").filter((line) => line.includes("Refused a connection"));
  // One at the beginning and one at the end from each of two workers.
  assert.ok(told.length >= 1 && told.length <= 4, told.join("\n"));
  const counted = told.map((line) => Number(/the last of (\d+)/.exec(line)?.[1] ?? 1));
  assert.equal(counted.reduce((sum, count) => sum + count, 0), 60, told.join("\n"));
  for (const line of told) assert.match(line, /WARN {2}server .* from 127\.0\.0\.1:\d+ to "plain"/);
});

Deno.test("guesses over many connections at once wait for each other", async () => {
  await using program = await Program.start({
    config: configText({ limits: `login_time = "4s"` })
      .replace(`auth_delay = "100ms"`, `auth_delay = "500ms"`),
  });
  const port = program.port("plain");
  const guesses = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
    using client = await PopClient.connect(port);
    await client.send(`USER user${i}\r\nPASS guess${i}\r\n`);
    return await restOf(client);
  }));
  // One at 0, 0.5, 1.5 and 3.5 s, but up to eight were under way before the first had failed.
  const checked = guesses.flat().filter((line) => line.includes("Login failed")).length;
  assert.ok(checked >= 1 && checked <= 11, `${checked} guesses were checked`);
  const told = program.output.split("\n").filter((line) => line.includes("login failed (PASS)"));
  assert.equal(told.length, checked);
  for (const line of told) assert.match(line, /user "user\d+" from 127\.0\.0\.1/);
  await program.stop();
});
