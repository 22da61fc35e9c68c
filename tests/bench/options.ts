/**
 * The benchmark's command line.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { RETRIEVER_SCENARIOS } from "./retriever.ts";
import { SCENARIOS } from "./scenarios.ts";

/** What is to be done. */
export interface BenchOptions {
  /** Names of scenarios. */
  readonly scenarios: readonly string[];
  readonly rounds: number;
  /** How long a run lasts. */
  readonly seconds: number;
  readonly workers: number;
  /** Where all figures go as JSON. */
  readonly json: string | undefined;
}

/** Names of all scenarios, in their order. */
export const ALL_NAMES: readonly string[] = [
  ...SCENARIOS.map(({ name }) => name),
  ...RETRIEVER_SCENARIOS.map(({ name }) => name),
];

/** How the benchmark is used. */
export const USAGE = `deno task bench [options]

Compares this program with Dovecot (its processes tuned to live on, and a process for each session)
and with mpop and fetchmail, on this machine, over the loopback. Needs root, and Debian's
dovecot-pop3d, mpop, fetchmail and openssl. Takes about half an hour.

  --scenarios A,B  only these; a name that ends in * stands for all that begin so
  --rounds N       rounds of each scenario (5); the figures are medians
  --seconds S      how long one run lasts (3)
  --workers N      threads of this program, and processes of the tuned Dovecot (one per core)
  --quick          2 rounds of 1 second: to see that all works, not to compare
  --json FILE      writes the figures of every round into FILE

Scenarios: ${ALL_NAMES.join(" ")}
`;

/**
 * Reads the command line.
 *
 * @throws {RangeError} that says what is wrong with it
 */
export function parseOptions(args: readonly string[]): BenchOptions | "help" {
  const flags = parseArgs([...args], {
    boolean: ["quick", "help"],
    string: ["scenarios", "rounds", "seconds", "workers", "json"],
    unknown: (arg) => {
      throw new RangeError(`Cannot use "${arg}": see --help`);
    },
  });
  if (flags.help) return "help";
  const text = (name: string): string | undefined => {
    const value: unknown = flags[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    scenarios: choose(text("scenarios")),
    rounds: positive("rounds", text("rounds"), flags.quick ? 2 : 5),
    seconds: positive("seconds", text("seconds"), flags.quick ? 1 : 3),
    workers: positive("workers", text("workers"), navigator.hardwareConcurrency),
    json: text("json"),
  };
}

function choose(list: string | undefined): string[] {
  if (list === undefined) return [...ALL_NAMES];
  const chosen = list.split(",").flatMap((name) => {
    const some = name.endsWith("*")
      ? ALL_NAMES.filter((known) => known.startsWith(name.slice(0, -1)))
      : ALL_NAMES.filter((known) => known === name);
    if (some.length > 0) return some;
    throw new RangeError(`No scenario is called "${name}": there are ${ALL_NAMES.join(" ")}`);
  });
  return ALL_NAMES.filter((name) => chosen.includes(name));
}

function positive(name: string, value: string | undefined, fallback: number): number {
  const number = value === undefined ? fallback : Number(value);
  if (number > 0) return number;
  throw new RangeError(`--${name} takes a number above 0, not "${value}"`);
}
