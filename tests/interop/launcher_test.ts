import assert from "node:assert/strict";
import { listMailbox, makeMessages, writeMailbox } from "../support/mailbox.ts";
import { PopClient } from "../support/pop_client.ts";
import {
  configText,
  maildirOf,
  Program,
  programCommand,
  runProgram,
  TempFolder,
  USERS,
} from "../support/program.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("the program says its version, and nothing else", async () => {
  await using folder = await TempFolder.make();
  const { code, stdout, stderr } = await runProgram(["--version"], { cwd: folder.path });
  assert.equal(code, 0, stderr);
  assert.match(text(stdout), /^[Mm]ailismus \d+\.\d+\.\d+[^\n]*\n/);
  assert.equal(stderr, "");
});

Deno.test("the program takes a relative --config as the caller means it", async () => {
  await using folder = await TempFolder.make();
  await Deno.mkdir(`${folder.path}/there/below`, { recursive: true });
  await Deno.writeTextFile(`${folder.path}/there/config.toml`, configText());
  await Deno.writeTextFile(`${folder.path}/there/users`, USERS);
  const outcome = await runProgram(["check", "--config", "../config.toml"], {
    cwd: `${folder.path}/there/below`,
  });
  assert.equal(outcome.code, 0, text(outcome.stdout) + outcome.stderr);
});

Deno.test("the program ends with status 2 for a wrong command line or config", async () => {
  await using folder = await TempFolder.make();
  for (const args of [["srve"], ["serve", "--colour"], ["serve", "--config", "missing.toml"]]) {
    const { code, stdout, stderr } = await runProgram(args, { cwd: folder.path });
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.equal(text(stdout), "");
    assert.doesNotMatch(stderr, / at .*:\d+:\d+/);
  }
});

Deno.test("the program ends on SIGTERM and SIGINT, telling its sessions", async (t) => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await t.step(signal, async () => {
      await using program = await Program.start({
        config: configText({ pop3server: `grace = "300ms"` }),
        prepare: (folder) =>
          writeMailbox(maildirOf(folder, "alice"), makeMessages({ count: 3, ordinaryOnly: true })),
      });
      using stranger = await PopClient.connect(program.port("plain"));
      using client = await PopClient.login(program.port("plain"), "alice", "wonder land");
      await client.ok("DELE 1");
      const start = performance.now();
      program.signal(signal);
      assert.match(await stranger.line() ?? "nothing", /^-ERR \[SYS\/TEMP\] /);
      assert.match(await client.line() ?? "nothing", /^-ERR \[SYS\/TEMP\] /);
      assert.equal(await client.line(), null);
      assert.deepEqual((await program.status()).code, 0, program.output);
      assert(performance.now() - start < 5000, "It took over 5 seconds");
      // What was not confirmed by QUIT is not deleted.
      assert.equal(listMailbox(maildirOf(program.folder, "alice")).new.length, 3);
    });
  }
});

Deno.test("the program lets a session end within the grace time", async () => {
  await using program = await Program.start({
    config: configText({ pop3server: `grace = "20s"` }),
    prepare: (folder) =>
      writeMailbox(maildirOf(folder, "alice"), makeMessages({ count: 3, ordinaryOnly: true })),
  });
  using stranger = await PopClient.connect(program.port("plain"));
  using client = await PopClient.login(program.port("plain"), "alice", "wonder land");
  program.signal("SIGTERM");
  assert.match(await stranger.line() ?? "nothing", /^-ERR \[SYS\/TEMP\] /);
  await client.ok("DELE 1");
  await client.ok("QUIT");
  assert.equal((await program.status()).code, 0, program.output);
  assert.equal(listMailbox(maildirOf(program.folder, "alice")).new.length, 2);
});

Deno.test("the program's launcher becomes the program", async () => {
  if (programCommand([]).command !== "sh") return;
  await using program = await Program.start();
  // No shell is left between the caller and the program to swallow a signal.
  const status = await Deno.readTextFile(`/proc/${program.pid}/comm`).catch(() => "deno");
  assert.equal(status.trim(), "deno");
  await program.stop();
});
