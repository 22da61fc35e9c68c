/**
 * The retriever as a process that is killed: every message must be delivered exactly once, whatever
 * the moment.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { ClientOptions } from "../../lib/retriever/options.ts";
import { Retriever } from "../../lib/retriever/retriever.ts";
import { randomNumbers } from "../support/mailbox.ts";
import { programCommand } from "../support/program.ts";
import { namesIn, readLatin1, TestRetriever } from "../support/retriever.ts";
import type { ChildTask } from "../support/retriever_child.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A server on a port, and the options of a client that a child process can run. */
class Victim implements AsyncDisposable {
  readonly test: TestRetriever;
  readonly options: ChildTask["options"];

  constructor(overrides: Partial<ClientOptions> = {}, files = false) {
    this.test = new TestRetriever(overrides);
    const { client, folder } = this.test;
    const server = { ...client.server, host: "127.0.0.1", port: this.test.server.listen() };
    this.options = {
      // Where the program has it by default, so that both find the same journal.
      stateDirectory: `${folder}/var/retriever`,
      hostName: "here.example.net",
      timeout: 5000,
      delayStart: 0,
      maxParallel: 1,
      clients: [{
        ...client,
        server,
        destination: files
          ? { kind: "files", directory: `${folder}/files/%U%` }
          : client.destination,
      }],
    };
  }

  /** Starts the process. */
  spawn(dieAt?: number): Deno.ChildProcess {
    const task: ChildTask = { options: this.options, ...(dieAt === undefined ? {} : { dieAt }) };
    // The script becomes Deno itself, so that a signal hits the retriever.
    const script = [`${ROOT}scripts/deno.sh`, "run", "--quiet", "--no-check", "-A"];
    return new Deno.Command("sh", {
      args: [...script, `${ROOT}tests/support/retriever_child.ts`, JSON.stringify(task)],
      cwd: ROOT,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Runs the client in this process. */
  async finish(): Promise<void> {
    const retriever = new Retriever(this.options, { once: true, dryRun: false });
    ok(await retriever.run(), "the run after the crash went well");
  }

  /** What was delivered. */
  delivered(): string[] {
    const files = `${this.test.folder}/files/alice`;
    const saved = namesIn(files).filter((name) => !name.startsWith("."))
      .map((name) => readLatin1(`${files}/${name}`).replaceAll("\r\n", "\n"));
    return [...this.test.delivered(), ...saved];
  }

  /** Everything temporary that is left. */
  leftovers(): string[] {
    const files = namesIn(`${this.test.folder}/files/alice`).filter((name) => name.startsWith("."));
    return [...this.test.leftovers(), ...files];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.test.server.close();
    this.test[Symbol.dispose]();
  }
}

function mail(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `Message-ID: <${i}@x>\r\n\r\n${`body ${i} `.repeat(20)}\r\n`,
  );
}

function onDisk(texts: readonly string[]): string[] {
  return texts.map((text) => text.replaceAll("\r\n", "\n")).sort();
}

/** Does `work` for each item, two at a time. */
async function inPairs<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all([worker(), worker()]);
}

const VARIANTS: [string, Partial<ClientOptions>, boolean][] = [
  ["into a Maildir", {}, false],
  ["into files", {}, true],
  ["with preserve and track_seen", { preserve: true, trackSeen: true }, false],
];

for (const [name, overrides, files] of VARIANTS) {
  Deno.test(`A retriever that dies at any operation on files repeats and loses nothing, ${name}`, async () => {
    const texts = mail(3);
    const trial = async (dieAt?: number): Promise<number> => {
      await using victim = new Victim(overrides, files);
      victim.test.server.add(...texts);
      const { code, signal, stdout, stderr } = await victim.spawn(dieAt).output();
      const said = new TextDecoder().decode(stdout);
      if (dieAt === undefined) equal(code, 0, new TextDecoder().decode(stderr));
      else ok(signal === "SIGKILL" || said !== "", new TextDecoder().decode(stderr));
      await victim.finish();
      deepEqual(victim.delivered().sort(), onDisk(texts), `died at ${dieAt}`);
      deepEqual(victim.leftovers(), [], `died at ${dieAt}`);
      equal(victim.test.server.messages.length, overrides.preserve === true ? 3 : 0);
      return Number(said.split(" ")[0]);
    };
    const operations = await trial();
    ok(operations > 20 && operations < 150, `${operations} operations`);
    const moments = Array.from({ length: operations }, (_, i) => [i + 1, i + 1.5]).flat();
    await inPairs(moments, async (dieAt) => void await trial(dieAt));
  });
}

/** The whole program, as a user starts it, in the folder of a victim. */
function spawnProgram({ options, test: { folder } }: Victim): Deno.ChildProcess {
  const { id, recip, server } = options.clients[0]!;
  Deno.writeTextFileSync(
    `${folder}/config.toml`,
    `
[directory]
users = "users"
[message_store]
userpath = "ms"
[[pop3download.clients]]
id = "${id}"
recip = "${recip}"
omitreceivedheader = true
server = { address = "${server.host}:${server.port}", username = "${server.username}", password = "${server.password}" }
`,
    { mode: 0o600 },
  );
  Deno.writeTextFileSync(`${folder}/users`, `${recip}\n`, { mode: 0o600 });
  const { command, args } = programCommand(["retrieve", "--once"]);
  return new Deno.Command(command, { args, cwd: folder, stdout: "piped", stderr: "piped" }).spawn();
}

Deno.test("retrieve that is killed at random moments delivers each message exactly once", async () => {
  const texts = mail(40);
  // How many kills come too late depends on the machine: trials go on until enough came in time.
  const seeds = Array.from({ length: 500 }, (_, i) => i + 1);
  let kills = 0;
  await inPairs(seeds, async (seed) => {
    if (kills >= 100) return;
    const random = randomNumbers(seed);
    await using victim = new Victim();
    const { server } = victim.test;
    server.add(...texts);
    const slow = random() < 0.5;
    server.script = [{ pipelining: random() < 0.5, latency: slow ? 1 : 0 }];
    // A kill may hit any moment of the session, and sometimes comes too late.
    for (let killed = false; !killed && server.messages.length > 0;) {
      const before = server.sessions.length;
      const child = spawnProgram(victim);
      const ended = child.output();
      await until(ended, () => server.sessions.length > before);
      await Promise.race([ended, wait(random() * (slow ? 80 : 30))]);
      killIfRunning(child);
      killed = (await ended).signal === "SIGKILL";
      if (killed) kills++;
    }
    await victim.finish();
    deepEqual(server.messages, []);
    deepEqual(victim.delivered().sort(), onDisk(texts), `seed ${seed}`);
    deepEqual(victim.leftovers(), [], `seed ${seed}`);
  });
  ok(kills >= 100, `${kills} processes were killed at work`);
});

function killIfRunning(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It was done already.
  }
}

async function until(ended: Promise<unknown>, condition: () => boolean): Promise<void> {
  let over = false;
  void ended.then(() => over = true);
  while (!over && !condition()) await wait(1);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
