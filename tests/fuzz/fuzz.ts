/**
 * The long form of the properties, `deno task fuzz`: each is tried in turn for its share of the
 * time, far more often than in the gate.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { findPeer } from "../support/peers.ts";
import { type Explorable, type Finding, properties, type Search } from "./property.ts";

const USAGE = `Looks for input that breaks the program.

  --minutes N    for how long, all properties together; 10 by default
  --only TEXT    only properties whose names hold this text
  --seed N       repeats a search; a failure prints the seed
  --path PATH    with --seed: repeats one input; a failure prints the path
  --list         names the properties and ends
`;

const ROOT = new URL("../", import.meta.url);
/** Where properties are: in all tests of the first folder, in the others in files that say so. */
const FOLDERS = ["fuzz", "interop", "retriever"];
const NAMED = /_fuzz_test\.ts$/;
const PROGRESS_EVERY = 10_000;

interface Options extends Partial<Pick<Search, "seed" | "path">> {
  readonly minutes: number;
  readonly only: string;
  readonly list: boolean;
}

function print(text: string): void {
  const bytes = new TextEncoder().encode(text);
  let written = 0;
  while (written < bytes.length) written += Deno.stdout.writeSync(bytes.subarray(written));
}

function readOptions(args: readonly string[]): Options | undefined {
  let unknown = false;
  const flags = parseArgs([...args], {
    string: ["minutes", "only", "seed", "path"],
    boolean: ["list", "help"],
    unknown: () => !(unknown = true),
  });
  const minutes = Number(flags.minutes ?? 10);
  const seed = flags.seed === undefined ? undefined : Number(flags.seed);
  const sound = !unknown && !flags.help && minutes > 0 &&
    (seed === undefined || Number.isInteger(seed)) &&
    (flags.path === undefined || seed !== undefined);
  if (!sound) return undefined;
  return {
    minutes,
    only: String(flags.only ?? ""),
    list: flags.list === true,
    ...(seed === undefined ? {} : { seed }),
    ...(flags.path === undefined ? {} : { path: String(flags.path) }),
  };
}

/** Imports all files that hold properties; each makes its own known. */
async function importAll(): Promise<void> {
  for (const folder of FOLDERS) {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(new URL(folder, ROOT))) names.push(name);
    for (const name of names.sort()) {
      const wanted = folder === "fuzz" ? name.endsWith("_test.ts") : NAMED.test(name);
      if (wanted) await import(new URL(`${folder}/${name}`, ROOT).href);
    }
  }
}

async function explore(property: Explorable, options: Options, time: number): Promise<Finding> {
  print(`${property.name}\n`);
  const start = performance.now();
  let runs = 0;
  let next = start + PROGRESS_EVERY;
  const seconds = () => `${Math.round((performance.now() - start) / 1000)} s`;
  const finding = await property.explore({
    runs: options.path === undefined ? 1_000_000_000 : 1,
    time,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.path === undefined ? {} : { path: options.path }),
    onRun: () => {
      runs++;
      if (performance.now() < next) return;
      next += PROGRESS_EVERY;
      print(`  ${runs} inputs in ${seconds()}\n`);
    },
  });
  const verdict = finding.failure === undefined ? "held" : "FAILED";
  print(
    `  ${verdict}: ${runs} inputs in ${seconds()}, the slowest ${Math.round(finding.slowest)} ms\n`,
  );
  if (finding.failure !== undefined) print(`\n${finding.failure}\n\n`);
  return finding;
}

/** Why a property cannot be tried here. */
function lackOf({ peers }: Explorable): string | undefined {
  const missing = peers.filter((peer) => findPeer(peer) === undefined);
  return missing.length === 0 ? undefined : `${missing.join(" and ")} not installed`;
}

async function main(): Promise<number> {
  const options = readOptions(Deno.args);
  if (options === undefined) {
    print(USAGE);
    return 2;
  }
  await importAll();
  const chosen = properties.filter(({ name }) => name.includes(options.only));
  if (options.list) {
    for (const { name } of chosen) print(`${name}\n`);
    return 0;
  }
  let [total, failed] = [0, 0];
  for (const property of chosen) {
    const lack = lackOf(property);
    if (lack !== undefined) {
      print(`${property.name}\n  SKIPPED: ${lack}\n`);
      continue;
    }
    const finding = await explore(property, options, options.minutes * 60_000 / chosen.length);
    total += finding.runs;
    if (finding.failure !== undefined) failed++;
  }
  print(`${chosen.length} properties, ${total} inputs, ${failed} failed\n`);
  return failed === 0 && total > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
