/**
 * The command line of the soak run.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { ATTACKS } from "./attacks/kinds.ts";

const ATTACK_NAMES: readonly string[] = ATTACKS.map(({ name }) => name);

/** What is to be done. */
export interface SoakOptions {
  /** How long clients come, in minutes. */
  readonly minutes: number;
  /** Clients at once. */
  readonly sessions: number;
  /** Threads of the server. */
  readonly workers: number;
  readonly seed: number;
  /** Where all figures go as JSON. */
  readonly json: string | undefined;
  /** Whether the latency during attacks is measured instead. */
  readonly attacks: boolean;
  /** Names of the attacks. */
  readonly only: readonly string[];
}

/** How it is used. */
export const USAGE = `deno task soak [options]

Starts the program in a throw-away folder, and lets thousands of clients at it: polite, careless and
hostile ones, while other processes deliver mail and move it. Everything that must be true of the
mail is checked, and memory and open files must not grow. Linux only. Exit status 1 says that
something was wrong.

  --minutes N   how long clients come (10)
  --sessions N  clients at once (5000)
  --workers N   threads of the server (one per core)
  --seed N      chooses what the clients do (1)
  --json FILE   writes all figures into FILE; tests/soak/plot.ts draws them
  --attacks     measures instead what a polite client notices of each of ten attacks; with
                --minutes, all of them take about that long (5)
  --only A,B    only these attacks, of ${ATTACK_NAMES.join(", ")}
`;

/**
 * Reads the command line.
 *
 * @throws {RangeError} that says what is wrong with it
 */
export function parseOptions(args: readonly string[]): SoakOptions | "help" {
  const flags = parseArgs([...args], {
    boolean: ["help", "attacks"],
    string: ["minutes", "sessions", "workers", "seed", "json", "only"],
    unknown: (arg) => {
      throw new RangeError(`Cannot use "${arg}": see --help`);
    },
  });
  if (flags.help) return "help";
  const positive = (name: "minutes" | "sessions" | "workers" | "seed", fallback: number) => {
    const text = flags[name];
    const number = text === undefined ? fallback : Number(text);
    if (number > 0) return number;
    throw new RangeError(`--${name} takes a number above 0, not "${text}"`);
  };
  return {
    minutes: positive("minutes", flags.attacks ? 5 : 10),
    sessions: Math.ceil(positive("sessions", 5000)),
    workers: Math.ceil(positive("workers", navigator.hardwareConcurrency)),
    seed: Math.ceil(positive("seed", 1)),
    json: flags.json === undefined ? undefined : String(flags.json),
    attacks: flags.attacks === true,
    only: choose(flags.only === undefined ? undefined : String(flags.only)),
  };
}

function choose(list: string | undefined): readonly string[] {
  const chosen = list?.split(",") ?? ATTACK_NAMES;
  const unknown = chosen.find((name) => !ATTACK_NAMES.includes(name));
  if (unknown === undefined) return chosen;
  throw new RangeError(`No attack is called "${unknown}": there are ${ATTACK_NAMES.join(", ")}`);
}
