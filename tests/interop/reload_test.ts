/**
 * What a running program takes up without a restart: users, certificates, log files.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect } from "node:tls";
import { makeMessages, writeMailbox } from "../support/mailbox.ts";
import { PopClient } from "../support/pop_client.ts";
import { certificates, configText, maildirOf, Program, USERS } from "../support/program.ts";

/** Waits until an attempt succeeds; attempts fail for a moment only. */
async function eventually(attempt: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (true) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function canLogin(port: number, user: string, password: string): Promise<void> {
  using client = await PopClient.login(port, user, password);
  await client.ok("QUIT");
}

Deno.test("the program takes up changed users, and keeps the old ones when the file is broken", async (t) => {
  await using program = await Program.start();
  const port = program.port("plain");
  using held = await PopClient.login(port, "alice", "wonder land");
  const write = (text: string) => Deno.writeTextFile(`${program.folder}/users`, text);
  await t.step("by itself within seconds", async () => {
    await write(`${USERS}dave:diver\n`);
    await eventually(() => canLogin(port, "dave", "diver"));
  });
  await t.step("at once on SIGHUP", async () => {
    await write(`${USERS}dave:diver\nerin:earl\n`);
    program.signal("SIGHUP");
    await eventually(() => canLogin(port, "erin", "earl"));
  });
  await t.step("but not a broken file", async () => {
    await write("eve:apple\nfrank:fig\n:nobody\n");
    program.signal("SIGHUP");
    await program.outputMatches(/users:3\b/, 15_000);
    await canLogin(port, "erin", "earl");
    using client = await PopClient.connect(port);
    await client.ok("USER eve");
    assert.match((await client.command("PASS apple")).status, /^-ERR \[AUTH\]/);
  });
  await held.ok("NOOP");
  await held.ok("QUIT");
  await program.stop();
});

/** The fingerprint of the certificate that the server shows. */
async function fingerprint(port: number): Promise<string> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    ca: await Deno.readTextFile(`${certificates}/ca.pem`),
  });
  try {
    return await new Promise((resolve, reject) => {
      socket.once("error", reject);
      // The greeting tells that the handshake is over on both sides.
      socket.once("data", () => resolve(socket.getPeerCertificate().fingerprint256));
    });
  } finally {
    socket.destroy();
  }
}

Deno.test("the program takes up a renewed certificate, its sessions going on", async () => {
  const own = (text: string) => text.replaceAll(`${certificates}/server.`, "%DIRTOP%/server.");
  const copy = (folder: string, name: string) => {
    for (const part of ["key", "pem"]) {
      Deno.copyFileSync(`${certificates}/${name}.${part}`, `${folder}/server.${part}`);
    }
  };
  await using program = await Program.start({
    config: own(configText()),
    prepare: (folder) => copy(folder, "server"),
  });
  using held = await PopClient.login(program.port("plain"), "alice", "wonder land");
  const before = await fingerprint(program.port("tls"));
  copy(program.folder, "renewed");
  program.signal("SIGHUP");
  await eventually(async () => {
    assert.notEqual(await fingerprint(program.port("tls")), before);
  });
  // A key that does not belong to the certificate is reported, and the good pair stays in use.
  const renewed = await fingerprint(program.port("tls"));
  await Deno.copyFile(`${certificates}/other.key`, `${program.folder}/server.key`);
  const length = program.output.length;
  program.signal("SIGHUP");
  await eventually(() => {
    assert.match(program.output.slice(length), /WARN|ERR/);
    return Promise.resolve();
  });
  assert.equal(await fingerprint(program.port("tls")), renewed);
  await held.ok("QUIT");
  await program.stop();
});

Deno.test("the program goes on in a new log file when the old one was moved away", async () => {
  await using program = await Program.start({
    config: configText({ server: `transcript = { file = "%DIRLOG%/pop3.log", flush = "50ms" }` }),
    prepare: (folder) =>
      writeMailbox(maildirOf(folder, "alice"), makeMessages({ count: 2, ordinaryOnly: true })),
  });
  const log = `${program.folder}/var/logs/pop3.log`;
  const session = async () => {
    using client = await PopClient.login(program.port("plain"), "alice", "wonder land");
    await client.ok("RETR 1");
    await client.ok("QUIT");
  };
  await session();
  await eventually(async () => assert.match(await Deno.readTextFile(log), /QUIT/));
  const first = await Deno.readTextFile(log);
  assert.match(first, /USER alice/);
  assert.doesNotMatch(first, /wonder land|From: /);

  await Deno.rename(log, `${log}.1`);
  program.signal("SIGHUP");
  await eventually(async () => {
    await session();
    assert.match(await Deno.readTextFile(log), /USER alice/);
  });
  await program.stop();
});
