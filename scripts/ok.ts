/**
 * The quality gate, `deno task ok`: every step runs, whatever failed before it,
 * so that one run shows all there is to repair. The last line counts: each
 * test by itself, and each other step as one.
 *
 * @module
 */
import config from "../deno.json" with { type: "json" };

const { tasks } = config;

/** How one step, or the whole run, came out. */
interface Tally {
  passed: number;
  failed: number;
  /** The names of what could not be run here. */
  skipped: string[];
}

/** One part of the gate. */
interface Step {
  readonly title: string;
  /** Its command for the shell, run in the checkout. */
  readonly command: string;
  /** Whether it is a run of tests, each of which counts. */
  readonly tests?: true;
  /** After so long it is ended and has failed. */
  readonly minutes: number;
}

const root = new URL("../", import.meta.url).pathname;
const deno = "sh scripts/deno.sh";

function steps(sources: string[]): Step[] {
  const program = sources.filter((path) => path === "main.ts" || path.startsWith("lib/"));
  // The types are checked once, not by each run of tests again.
  const quietly = "--quiet --no-check";
  return [
    { title: "Format", command: `${deno} fmt --check`, minutes: 2 },
    { title: "Lint", command: `${deno} lint --quiet`, minutes: 2 },
    { title: "Types", command: `${deno} check --quiet ${sources.join(" ")}`, minutes: 3 },
    {
      title: "Documentation of what is exported",
      command: `${deno} doc --lint --quiet ${program.join(" ")}`,
      minutes: 2,
    },
    {
      title: "Tests of the parts",
      command: `${tasks.test.command} ${quietly}`,
      tests: true,
      minutes: 6,
    },
    {
      title: "Tests of the running program, with real mail clients and servers",
      command: `${tasks["test:interop"].command} ${quietly}`,
      tests: true,
      minutes: 8,
    },
    {
      title: "Build as one file, here and for what can be emulated here",
      command: `${tasks.compile.command} --runnable`,
      minutes: 6,
    },
  ];
}

/** All TypeScript sources, relative to the checkout. */
function findSources(): string[] {
  const found = ["main.ts"];
  const folders = ["lib", "scripts", "tests"];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of Deno.readDirSync(root + folder)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) folders.push(path);
      else if (entry.isFile && entry.name.endsWith(".ts")) found.push(path);
    }
  }
  return found.sort();
}

function print(text: string): void {
  const bytes = new TextEncoder().encode(text + "\n");
  let written = 0;
  while (written < bytes.length) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/** Runs a command with its output on the screen; false if it failed or took too long. */
async function run(command: string, minutes: number): Promise<boolean> {
  // Without "exec" the shell would be what is ended, and its command would go on.
  const child = new Deno.Command("sh", {
    args: ["-c", `set -f; exec ${command}`],
    cwd: root,
    stdin: "null",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, minutes * 60_000);
  const { success } = await child.status;
  clearTimeout(timer);
  if (late) print(`Ended, since it took more than ${minutes} minutes`);
  return success;
}

/** Counts the test cases of a JUnit report, of steps inside tests too. */
function countTests(report: string): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: [] };
  for (const [, head = "", body = ""] of report.matchAll(/<testcase([^>]*)>(.*?)<\/testcase>/gs)) {
    if (body.includes("<failure")) tally.failed++;
    else if (body.includes("<skipped")) tally.skipped.push(nameOf(head));
    else tally.passed++;
  }
  return tally;
}

function nameOf(attributes: string): string {
  const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return (/ name="([^"]*)"/.exec(attributes)?.[1] ?? "?")
    .replace(/&(\w+);/g, (whole, name: string) => entities[name] ?? whole);
}

async function runTests(step: Step, reports: string): Promise<Tally> {
  const report = `${reports}/report.xml`;
  const success = await run(`${step.command} --junit-path=${report}`, step.minutes);
  const tally = countTests(await Deno.readTextFile(report).catch(() => ""));
  await Deno.remove(report).catch(() => {});
  // A file that does not load, or a runner that dies, is in no report; nor are no tests at all a success.
  if (tally.failed === 0 && (!success || tally.passed === 0)) tally.failed = 1;
  return tally;
}

async function runStep(step: Step, reports: string): Promise<Tally> {
  print(`\n── ${step.title}`);
  const start = performance.now();
  let tally: Tally;
  if (step.tests) {
    tally = await runTests(step, reports);
  } else {
    const success = await run(step.command, step.minutes);
    tally = { passed: Number(success), failed: Number(!success), skipped: [] };
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const count = step.tests ? ` (${summary(tally)})` : "";
  print(`── ${step.title}: ${tally.failed === 0 ? "passed" : "FAILED"}${count} in ${seconds} s`);
  return tally;
}

function summary(tally: Tally): string {
  const skipped = tally.skipped.length > 0 ? `, ${tally.skipped.length} skipped` : "";
  return `${tally.passed} passed, ${tally.failed} failed${skipped}`;
}

async function main(): Promise<number> {
  const total: Tally = { passed: 0, failed: 0, skipped: [] };
  const broken: string[] = [];
  const reports = await Deno.makeTempDir({ prefix: "mailismus-ok-" });
  try {
    for (const step of steps(findSources())) {
      const tally = await runStep(step, reports);
      total.passed += tally.passed;
      total.failed += tally.failed;
      total.skipped.push(...tally.skipped);
      if (tally.failed > 0) broken.push(step.title);
    }
  } finally {
    await Deno.remove(reports, { recursive: true });
  }
  print("");
  for (const name of total.skipped) print(`Skipped: ${name}`);
  for (const title of broken) print(`Failed: ${title}`);
  print(summary(total));
  return total.failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
