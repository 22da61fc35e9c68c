import assert from "node:assert/strict";
import { encodeBase64 } from "../../lib/auth/base64.ts";
import { plainMessage } from "../../lib/auth/sasl.ts";
import { programCommand, runProgram, TempFolder } from "../support/program.ts";

/** No step of a demo takes so long, in milliseconds. */
const LIMIT = 60_000;

/** What a folder holds. */
function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

/** A demo that runs, in a temporary folder of its own. */
class Demo implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: TempFolder;
  readonly #reading: Promise<void>;
  readonly #timer: ReturnType<typeof setTimeout>;
  #noticed: () => void = () => {};
  #over = false;
  output = "";

  private constructor(child: Deno.ChildProcess, folder: TempFolder) {
    this.#child = child;
    this.#folder = folder;
    this.#timer = setTimeout(() => child.kill("SIGKILL"), LIMIT);
    this.#reading = this.#read();
  }

  static async start(...args: string[]): Promise<Demo> {
    const folder = await TempFolder.make();
    const { command, args: all } = programCommand(["demo", ...args]);
    const child = new Deno.Command(command, {
      args: all,
      env: { TMPDIR: folder.path },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return new Demo(child, folder);
  }

  /** Waits for some output. */
  async shows(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.output)) {
      assert.ok(!this.#over, `The demo ended without ${pattern}:\n${this.output}`);
      await new Promise<void>((resolve) => this.#noticed = resolve);
    }
  }

  /** Sends a signal, and checks that the demo ends well and leaves nothing. */
  async end(signal: Deno.Signal): Promise<void> {
    this.#child.kill(signal);
    const { code, signal: killed } = await this.#child.status;
    await this.#reading;
    assert.deepEqual({ code, killed }, { code: 0, killed: null }, this.output);
    assert.match(this.output, /\nEnded: the server is stopped, the folder removed\n$/);
    assert.deepEqual(filesIn(this.#folder.path), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#reading;
    clearTimeout(this.#timer);
    await this.#folder[Symbol.asyncDispose]();
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      this.#noticed();
    }
    this.#over = true;
    this.#noticed();
  }
}

Deno.test("demo shows every login, the retriever's work and what to do next, and leaves nothing", async () => {
  await using folder = await TempFolder.make();
  const { code, stdout, stderr } = await runProgram(["demo"], { env: { TMPDIR: folder.path } });
  const out = new TextDecoder().decode(stdout);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  for (
    const [method, ...cells] of [
      ["USER and PASS", "yes", "yes", "yes"],
      ["APOP", "yes", "yes", "yes"],
      ["AUTH PLAIN", "needs TLS", "yes", "yes"],
      ["AUTH CRAM-MD5", "yes", "yes", "yes"],
      ["AUTH EXTERNAL", "needs TLS", "yes", "yes"],
    ]
  ) {
    assert.match(out, new RegExp(`\n   ${method} +${cells.join(" +")}\n`));
  }
  // 13 of the server's tour, one of the retriever, one of the look into bob's mailbox.
  assert.equal(out.match(/^ {3}S: \+OK Logged in$/gm)?.length, 15);
  assert.match(out, /C: LIST\n {3}S: \+OK 5 messages/);
  assert.match(out, /C: RETR 1\n[^]* {3}S: \.\.\n {3}S: \.\.profile/, "dot-stuffing is seen");
  assert.match(out, /Grüße aus Köln/);
  assert.match(out, /… \d+ more lines …/);
  assert.match(out, /C: DELE 4\n {3}S: \+OK .*\n {3}C: QUIT\n {3}S: \+OK Goodbye, 1 deleted/);
  assert.match(out, /TLS started[^]*C: DELE 4\n[^]*In short: 4 messages .*4 deleted there/);
  assert.match(out, /7\. Bob's mailbox[^]*5 messages[^]*S: Received: from 127\.0\.0\.1/);
  assert.match(out, /What to do next\n.* demo --keep [^]* user add NAME [^]* serve /);
  assert.deepEqual(filesIn(folder.path), [], "the folder is removed");
});

Deno.test("demo names the passwords once and masks them in the dialogue; no colour in a pipe", async () => {
  const { stdout } = await runProgram(["demo"]);
  const out = new TextDecoder().decode(stdout);
  assert.equal(out.split("wonderland").length, 2);
  assert.equal(out.split("builder").length, 2);
  assert.ok(!out.includes(encodeBase64(plainMessage("alice", "wonderland"))));
  assert.ok(!out.includes("PRIVATE KEY"));
  assert.ok(!out.includes("\x1b"));
});

/** Logs in, counts and leaves, over a connection whose greeting was read. */
async function countMessages(conn: Deno.Conn, user: string, password: string): Promise<number> {
  const commands = `USER ${user}\r\nPASS ${password}\r\nSTAT\r\nQUIT\r\n`;
  const writer = conn.writable.getWriter();
  await writer.write(new TextEncoder().encode(commands));
  writer.releaseLock();
  let answers = "";
  // The server ends the connection after QUIT.
  for await (const text of conn.readable.pipeThrough(new TextDecoderStream())) answers += text;
  const count = /\r\n\+OK (\d+) \d+\r\n/.exec(answers)?.[1];
  assert.ok(count !== undefined, answers);
  return Number(count);
}

async function readLine(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(512);
  let line = "";
  while (!line.endsWith("\r\n")) {
    const count = await conn.read(buffer);
    assert.ok(count !== null, line);
    line += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return line;
}

/** Opens a connection of the kind that a row of the table names. */
async function open(encryption: string, port: number, ca: string): Promise<Deno.Conn> {
  const caCerts = [await Deno.readTextFile(ca)];
  const hostname = "127.0.0.1";
  if (encryption === "SSL/TLS") return await Deno.connectTls({ hostname, port, caCerts });
  const conn = await Deno.connect({ hostname, port });
  if (encryption === "none") return conn;
  assert.match(await readLine(conn), /^\+OK/);
  await conn.write(new TextEncoder().encode("STLS\r\n"));
  assert.match(await readLine(conn), /^\+OK/);
  return await Deno.startTls(conn, { hostname, caCerts });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`demo --keep prints accounts that work, until ${signal}`, async () => {
    await using demo = await Demo.start("--keep");
    await demo.shows(/Ctrl-C ends the server/);
    const ca = /can be given (\S+\.pem)/.exec(demo.output)?.[1];
    assert.ok(ca !== undefined);
    const rows = [
      ...demo.output.matchAll(
        /^ {3}(none|STARTTLS|SSL\/TLS) +127\.0\.0\.1 +(\d+) +(alice|bob) +(\S+)$/gm,
      ),
    ];
    assert.equal(rows.length, 6);
    for (const [, encryption, port, user, password] of rows) {
      const conn = await open(encryption!, Number(port), ca);
      assert.equal(await countMessages(conn, user!, password!), 5, `${encryption} ${user}`);
    }
    await demo.end(signal);
  });
}

Deno.test("demo ends in the middle of a dialogue when it is told to", async () => {
  // With --keep, lest it be over before the signal comes.
  await using demo = await Demo.start("--keep");
  await demo.shows(/C: CAPA/);
  await demo.end("SIGTERM");
});

Deno.test("demo leaves nothing when its reader goes away", async () => {
  await using folder = await TempFolder.make();
  const { command, args } = programCommand(["demo"]);
  const child = new Deno.Command(command, {
    args,
    env: { TMPDIR: folder.path },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const stderr = await new Response(child.stderr).text();
  const { code } = await child.status;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert.deepEqual(filesIn(folder.path), []);
});

Deno.test("demo says in a sentence that there is no room for its folder", async () => {
  await using folder = await TempFolder.make();
  const env = { TMPDIR: `${folder.path}/nowhere` };
  const { code, stdout, stderr } = await runProgram(["demo"], { env });
  assert.equal(code, 1);
  assert.equal(stdout.length, 0);
  assert.match(stderr, /^Cannot make a throw-away folder for the demo: .*; set TMPDIR to .*\n$/);
});

Deno.test("demo --help describes it", async () => {
  const { code, stdout } = await runProgram(["demo", "--help"]);
  assert.equal(code, 0);
  assert.match(new TextDecoder().decode(stdout), /--keep[^]*Examples:[^]*mailismus demo --keep/);
});
