/**
 * Runs one scenario on one server and takes the figures.
 *
 * @module
 */
import type { Job, LoadResult } from "./load/job.ts";
import { holdLoad, runLoad } from "./load_process.ts";
import { makeMail } from "./mail.ts";
import { peakMemory } from "./process_group.ts";
import { GROUPS, type Scenario } from "./scenarios.ts";
import { type BenchServer, pause } from "./server.ts";

/** The password of every user. */
export const PASSWORD = "secret";

/** What a run needs beside scenario and server. */
export interface RunOptions {
  readonly mail: string;
  /** PEM of the authority. */
  readonly ca: string;
  /** How long a steady run lasts. */
  readonly seconds: number;
}

/** One run's figures. */
export interface Figures {
  readonly load: LoadResult;
  /** Sessions, or megabytes of messages, per second. */
  readonly rate: number;
  /** CPU seconds of the server in all. */
  readonly cpu: number;
  /** CPU seconds of the server for 1,000 sessions, or a gigabyte of messages. */
  readonly cpuPerUnit: number;
  /** The most memory of the server in bytes (resident). */
  readonly memory: number;
  /** Idle sessions: growth of memory for each, in bytes; `pss` as processes share it. */
  readonly perSession?: { readonly rss: number; readonly pss: number };
  /** Idle sessions: part of one core that holding them takes. */
  readonly idleCpu?: number;
  /** Storm: logins per second beside the fetching, and the fetching's times without the storm. */
  readonly storm?: { readonly logins: number; readonly undisturbed: LoadResult };
}

const LIMIT = 180;
/** The end of a session's process may come a moment after the end of its connection. */
const SETTLE_MS = 150;

/** The job of a scenario. */
export function jobOf(
  scenario: Scenario,
  server: BenchServer,
  { ca, seconds }: RunOptions,
  change: Partial<Job> = {},
): Job {
  const { prefix, users } = GROUPS[scenario.group];
  return {
    mode: scenario.mode,
    port: server.plan.ports[scenario.encryption],
    encryption: scenario.encryption,
    ...(scenario.encryption === "none" ? {} : { ca }),
    prefix,
    users,
    password: PASSWORD,
    concurrency: scenario.concurrency,
    sessions: scenario.kind === "first" ? users : 1e9,
    ...(scenario.kind === "first" ? {} : { seconds }),
    thorough: false,
    limit: LIMIT,
    ...change,
  };
}

/** Runs a scenario once. */
export async function measure(
  scenario: Scenario,
  server: BenchServer,
  options: RunOptions,
): Promise<Figures> {
  if (scenario.kind === "idle") return await measureIdle(scenario, server, options);
  if (scenario.kind === "storm") return await measureStorm(scenario, server, options);
  if (scenario.kind === "first") {
    makeMail(options.mail, GROUPS[scenario.group], `T${Date.now().toString(36)}`);
    await runSync();
  }
  const before = server.group.cpu();
  const { result: load, peak } = await peakMemory(server.group, async () => {
    const result = await runLoad(jobOf(scenario, server, options));
    await pause(SETTLE_MS);
    return result;
  });
  return figures(scenario, load, server.group.cpu() - before, peak);
}

function figures(scenario: Scenario, load: LoadResult, cpu: number, memory: number): Figures {
  const bytes = scenario.unit === "octets";
  const amount = bytes ? load.octets / 1e9 : load.sessions / 1000;
  const count = bytes ? load.octets / 1e6 : load.sessions;
  return { load, rate: count / load.seconds, cpu, cpuPerUnit: cpu / amount, memory };
}

/** Memory is compared with that of a server just started. */
async function measureIdle(
  scenario: Scenario,
  server: BenchServer,
  options: RunOptions,
): Promise<Figures> {
  await server.restart();
  const { group } = server;
  const sessions = scenario.concurrency;
  const job = jobOf(scenario, server, options, { sessions, concurrency: 20 });
  const rss = group.rss();
  const pss = group.pss();
  const start = { cpu: group.cpu(), at: performance.now() };
  let found = { rss: 0, pss: 0, peak: 0, idleCpu: 0, cpu: 0, seconds: 1 };
  const load = await holdLoad(job, async (held) => {
    const seconds = (performance.now() - start.at) / 1000;
    const cpu = group.cpu() - start.cpu;
    await pause(2000);
    const before = { cpu: group.cpu(), at: performance.now() };
    await pause(Math.max(2000, options.seconds * 1000));
    const idleCpu = (group.cpu() - before.cpu) / ((performance.now() - before.at) / 1000);
    const peak = group.rss();
    found = {
      rss: (peak - rss) / held,
      pss: (group.pss() - pss) / held,
      ...{ peak, idleCpu, cpu, seconds },
    };
  });
  return {
    load,
    rate: load.sessions / found.seconds,
    cpu: found.cpu,
    cpuPerUnit: found.cpu / (load.sessions / 1000),
    memory: found.peak,
    perSession: { rss: found.rss, pss: found.pss },
    idleCpu: found.idleCpu,
  };
}

/** The same fetching without and with a storm of logins beside it. */
async function measureStorm(
  scenario: Scenario,
  server: BenchServer,
  options: RunOptions,
): Promise<Figures> {
  const job = jobOf(scenario, server, options);
  const undisturbed = await runLoad(job);
  const { prefix, users } = GROUPS.storm;
  const logins = { ...job, mode: "login", prefix, users, concurrency: 40 } as const;
  const before = server.group.cpu();
  const { result: [load, storm], peak } = await peakMemory(
    server.group,
    () => Promise.all([runLoad(job), runLoad(logins)]),
  );
  const all = figures(scenario, load, server.group.cpu() - before, peak);
  return {
    ...all,
    load: {
      ...load,
      errors: load.errors + storm.errors,
      faults: [...load.faults, ...storm.faults],
    },
    storm: { logins: storm.sessions / storm.seconds, undisturbed },
  };
}

/** Files that were just made are not to be written out while something is measured. */
async function runSync(): Promise<void> {
  await new Deno.Command("sync").output();
}
