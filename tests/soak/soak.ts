/**
 * The soak run: `deno task soak`. See docs/reliability.md for its results.
 *
 * @module
 */
import { watchForInterrupts } from "../bench/cleanup.ts";
import { ATTACKS } from "./attacks/kinds.ts";
import type { Latency } from "./attacks/polite_client.ts";
import { type AttackResult, runAttacks } from "./attacks/run_attacks.ts";
import { note, say } from "../bench/terminal.ts";
import type { Progress } from "./clients/job.ts";
import { parseOptions, type SoakOptions, USAGE } from "./options.ts";
import { hasFigures } from "./process_figures.ts";
import { runSoak, type SoakPlan, type SoakResult } from "./run_soak.ts";
import { growthFaults, isJudgeable, memoryFaults, type Sample, trends } from "./verdict.ts";

/** Sessions that begin in a second: less than half of what one core can do, with TLS. */
const RATE = 200;
/** Files that the server needs beside a connection for each of twice as many clients. */
const OTHER_FILES = 400;
const EVERY = 5;

async function main(): Promise<number> {
  const options = parseOptions(Deno.args);
  if (options === "help") {
    say(USAGE);
    return 0;
  }
  if (!await hasFigures()) {
    note("Cannot run: memory and open files are read from Linux' /proc");
    return 2;
  }
  watchForInterrupts();
  return options.attacks ? await attacks(options) : await soak(options);
}

async function soak(options: SoakOptions): Promise<number> {
  const { minutes, workers, seed, json } = options;
  const sessions = await possibleSessions(options.sessions);
  const plan: SoakPlan = {
    seconds: Math.ceil(minutes * 60),
    ...{ sessions, workers, seed },
    processes: 2,
    rate: RATE,
    patience: `${Math.max(10, Math.ceil(4 * sessions / RATE))}s`,
    onSample: printed,
  };
  say(`${sessions} clients for ${plan.seconds} s, ${workers} workers, seed ${seed}`);
  const start = Date.now();
  const result = await runSoak(plan);
  const judgeable = isJudgeable(result.samples, sessions);
  const faults = [...result.faults, ...(judgeable ? growth(result) : [])];
  print(result, faults);
  if (!judgeable) say("Growth was not judged: with so many clients this was all warm-up");
  if (json !== undefined) {
    const { onSample: _, ...settings } = plan;
    const text = JSON.stringify({ start, plan: settings, ...result, faults });
    await Deno.writeTextFile(json, `${text}\n`);
  }
  return faults.length === 0 ? 0 : 1;
}

/** Latency is measured and not judged: the machine, which the attackers share, decides too much. */
async function attacks({ minutes, workers, json, only }: SoakOptions): Promise<number> {
  // Once with the attack, once without.
  const seconds = Math.ceil(minutes * 60 / ATTACKS.length / 2);
  say("| attack | p50 | p99 | max | without: p50 | p99 | max | sessions | failed |");
  say("| --- | --: | --: | --: | --: | --: | --: | --: | --: |");
  const results = await runAttacks({ only, workers, seconds, onResult: printAttack });
  if (json !== undefined) await Deno.writeTextFile(json, `${JSON.stringify(results)}\n`);
  const idle = results.filter(({ counts }) => Object.keys(counts).length === 0);
  for (const { title } of idle) say(`FAULT: nothing happened: ${title}`);
  return idle.length === 0 ? 0 : 1;
}

function printAttack({ title, before, during, counts }: AttackResult): void {
  const times = ({ p50, p99, max }: Latency) =>
    [p50, p99, max].map((time) => time.toFixed(1)).join(" | ");
  say(
    `| ${title} | ${times(during)} | ${times(before)} | ${during.sessions} | ${during.failed} |`,
  );
  note(`  ${JSON.stringify(counts)}${during.reason === undefined ? "" : `; ${during.reason}`}`);
}

/** A server has two connections for each client at worst, and files beside them. */
async function possibleSessions(wanted: number): Promise<number> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", "ulimit -Hn"] }).output();
  const limit = Number(new TextDecoder().decode(stdout));
  const possible = Number.isNaN(limit) ? wanted : Math.floor((limit - OTHER_FILES) / 2);
  if (possible < wanted) note(`Only ${possible} clients: at most ${limit} files may be open`);
  return Math.min(wanted, possible);
}

function growth({ samples, after }: SoakResult): string[] {
  return [...growthFaults(trends(samples)), ...memoryFaults(samples, after)];
}

function printed(sample: Sample, { messages, faultCount, faults, inUse }: Progress): void {
  if (Math.round(sample.time) % EVERY !== 0) return;
  const { time, open, loggedIn, sessions, pss, files, threads, slowest, lag } = sample;
  say(
    `${
      time.toFixed(0).padStart(4)
    } s  ${open} open, ${loggedIn} logged in, ${sessions} sessions, ` +
      `${messages} messages, ${inUse} in use, ${slowest} ms (${lag}), ${
        megabytes(pss)
      } MB, ${files} files, ` +
      `${threads} threads, ${faultCount} faults${faults.length > 0 ? `, first ${faults[0]}` : ""}`,
  );
}

function print(result: SoakResult, faults: readonly string[]): void {
  const { samples, progress, before, after, delivered, moved, removed } = result;
  say("");
  for (const [kind, count] of Object.entries(progress.sessions)) say(`${count} × ${kind}`);
  say(
    `${progress.messages} messages (${megabytes(progress.octets)} MB) read and intact; ` +
      `${delivered} delivered, ${moved} moved, ${removed} removed meanwhile`,
  );
  say(
    `Before the clients: ${megabytes(before.pss)} MB, ${before.files} files, ${before.threads} ` +
      `threads; after: ${megabytes(after.pss)} MB, ${after.files} files, ${after.threads} threads`,
  );
  for (const { figure, median, growth, bound } of trends(samples)) {
    say(
      `${figure} in the second half: median ${median.toFixed(0)}, grew by ${growth.toFixed(0)} ` +
        `(at most ${bound.toFixed(0)})`,
    );
  }
  for (const fault of faults) say(`FAULT: ${fault}`);
  say(faults.length === 0 ? "All is well" : `${faults.length} faults`);
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

try {
  Deno.exit(await main());
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  note(error.message);
  Deno.exit(2);
}
