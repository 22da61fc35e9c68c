import assert from "node:assert/strict";
import { connect as connectTls } from "node:tls";
import { PopClient } from "../support/pop_client.ts";
import { certificates, configText, Program, runProgram, TempFolder } from "../support/program.ts";

const FAREWELL = /^-ERR \[SYS\/TEMP\] .*shutting down/i;

Deno.test("serve ends on SIGTERM with status 0, at once if there are no sessions", async () => {
  await using program = await Program.start({
    config: configText({ pop3server: 'grace = "30s"' }),
  });
  using client = await PopClient.login(program.port("plain"), "alice", "wonder land");
  await client.ok("QUIT");
  const begun = performance.now();
  await program.stop();
  assert.ok(performance.now() - begun < 5000);
  assert.match(program.output, /INFO {2}main {2}Stopping \(SIGTERM\)[^]*INFO {2}main {2}Stopped/);
});

Deno.test("serve tells its sessions of the end: at once before login, after the grace behind it", async () => {
  await using program = await Program.start({ config: configText({ pop3server: 'grace = "2s"' }) });
  const port = program.port("plain");
  using stranger = await PopClient.connect(port);
  using quick = await PopClient.login(port, "alice", "wonder land");
  using slow = await PopClient.login(port, "bob", "builder");
  const begun = performance.now();
  const stopped = program.stop();
  stopped.catch(() => {});
  assert.match(await stranger.line() ?? "", FAREWELL);
  assert.equal(await stranger.line(), null);
  assert.ok(performance.now() - begun < 1500, "the stranger waited for the grace");
  assert.ok(await becomesRefused(port));
  await quick.ok("NOOP");
  await quick.ok("QUIT");
  assert.match(await slow.line() ?? "", FAREWELL);
  assert.ok(performance.now() - begun >= 1900, "the grace was cut short");
  await stopped;
  assert.ok(performance.now() - begun < 5000);
});

/** Whether connections are refused soon: one worker may hear of the end before the other. */
async function becomesRefused(port: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      using _client = await PopClient.connect(port);
    } catch {
      return true;
    }
  }
  return false;
}

Deno.test("serve ends at once on a second signal", async () => {
  await using program = await Program.start({ config: configText({ pop3server: 'grace = "1h"' }) });
  using client = await PopClient.login(program.port("plain"), "alice", "wonder land");
  program.signal("SIGTERM");
  await program.outputMatches(/Stopping \(SIGTERM\)/);
  const begun = performance.now();
  program.signal("SIGINT");
  assert.match(await client.line() ?? "", FAREWELL);
  assert.equal((await program.status()).code, 0);
  assert.ok(performance.now() - begun < 4000);
});

Deno.test("serve takes up changed users, and keeps the old ones while a new version is broken", async () => {
  await using program = await Program.start();
  const port = program.port("plain");
  const users = `${program.folder}/users`;
  using session = await PopClient.login(port, "alice", "wonder land");

  await Deno.writeTextFile(users, "alice:changed\ndave:new here\n");
  await program.outputMatches(/Read the directory anew: 2 users/);
  using dave = await PopClient.login(port, "dave", "new here");
  await dave.ok("QUIT");
  await session.ok("NOOP");

  await Deno.writeTextFile(users, "alice:x\nalice:y\n");
  program.signal("SIGHUP");
  await program.outputMatches(/ERR .*users:2: .*\n.*the one read before stays in force/);
  using again = await PopClient.login(port, "dave", "new here");
  await again.ok("QUIT");

  await Deno.writeTextFile(users, "erin:last\n");
  program.signal("SIGHUP");
  await program.outputMatches(/Read the directory anew: 1 users/);
  using erin = await PopClient.login(port, "erin", "last");
  await erin.ok("QUIT");
  using refused = await PopClient.connect(port);
  await refused.ok("USER dave");
  assert.match((await refused.command("PASS new here")).status, /^-ERR \[AUTH\]/);
});

/** The fingerprint of the certificate that the server shows to a new TLS connection. */
async function shownCertificate(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
    resolve(socket.getPeerCertificate().fingerprint256);
    socket.destroy();
  });
  socket.once("error", reject);
  return await promise;
}

Deno.test("serve takes up a renewed certificate, and keeps the old one while the new is broken", async () => {
  await using folder = await TempFolder.make();
  const install = async (name: string) => {
    await Deno.copyFile(`${certificates}/${name}.key`, `${folder.path}/key.pem`);
    await Deno.copyFile(`${certificates}/${name}.pem`, `${folder.path}/cert.pem`);
  };
  await install("server");
  const config = configText()
    .replaceAll(`${certificates}/server.pem`, `${folder.path}/cert.pem`)
    .replaceAll(`${certificates}/server.key`, `${folder.path}/key.pem`);
  await using program = await Program.start({ config });
  const port = program.port("tls");
  const before = await shownCertificate(port);
  using session = await PopClient.login(program.port("plain"), "alice", "wonder land");

  await Deno.writeTextFile(`${folder.path}/cert.pem`, "no certificate\n");
  await program.outputMatches(
    /ERR .*cert\.pem".*\n[^]*certificate of listener "tls" cannot be used/,
  );
  assert.equal(await shownCertificate(port), before);

  await install("renewed");
  await program.outputMatches(/Read the certificate of listener "tls" anew/);
  // The workers hear of it at the same moment as the log's readers.
  let after = before;
  for (let tries = 0; tries < 50 && after === before; tries++) after = await shownCertificate(port);
  assert.notEqual(after, before);
  await session.ok("QUIT");
});

Deno.test("serve reopens its log files on SIGHUP", async () => {
  await using program = await Program.start({
    config: configText({ server: 'transcript = "%DIRTOP%/t.log"' }),
  });
  const log = `${program.folder}/t.log`;
  const dialogue = async (user: string, password: string) => {
    using client = await PopClient.login(program.port("plain"), user, password);
    await client.ok("QUIT");
  };
  const written = async (text: string) => {
    for (let tries = 0; tries < 200; tries++) {
      if ((await Deno.readTextFile(log).catch(() => "")).includes(text)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`${text} is not in the transcript`);
  };
  await dialogue("alice", "wonder land");
  await written("USER alice");
  await Deno.rename(log, `${log}.1`);
  program.signal("SIGHUP");
  await program.outputMatches(/anew \(SIGHUP\)/);
  await dialogue("bob", "builder");
  await written("USER bob");
  assert.ok(!(await Deno.readTextFile(log)).includes("USER alice"));
  assert.ok(!(await Deno.readTextFile(log)).includes("builder"), "no password in it");
  assert.match(
    await Deno.readTextFile(log),
    /\*\* connected from 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+ \(plain\)\n.* S: \+OK/,
  );
});

Deno.test("serve names a port in use together with the config's other problems", async () => {
  await using folder = await TempFolder.make();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const config = configText().replace("port = 0", `port = ${port}\nbaklog = 3`);
  await Deno.writeTextFile(`${folder.path}/config.toml`, config);
  await Deno.writeTextFile(`${folder.path}/users`, "alice:x\n");
  const { code, stderr } = await runProgram(["serve"], { cwd: folder.path });
  assert.equal(code, 2);
  assert.match(stderr, /2 problems/);
  assert.match(stderr, /listeners\[0\]\.baklog.*"backlog"/);
  assert.match(
    stderr,
    new RegExp(
      `listeners\\[0\\]\\.port \\(listener "plain"\\): Cannot listen on 127.0.0.1:${port}: .*in use`,
    ),
  );
  assert.doesNotMatch(stderr, /\n\s+at /);
});

Deno.test("serve says when there is nothing to serve", async () => {
  await using folder = await TempFolder.make();
  await Deno.writeTextFile(`${folder.path}/config.toml`, "");
  const { code, stderr } = await runProgram(["serve"], { cwd: folder.path });
  assert.equal(code, 2);
  assert.match(stderr, /neither a \[pop3server\] nor a \[pop3download\] section/);
});

Deno.test("serve keeps maxservers over all workers, and says so to who comes too many", async () => {
  const config = configText().replace('name = "plain"', 'name = "plain"\nmaxservers = 2');
  await using program = await Program.start({ config });
  const port = program.port("plain");
  const clients = [await PopClient.connect(port), await PopClient.connect(port)];
  for (let tries = 0; tries < 6; tries++) {
    using refused = await PopClient.connect(port);
    assert.match(refused.greeting, /^-ERR \[SYS\/TEMP\] Too many connections to this server/);
    assert.equal(await refused.line(), null);
  }
  clients[0]!.close();
  let greeting = "";
  for (let tries = 0; tries < 100 && !greeting.startsWith("+OK"); tries++) {
    using next = await PopClient.connect(port);
    greeting = next.greeting;
  }
  assert.match(greeting, /^\+OK/);
  clients[1]!.close();
});
