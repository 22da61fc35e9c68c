/**
 * Retrievers against each other: this program, mpop and fetchmail empty the same mailbox on the
 * same server.
 *
 * @module
 */
import { onInterrupt } from "./cleanup.ts";
import type { Certificates } from "./certificates.ts";
import { dovecotServer } from "./dovecot.ts";
import { makeNetwork, type Network } from "./latency.ts";
import { MAIL_OWNER, type MailGroup, makeMail } from "./mail.ts";
import { PASSWORD } from "./measure.ts";
import { runProgram } from "./peers.ts";
import { peakMemory, ProcessGroup } from "./process_group.ts";
import { clients, type RetrieverClient } from "./retriever_clients.ts";
import { BenchServer, type Ports } from "./server.ts";
import { note } from "./terminal.ts";

/** A mailbox and a latency. */
export interface RetrieverScenario {
  readonly name: string;
  readonly text: string;
  readonly group: MailGroup;
  /** The round-trip time in milliseconds. */
  readonly latency: number;
}

/** One retriever's run. */
export interface RetrieverRun {
  readonly seconds: number;
  readonly cpu: number;
  readonly memory: number;
}

/** All runs of one scenario. */
export interface RetrieverResult {
  readonly name: string;
  readonly text: string;
  readonly messages: number;
  readonly rounds: Readonly<Record<string, RetrieverRun[]>>;
  /** What is to be known about a retriever, by its name. */
  readonly notes: Readonly<Record<string, string>>;
}

const BOXES = [
  { name: "small", text: "5,000 x 4 KB", messages: 5000, size: 4096 },
  { name: "large", text: "20 x 10 MB", messages: 20, size: 10_000_000 },
] as const;

/** All scenarios of the retriever. */
export const RETRIEVER_SCENARIOS: readonly RetrieverScenario[] = [0, 50].flatMap((latency) =>
  BOXES.map(({ name, text, messages, size }) => ({
    name: `retrieve-${name}${latency === 0 ? "" : `-${latency}ms`}`,
    text: `retrieve ${text}, round trip ${latency} ms`,
    group: { prefix: `ret${name}`, users: 1, messages, size, folder: "cur" } as const,
    latency,
  }))
);

/** Where the retrievers' scenarios run. */
export interface RetrieverSite {
  /** A folder for all that they need. */
  readonly folder: string;
  readonly certificates: Certificates;
  readonly ports: Ports;
  readonly workers: number;
  readonly rounds: number;
}

/** Runs one scenario. The server is Dovecot, tuned, and every retriever deletes what it took. */
export async function runRetrievers(
  scenario: RetrieverScenario,
  site: RetrieverSite,
): Promise<RetrieverResult> {
  const network = await makeNetwork(scenario.latency);
  note(`${scenario.name}: ${scenario.text} (${network.method})`);
  const mail = `${site.folder}/mail`;
  const user = `${scenario.group.prefix}0001`;
  await Deno.mkdir(`${site.folder}/template`, { recursive: true });
  await Deno.mkdir(mail, { recursive: true });
  makeMail(`${site.folder}/template`, scenario.group);
  await Deno.writeTextFile(`${site.folder}/users`, `${user}:${PASSWORD}\n`);
  const plan = dovecotServer({ ...site, mail, users: `${site.folder}/users` }, "tuned");
  const source = new BenchServer({
    ...plan,
    name: "source",
    prepare: async () => {
      const { logFile, command, args } = await plan.prepare();
      return { logFile, ...network.wrap(command, args) };
    },
  });
  const rounds: Record<string, RetrieverRun[]> = {};
  const notes: Record<string, string> = {};
  try {
    await source.start();
    const port = await network.reach(site.ports.none);
    for (let round = 0; round < site.rounds; round++) {
      const order = round % 2 === 0 ? clients : [...clients].reverse();
      for (const client of order) {
        const part = client.waits && scenario.latency > 0 && scenario.group.messages > 100 ? 10 : 1;
        await refill(`${site.folder}/template/${user}`, `${mail}/${user}`, part);
        const folder = `${site.folder}/round-${round}`;
        const errand = { scenario, network, port, user, folder, part };
        const run = await runClient(client, errand);
        await checkEmpty(`${mail}/${user}/Maildir`, client.name);
        note(`  ${client.name}: ${run.seconds.toFixed(2)} s, ${run.cpu.toFixed(2)} CPU-s`);
        (rounds[client.name] ??= []).push(run);
        notes[client.name] = part === 1 ? client.note : `${client.note}; from 1/${part} of them`;
      }
    }
  } finally {
    await source.remove();
    await network.close();
    await removeResults(site.folder);
  }
  const text = `${scenario.text} (${network.method})`;
  return { name: scenario.name, text, messages: scenario.group.messages, rounds, notes };
}

async function runClient(
  client: RetrieverClient,
  options: {
    scenario: RetrieverScenario;
    network: Network;
    port: number;
    user: string;
    folder: string;
    /** The mailbox has only one of so many messages; the figures are multiplied by it. */
    part: number;
  },
): Promise<RetrieverRun> {
  const { scenario, network, port, user, part } = options;
  const folder = `${options.folder}/${client.name}`;
  await Deno.mkdir(folder, { recursive: true });
  const prepared = await client.prepare({ folder, port, user, password: PASSWORD });
  const inside = network.wrap(prepared.command, prepared.args);
  const group = new ProcessGroup(client.name);
  const stay = onInterrupt(() => group.kill());
  const { command, args } = group.wrap(inside.command, inside.args);
  const before = group.cpu();
  const start = performance.now();
  const { result: output, peak } = await peakMemory(group, () => {
    const child = new Deno.Command(command, {
      args,
      env: { HOME: folder, FETCHMAILHOME: folder, DENO_DIR: compileCache() },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    group.setRoot(child.pid);
    return child.output();
  });
  const seconds = (performance.now() - start) / 1000;
  const cpu = group.cpu() - before;
  stay();
  await group.remove();
  if (output.code !== 0) {
    const text = new TextDecoder().decode(output.stderr) + new TextDecoder().decode(output.stdout);
    throw new Error(`${client.name} ended with status ${output.code}: ${text.slice(-1000)}`);
  }
  client.verify(folder, scenario.group.messages / part, scenario.group.size);
  return { seconds: seconds * part, cpu: cpu * part, memory: peak };
}

/** Where Deno keeps what it compiled: with another HOME this program would be compiled at each run. */
function compileCache(): string {
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME") ?? ""}/.cache/deno`;
}

/**
 * Only at the end, and not after each run: for five seconds ext4 gives no deleted file's inode to a
 * new one, and looks for others at length, so that whoever came next would take twice as long.
 */
async function removeResults(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith("round-")) await Deno.remove(`${folder}/${name}`, { recursive: true });
  }
}

/** A new mailbox of hard links: the messages are the same files, and their bytes in memory. */
async function refill(template: string, target: string, part: number): Promise<void> {
  await runProgram("rm", ["-rf", target]);
  const { code, text } = await runProgram("cp", ["-al", template, target]);
  if (code !== 0) throw new Error(`Cannot copy ${template}: ${text}`);
  let index = 0;
  for await (const { name } of Deno.readDir(`${template}/Maildir/cur`)) {
    if (index++ % part !== 0) await Deno.remove(`${target}/Maildir/cur/${name}`);
  }
  await runProgram("chown", [`${MAIL_OWNER}:${MAIL_OWNER}`, target]);
  await runProgram("sync", []);
}

async function checkEmpty(maildir: string, name: string): Promise<void> {
  for (const folder of ["new", "cur"]) {
    for await (const entry of Deno.readDir(`${maildir}/${folder}`)) {
      throw new Error(`${name} left ${entry.name} on the server`);
    }
  }
}
