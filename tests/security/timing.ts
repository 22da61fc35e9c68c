/**
 * Measures whether the time of a failed login tells a user from a stranger:
 * thousands of attempts of each kind in random order, compared by a permutation
 * test. Not part of the gate: a measurement is never certain. Prints a table for
 * docs/security.md.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { createLocalHashPool } from "../../lib/auth/local_hashes.ts";
import {
  type Kind,
  kindsFor,
  type Method,
  METHODS,
  type Name,
  NAMES,
  startFor,
} from "./failed_logins.ts";

const HELP = `Usage: deno task timing [--tries N]

Makes N failed logins (3000 by default; a tenth for hashes that are dear to check) of each method,
kind of stored password and kind of user, and prints how far their times are apart.
`;
/** So many show that there is nothing; where there may be something, more are made. */
const FIRST_PERMUTATIONS = 300;
const PERMUTATIONS = 10_000;
const PAIRS: [Name, Name][] = [["withpass", "stranger"], ["withpass", "nopass00"]];
/** All comparisons together may cry wolf once in a hundred runs. */
const ALARM = 0.01;

/** Chooses uniformly below `bound`. */
const below = (bound: number) => Math.floor(Math.random() * bound);

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  return sorted[sorted.length >> 1]!;
}

/** How far the medians of two samples are apart. */
function distance(one: Float64Array, other: Float64Array): number {
  return median(one) - median(other);
}

/** How often a division by lot makes the samples as far apart as they are. */
function permutationTest(
  one: Float64Array,
  other: Float64Array,
  permutations = FIRST_PERMUTATIONS,
): number {
  const found = Math.abs(distance(one, other));
  const all = new Float64Array([...one, ...other]);
  let further = 1;
  for (let i = 0; i < permutations; i++) {
    for (let at = all.length - 1; at > 0; at--) {
      const with_ = below(at + 1);
      [all[at], all[with_]] = [all[with_]!, all[at]!];
    }
    if (Math.abs(distance(all.subarray(0, one.length), all.subarray(one.length))) >= found) {
      further++;
    }
  }
  const p = further / (permutations + 1);
  return p < 0.03 && permutations < PERMUTATIONS ? permutationTest(one, other, PERMUTATIONS) : p;
}

/** The times of failed logins in microseconds, by name; the names come in random order. */
async function measure(
  method: Method,
  kind: Kind,
  tries: number,
): Promise<Record<Name, Float64Array>> {
  const pool = createLocalHashPool();
  const times = Object.fromEntries(NAMES.map((name) => [name, new Float64Array(tries)])) as Record<
    Name,
    Float64Array
  >;
  const warmUp = Math.ceil(tries / 10);
  for (let i = -warmUp; i < tries; i++) {
    for (const name of NAMES.toSorted(() => Math.random() - 0.5)) {
      const { client, greeting } = await startFor(kind, pool);
      const { time } = await method.attempt(client, greeting, name);
      await client.hangUp();
      if (i >= 0) times[name][i] = time * 1000;
    }
  }
  return times;
}

function row(method: Method, kind: Kind, times: Record<Name, Float64Array>): [string, number] {
  const cells = [method.name, kind.name, String(times.withpass.length)];
  cells.push(median(times.withpass).toFixed(1));
  let least = 1;
  for (const [one, other] of PAIRS) {
    const p = permutationTest(times[one], times[other]);
    least = Math.min(least, p);
    cells.push(
      `${distance(times[one], times[other]).toFixed(2)} (p = ${p.toFixed(p < 0.01 ? 4 : 2)})`,
    );
  }
  return [`| ${cells.join(" | ")} |`, least];
}

async function main(): Promise<number> {
  const { tries, help } = parseArgs(Deno.args, { string: ["tries"], boolean: ["help"] });
  const print = (text: string) => Deno.stdout.write(new TextEncoder().encode(text + "\n"));
  if (help) {
    await print(HELP);
    return 0;
  }
  const most = Number(tries ?? 3000);
  await print(
    "| Login | Stored as | Tries each | Median, µs | to a stranger, µs | to a user without password, µs |",
  );
  await print("| --- | --- | --- | --- | --- | --- |");
  const probabilities: number[] = [];
  for (const method of METHODS) {
    for (const kind of kindsFor(method)) {
      const times = await measure(method, kind, kind.dear ? Math.ceil(most / 10) : most);
      const [line, p] = row(method, kind, times);
      probabilities.push(p);
      await print(line);
    }
  }
  const limit = ALARM / (probabilities.length * PAIRS.length);
  const told = probabilities.filter((p) => p <= limit);
  await print(
    `\n${
      probabilities.length * PAIRS.length
    } comparisons, ${told.length} with a difference that chance hardly makes.`,
  );
  return told.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
