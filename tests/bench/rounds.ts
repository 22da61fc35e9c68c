/**
 * Runs scenarios on all servers in turn, several rounds each.
 *
 * @module
 */
import { type Figures, jobOf, measure, type RunOptions } from "./measure.ts";
import { runLoad } from "./load_process.ts";
import type { Scenario } from "./scenarios.ts";
import { type BenchServer, pause } from "./server.ts";
import { note } from "./terminal.ts";

/** The rounds of one scenario, by the server's name. */
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly rounds: Readonly<Record<string, Figures[]>>;
}

/** Runs a scenario: a thorough run that is not counted, then the rounds, each in another order. */
export async function runScenario(
  scenario: Scenario,
  servers: readonly BenchServer[],
  options: RunOptions & { readonly rounds: number },
): Promise<ScenarioResult> {
  note(`${scenario.name}: ${scenario.text}`);
  for (const server of servers) await warmUp(scenario, server, options);
  const rounds: Record<string, Figures[]> = {};
  for (const { plan } of servers) rounds[plan.name] = [];
  for (let round = 0; round < options.rounds; round++) {
    const order = round % 2 === 0 ? servers : [...servers].reverse();
    for (const server of order) {
      const figures = await measure(scenario, server, options);
      report(server, figures);
      rounds[server.plan.name]!.push(figures);
      await pause(200);
    }
  }
  return { scenario, rounds };
}

/** Fills caches and indexes, and looks at every byte, which timed runs leave out. */
async function warmUp(
  scenario: Scenario,
  server: BenchServer,
  options: RunOptions,
): Promise<void> {
  if (scenario.kind === "first") return;
  const mode = scenario.mode === "idle" ? "login" : scenario.mode;
  const sessions = Math.max(1, scenario.concurrency);
  const concurrency = Math.min(50, sessions);
  const job = jobOf(scenario, server, options, { mode, thorough: true, sessions, concurrency });
  const { seconds: _, ...whole } = job;
  const load = await runLoad(whole);
  if (load.errors > 0) note(`  ${server.plan.name}: ${load.faults.join("; ")}`);
}

function report(server: BenchServer, { rate, cpuPerUnit, load }: Figures): void {
  const faults = load.errors > 0 ? `, ${load.errors} ERRORS: ${load.faults.join("; ")}` : "";
  note(
    `  ${server.plan.name}: ${rate.toFixed(1)}/s, ${cpuPerUnit.toFixed(3)} CPU-s per unit, ` +
      `generator ${(load.cpu / load.seconds * 100).toFixed(0)} % of a core${faults}`,
  );
}
