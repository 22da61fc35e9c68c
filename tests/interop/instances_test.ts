import assert from "node:assert/strict";
import { listMailbox, makeMessages, writeMailbox } from "../support/mailbox.ts";
import { PopClient } from "../support/pop_client.ts";
import { configText, maildirOf, Program, runProgram, TempFolder } from "../support/program.ts";

const PASSWORD = "wonder land";

/** The server's answer to a login that may be refused. */
async function tryLogin(port: number): Promise<string> {
  using client = await PopClient.connect(port);
  await client.ok("USER alice");
  const { status } = await client.command(`PASS ${PASSWORD}`);
  if (status.startsWith("+OK")) await client.ok("QUIT");
  return status;
}

Deno.test("two programs that share a store let one session at a mailbox", async () => {
  await using store = await TempFolder.make();
  const userpath = `${store.path}/ms`;
  const config = configText({ userpath });
  writeMailbox(`${userpath}/alice/Maildir`, makeMessages({ count: 4, ordinaryOnly: true }));
  await using one = await Program.start({ config });
  await using two = await Program.start({ config });

  using held = await PopClient.login(one.port("plain"), "alice", PASSWORD);
  for (const port of [one.port("plain"), two.port("plain")]) {
    assert.match(await tryLogin(port), /^-ERR \[IN-USE\] /);
  }
  await held.ok("DELE 2");
  await held.ok("QUIT");
  assert.match(await tryLogin(two.port("plain")), /^\+OK/);

  // A session that ends without QUIT lets go of the mailbox, too, and deletes nothing.
  using dropped = await PopClient.login(two.port("plain"), "alice", PASSWORD);
  await dropped.ok("DELE 1");
  dropped.close();
  assert.match(await loginOnceFree(one.port("plain")), /^\+OK/);

  using killed = await PopClient.login(two.port("plain"), "alice", PASSWORD);
  await killed.ok("DELE 1");
  assert.match(await tryLogin(one.port("plain")), /^-ERR \[IN-USE\] /);
  await two.kill();
  assert.match(await tryLogin(one.port("plain")), /^\+OK/);
  const left = listMailbox(`${userpath}/alice/Maildir`);
  assert.equal(left.new.length + left.cur.length, 3);
  await one.stop();
});

/** The server learns of a dropped connection in its own time. */
async function loginOnceFree(port: number): Promise<string> {
  const deadline = performance.now() + 10_000;
  while (true) {
    const status = await tryLogin(port);
    if (!status.startsWith("-ERR [IN-USE]") || performance.now() > deadline) return status;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("a mailbox is free as soon as QUIT is answered", async () => {
  await using program = await Program.start({
    prepare: (folder) =>
      writeMailbox(maildirOf(folder, "alice"), makeMessages({ count: 60, ordinaryOnly: true })),
  });
  for (let i = 0; i < 60; i++) {
    using client = await PopClient.login(program.port("plain"), "alice", PASSWORD);
    await client.ok("RETR 1");
    if (i % 2 === 0) await client.ok("DELE 1");
    await client.ok("QUIT");
  }
  await program.stop();
});

Deno.test("workers of one program let one session at a mailbox", async () => {
  await using program = await Program.start({
    prepare: (folder) =>
      writeMailbox(maildirOf(folder, "alice"), makeMessages({ count: 2, ordinaryOnly: true })),
  });
  using held = await PopClient.login(program.port("plain"), "alice", PASSWORD);
  // The connections are spread over the workers: some of these meet another one than the session's.
  for (let i = 0; i < 12; i++) {
    assert.match(await tryLogin(program.port("plain")), /^-ERR \[IN-USE\] /);
  }
  await held.ok("NOOP");
  await held.ok("QUIT");
  await program.stop();
});

Deno.test("a port in use, also by a second instance, is an error before anything starts", async () => {
  await using first = await Program.start();
  await using folder = await TempFolder.make();
  const port = first.port("plain");
  await Deno.writeTextFile(`${folder.path}/users`, "alice:secret\n");
  await Deno.writeTextFile(
    `${folder.path}/config.toml`,
    configText().replace("port = 0", `port = ${port}`),
  );
  const { code, stderr } = await runProgram(["serve", "--config", `${folder.path}/config.toml`]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, new RegExp(`pop3server\\.listeners\\[0\\][^]*${port}[^]*in use`));
  assert.doesNotMatch(stderr, /Listening on| at .*:\d+:\d+/);
  assert.match(await tryLogin(port), /^\+OK/);
  await first.stop();
});
