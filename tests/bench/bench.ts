/**
 * The benchmark: `deno task bench`. See docs/performance.md for its results.
 *
 * @module
 */
import { calibrate } from "./calibrate.ts";
import { makeCertificates } from "./certificates.ts";
import { onInterrupt, watchForInterrupts } from "./cleanup.ts";
import { dovecotServer } from "./dovecot.ts";
import { makeMail, userName } from "./mail.ts";
import { PASSWORD } from "./measure.ts";
import { type BenchOptions, parseOptions, USAGE } from "./options.ts";
import { ourServer, type Site } from "./our_server.ts";
import { missingPeers, runProgram } from "./peers.ts";
import { retrieverTable, scenarioTable } from "./report.ts";
import { RETRIEVER_SCENARIOS, runRetrievers } from "./retriever.ts";
import { runScenario } from "./rounds.ts";
import { GROUPS, type Scenario, SCENARIOS } from "./scenarios.ts";
import { BenchServer, type Ports } from "./server.ts";
import { note, say } from "./terminal.ts";

/** Two sessions of a mailbox are never open at once; so many sessions need so many processes. */
const MOST_PROCESSES = 1000;

/** Below those that clients get. */
let nextPort = 21110;

/** Ports that nobody uses. */
function freePorts(): Ports {
  return { none: freePort(), tls: freePort(), stls: freePort() };
}

function freePort(): number {
  while (true) {
    try {
      Deno.listen({ hostname: "127.0.0.1", port: ++nextPort }).close();
      return nextPort;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

class Bench {
  readonly #options: BenchOptions;
  readonly #folder: string;
  readonly #results: Record<string, unknown>[] = [];

  constructor(options: BenchOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
  }

  async run(): Promise<number> {
    const { scenarios, json } = this.#options;
    const machine = await describeMachine();
    say(machine);
    let errors = 0;
    const chosen = SCENARIOS.filter(({ name }) => scenarios.includes(name));
    if (chosen.length > 0) {
      await this.#calibration();
      errors += await this.#servers(chosen.filter(({ kind }) => kind !== "storm"), false);
      // Dear hashes cannot stand in a file of plain passwords, so the storm has a users file.
      errors += await this.#servers(chosen.filter(({ kind }) => kind === "storm"), true);
    }
    await this.#retrievers();
    if (json !== undefined) {
      const { workers, rounds, seconds } = this.#options;
      const text = JSON.stringify({ machine, workers, rounds, seconds, results: this.#results });
      await Deno.writeTextFile(json, `${text}\n`);
    }
    return errors > 0 ? 1 : 0;
  }

  async #calibration(): Promise<void> {
    say("\n### The load generator by itself, against prepared replies\n");
    for (const { mode, load, perSession, perMessage } of await calibrate(this.#options.seconds)) {
      const what = mode === "login"
        ? `${(load.sessions / load.seconds).toFixed(0)} sessions/s, ${
          perSession.toFixed(0)
        } µs each`
        : `${(load.messages / load.seconds).toFixed(0)} messages/s, ${
          perMessage.toFixed(1)
        } µs each`;
      say(`- ${mode}: ${what} (CPU of the generator)`);
    }
  }

  /** Runs scenarios on the three servers, which are started and ended here. */
  async #servers(scenarios: readonly Scenario[], hashes: boolean): Promise<number> {
    if (scenarios.length === 0) return 0;
    const { seconds, rounds, workers } = this.#options;
    const mail = `${this.#folder}/mail`;
    const certificates = await makeCertificates(this.#folder);
    const users = await this.#users(hashes);
    this.#mail(scenarios, mail);
    const site = (name: string): Site => ({
      folder: `${this.#folder}/${name}`,
      ...{ mail, users, certificates, ports: freePorts(), workers },
    });
    const servers = [
      new BenchServer(ourServer(site("ours"), { plainpass: !hashes })),
      new BenchServer(dovecotServer(site("tuned"), "tuned")),
      new BenchServer(dovecotServer(site("usual"), "usual")),
    ];
    const ca = await Deno.readTextFile(certificates.ca);
    let errors = 0;
    try {
      for (const server of servers) await server.start();
      note(`CPU time from ${servers[0]!.group.method}`);
      for (const scenario of scenarios) {
        const fit = servers.filter(({ plan }) =>
          plan.name !== "dovecot usual" || scenario.kind !== "idle" ||
          scenario.concurrency <= MOST_PROCESSES
        );
        const result = await runScenario(scenario, fit, { mail, ca, seconds, rounds });
        say(`\n${scenarioTable(result)}`);
        this.#results.push({ name: scenario.name, rounds: result.rounds });
        errors += Object.values(result.rounds).flat().reduce((sum, f) => sum + f.load.errors, 0);
      }
    } finally {
      for (const server of servers) await server.remove();
    }
    return errors;
  }

  #mail(scenarios: readonly Scenario[], folder: string): void {
    const groups = new Set(
      scenarios.filter(({ kind }) => kind !== "first").map(({ group }) => group),
    );
    if (scenarios.some(({ kind }) => kind === "storm")) groups.add("storm");
    Deno.mkdirSync(folder, { recursive: true });
    for (const group of groups) {
      const { users, messages } = GROUPS[group];
      note(`Making ${users} mailboxes of ${messages} messages (${group})`);
      makeMail(folder, GROUPS[group]);
    }
  }

  /** One users file for all servers. */
  async #users(hashes: boolean): Promise<string> {
    const path = `${this.#folder}/users`;
    const dear = hashes ? await bcryptHash() : "";
    const lines = Object.values(GROUPS).flatMap((group) => {
      const secret = !hashes ? PASSWORD : group === GROUPS.storm ? dear : `{PLAIN}${PASSWORD}`;
      return Array.from({ length: group.users }, (_, i) => `${userName(group, i + 1)}:${secret}\n`);
    });
    await Deno.writeTextFile(path, lines.join(""));
    return path;
  }

  async #retrievers(): Promise<void> {
    const { scenarios, rounds, workers } = this.#options;
    const chosen = RETRIEVER_SCENARIOS.filter(({ name }) => scenarios.includes(name));
    if (chosen.length === 0) return;
    const certificates = await makeCertificates(this.#folder);
    for (const scenario of chosen) {
      const result = await runRetrievers(scenario, {
        folder: `${this.#folder}/retrieve`,
        ...{ certificates, ports: freePorts(), workers, rounds: Math.min(rounds, 3) },
      });
      say(`\n${retrieverTable(result)}`);
      this.#results.push({ name: scenario.name, rounds: result.rounds });
    }
  }
}

async function bcryptHash(): Promise<string> {
  const args = ["pw", "-s", "BLF-CRYPT", "-r", "10", "-p", PASSWORD];
  const { code, text } = await runProgram("doveadm", args);
  if (code !== 0) throw new Error(`doveadm failed: ${text}`);
  return text.trim();
}

async function describeMachine(): Promise<string> {
  const cpu = /^model name\s*: (.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1];
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  const dovecot = (await runProgram("dovecot", ["--version"])).text.trim().split(" ")[0];
  return `${navigator.hardwareConcurrency} cores (${cpu}), ${memory} GB, Linux ${Deno.osRelease()}, ` +
    `Deno ${Deno.version.deno}, Dovecot ${dovecot}`;
}

async function main(): Promise<number> {
  const options = parseOptions(Deno.args);
  if (options === "help") {
    say(USAGE);
    return 0;
  }
  const missing = missingPeers();
  if (missing.length > 0) {
    note(`Cannot run the benchmark: ${missing.join("; ")}`);
    return 2;
  }
  const folder = await Deno.makeTempDir({ prefix: "mailismus-bench-" });
  watchForInterrupts();
  onInterrupt(() => Deno.removeSync(folder, { recursive: true }));
  // Dovecot's users must be able to pass through.
  await Deno.chmod(folder, 0o755);
  try {
    return await new Bench(options, folder).run();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

try {
  Deno.exit(await main());
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  note(error.message);
  Deno.exit(2);
}
