import assert from "node:assert/strict";
import { digestOf, listMailbox, makeMessages, writeMailbox } from "../support/mailbox.ts";
import { PopClient } from "../support/pop_client.ts";
import { configText, maildirOf, Program, programCommand, runProgram } from "../support/program.ts";

Deno.test("the program does all its work with the permissions that it prints", async () => {
  // A build as one file has its permissions in it.
  if (programCommand([]).command !== "sh") return;
  const messages = makeMessages({ count: 20, ordinaryOnly: true });
  await using program = await Program.start({
    config: configText({
      server: `transcript = { file = "%DIRLOG%/pop3-%DT%.log", rot = "DAILY", flush = "50ms" }`,
    }),
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
    command: async (folder) => {
      const config = `${folder}/config.toml`;
      const { code, stdout, stderr } = await runProgram(["permissions", "--config", config]);
      assert.equal(code, 0, stderr);
      const line = new TextDecoder().decode(stdout);
      assert.doesNotMatch(line, /--allow-(all|run|ffi)|-A\b|--allow-(read|write|net)(\s|$)/);
      return { command: "sh", args: ["-c", `exec ${line}`] };
    },
  });
  using client = await PopClient.login(program.port("plain"), "alice", "wonder land");
  for (const { number, wire } of messages) {
    assert.equal(digestOf((await client.ok(`RETR ${number}`)).data!), digestOf(wire));
  }
  await client.ok("DELE 1");
  await client.ok("QUIT");
  const { new: fresh, cur } = listMailbox(maildirOf(program.folder, "alice"));
  assert.deepEqual([fresh.length, cur.length], [0, messages.length - 1]);
  program.signal("SIGHUP");
  await PopClient.login(program.port("plain"), "bob", "builder").then((bob) => bob.close());
  await program.stop();
  const [log] = await Array.fromAsync(Deno.readDir(`${program.folder}/var/logs`));
  assert.match(log?.name ?? "no transcript", /^pop3-\d{8}\.log$/);
  assert.doesNotMatch(program.output, /\b(WARN|ERR)\b/);
});
