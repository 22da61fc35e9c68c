import assert from "node:assert/strict";
import { MailServer } from "../support/mail_server.ts";
import { PopClient } from "../support/pop_client.ts";
import {
  certificates,
  maildirOf,
  Program,
  type ProgramOptions,
  runCommand,
  TempFolder,
} from "../support/program.ts";
import type { Attempts } from "./attempts.ts";
import { ROOT } from "./staging.ts";

/** The command that `permissions` prints: `deno run` with flags, behind them the program. */
async function printedCommand(config: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand(
    "sh",
    [`${ROOT}/scripts/mailismus`, "permissions", "--config", config],
  );
  assert.equal(code, 0, stderr);
  const line = new TextDecoder().decode(stdout);
  assert.doesNotMatch(line, /--allow-(all|run|ffi)|-A\b|--allow-[a-z]+(\s|$)/);
  return line;
}

const withPrinted: NonNullable<ProgramOptions["command"]> = async (folder) => {
  const line = await printedCommand(`${folder}/config.toml`);
  return { command: "sh", args: ["-c", `exec ${line}`] };
};

const STORE = `
[directory]
users = "users"
plainpass = true
[message_store]
userpath = "%DIRTOP%/ms"
`;

/** A client that collects bob's or alice's mail by TLS, from a host that has a name. */
function client(id: string, user: string, port: number, more: string): string {
  return `
[[pop3download.clients]]
id = "${id}"
freq = 0
${more}
server = { address = "localhost:${port}", username = "${user}", password_file = "${user}.password" }
ssl = { tspath = "${certificates}/ca.pem" }
`;
}

async function fill(folder: string, user: string): Promise<void> {
  const inbox = `${maildirOf(folder, user)}/new`;
  await Deno.mkdir(inbox, { recursive: true });
  for (const i of [1, 2]) {
    await Deno.writeTextFile(`${inbox}/${i}.test`, `Subject: ${i}\n\n${user}'s message ${i}\n`);
  }
}

async function eventually(what: string, reached: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await reached()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(what);
}

const countOf = (folder: string) =>
  Array.fromAsync(Deno.readDir(folder)).then((all) => all.length, () => 0);

Deno.test("the printed permissions suffice to serve and to retrieve to all kinds of places", async () => {
  await using remote = await Program.start();
  for (const user of ["alice", "bob", "carol"]) await fill(remote.folder, user);
  const port = remote.port("tls");
  await using smtp = await MailServer.start();
  await using folder = await TempFolder.make();
  const at = (name: string) => `${folder.path}/${name}`;
  await Deno.writeTextFile(at("alice.password"), "wonder land\n", { mode: 0o600 });
  await Deno.writeTextFile(at("bob.password"), "builder\n", { mode: 0o600 });
  await Deno.writeTextFile(at("carol.password"), "christmas\n", { mode: 0o600 });
  // A checkout lets everybody read its copy of the key, which the program warns of.
  const key = await Deno.readFile(`${certificates}/server.key`);
  await Deno.writeFile(at("server.key"), key, { mode: 0o600 });
  const config = `${STORE}
[log]
file = "%DIRLOG%/trace.log"
flush = "50ms"
[[pop3server.listeners]]
name = "plain"
interface = "127.0.0.1"
port = 0
server.transcript = "%DIRVAR%/transcripts/%Y%/pop3.log"
[[pop3server.listeners]]
name = "tls"
interface = "localhost"
port = 0
ssl = { cert = "${certificates}/server.pem", key = "server.key" }
[pop3download]
delay_start = 0
audit = "%DIRLOG%/audit/%Y%/a.log"
transcript = "%DIRLOG%/retriever.log"
${client("mailbox", "alice", port, 'recip = "dave"')}
${client("files", "bob", port, 'recip = "a b"\ndownloads_directory = "%DIRTOP%/saved/%U%"')}
${client("smtp", "carol", port, 'recip = "c@example.org"')}
smtp = { sender = "pop@example.org", server = "localhost:${smtp.port}" }
`;
  // The log goes to a file, so there is nothing to wait for on the program's output.
  await Deno.writeTextFile(at("config.toml"), config);
  await Deno.writeTextFile(at("users"), "dave:new here\n", { mode: 0o600 });
  await using program = await Program.start({
    folder: folder.path,
    command: withPrinted,
    listeners: [],
  });
  await eventually(
    `all clients: ${program.output}`,
    async () =>
      smtp.accepted.length === 2 && await countOf(at("ms/dave/Maildir/new")) === 2 &&
      await countOf(at("saved/a_b")) === 2,
  );
  await eventually("mail is left behind", async () => {
    const left = ["alice", "bob", "carol"].map((user) =>
      countOf(`${maildirOf(remote.folder, user)}/new`)
    );
    return (await Promise.all(left)).every((count) => count === 0);
  });
  const trace = await Deno.readTextFile(at("var/logs/trace.log"));
  const listening = /Listening on 127\.0\.0\.1:(\d+) \([^"\n]*"plain"\)/.exec(trace)?.[1];
  using local = await PopClient.login(Number(listening), "dave", "new here");
  assert.match(new TextDecoder().decode((await local.ok("RETR 2")).data), /alice's message/);
  await local.ok("DELE 1");
  await local.ok("QUIT");
  assert.equal(await countOf(at("ms/dave/Maildir/cur")), 1);
  // SIGHUP has all files read and opened again.
  program.signal("SIGHUP");
  await program.stop();
  assert.doesNotMatch(await Deno.readTextFile(at("var/logs/trace.log")), / (WARN|ERR) /);
  assert.equal(program.output, "");
});

Deno.test("the printed permissions give nothing beyond what the config names", async () => {
  await using folder = await TempFolder.make();
  const at = (name: string) => `${folder.path}/${name}`;
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr as Deno.NetAddr;
  free.close();
  await Deno.writeTextFile(at("users"), "alice:x\n", { mode: 0o600 });
  await Deno.writeTextFile(at("alice.password"), "x\n", { mode: 0o600 });
  await Deno.writeTextFile(at("beside"), "not in the config\n");
  await Deno.writeTextFile(
    at("config.toml"),
    `${STORE}
[[pop3server.listeners]]
interface = "127.0.0.1"
port = ${port}
server.transcript = "%DIRLOG%/t.log"
[pop3download]
${client("one", "alice", 995, 'recip = "alice"')}
`,
  );
  const attempts: Attempts = {
    allowed: {
      read: [at("config.toml"), at("users"), at("alice.password"), `${certificates}/ca.pem`],
      writeInto: ["ms", "var/cache", "var/retriever", "var/logs"].map(at),
      listen: [{ hostname: "127.0.0.1", port }],
    },
    denied: {
      read: ["/etc/hostname", "/etc/passwd", "/", folder.path, at("beside"), "/proc/self/environ"],
      write: [at("config.toml"), at("users"), at("outside"), "/tmp/outside", `${ROOT}/main.ts`],
      listen: [{ hostname: "0.0.0.0", port }, { hostname: "127.0.0.1", port: port + 1 }],
      connect: [{ hostname: "127.0.0.1", port: port + 1 }, { hostname: "localhost", port: 996 }],
    },
  };
  const printed = await printedCommand(at("config.toml"));
  const command = printed.replace(/\S*main\.ts serve [^]*$/, `'${ROOT}/tests/install/attempts.ts'`);
  assert.notEqual(command, printed);
  const { code, stdout, stderr } = await runCommand("sh", [
    "-c",
    `exec ${command} "$1"`,
    "sh",
    JSON.stringify(attempts),
  ]);
  assert.equal(code, 0, stderr);
  const outcomes: Record<string, string> = JSON.parse(new TextDecoder().decode(stdout));
  const { read, writeInto, listen } = attempts.allowed;
  const expected = new Set([
    ...read.map((path) => `read ${path}`),
    ...writeInto.map((path) => `write into ${path}`),
    ...listen.map((address) => `listen ${address.hostname}:${address.port}`),
    "host name",
  ]);
  assert.ok(Object.keys(outcomes).length > expected.size + 15);
  for (const [name, outcome] of Object.entries(outcomes)) {
    if (expected.has(name)) assert.equal(outcome, "allowed", name);
    else assert.match(outcome, /^NotCapable/, `${name}: ${outcome}`);
  }
});
