/**
 * Properties that random input must not break. Each is a test of a few hundred runs, with a fresh
 * seed every time, and can be explored for as long as one likes by `deno task fuzz`; a failure
 * prints the smallest input that was found, and the command that repeats it.
 *
 * @module
 */
import fc from "fast-check";
import { type PeerName, peerTest } from "../support/peers.ts";

/** No run takes nearly as long as this many milliseconds: one that does hangs. */
const HANGS_AFTER = 60_000;
/** All runs of a test, and making a failure smaller, take no longer than this, in milliseconds. */
const SEARCH_LIMIT = 120_000;

/** Something that holds for every input. */
export interface Property<Input, World> {
  /** A sentence. */
  readonly name: string;
  /** How many inputs the gate tries. */
  readonly runs: number;
  /** All inputs there can be. */
  readonly input: fc.Arbitrary<Input>;
  /** Programs without which it cannot be tried. */
  readonly peers?: readonly PeerName[];
  /** What all runs share, such as a running server; it is disposed of behind the last one. */
  readonly setup?: () => Promise<World & AsyncDisposable>;
  /** Throws if the property does not hold for this input. */
  readonly run: (input: Input, world: World) => void | Promise<void>;
}

/** Where the search for a counterexample begins and how far it goes. */
export interface Search {
  /** So many inputs, or fewer. */
  readonly runs: number;
  /** For so many milliseconds, or less. */
  readonly time?: number;
  /** The seed of the random numbers; a fresh one by default. */
  readonly seed?: number;
  /** The way from the seed to one input, as a failure prints it. */
  readonly path?: string;
  /** Called behind each run. */
  readonly onRun?: () => void;
}

/** How a search ended. */
export interface Finding {
  /** How many inputs were tried. */
  readonly runs: number;
  /** The longest that one of them took, in milliseconds. */
  readonly slowest: number;
  /** The smallest input that breaks the property and how, for people; undefined if none was found. */
  readonly failure?: string;
}

/** A property that is ready to be tried. */
export interface Explorable {
  /** Its sentence. */
  readonly name: string;
  /** Its programs. */
  readonly peers: readonly PeerName[];
  /** Looks for an input that breaks it. */
  readonly explore: (search: Search) => Promise<Finding>;
}

/** All properties of the files that were imported, for `deno task fuzz`. */
export const properties: Explorable[] = [];

/** Makes a property a test of the gate, and known to `deno task fuzz`. */
export function holds<Input, World = undefined>(property: Property<Input, World>): void {
  const { name, peers = [], runs } = property;
  const explore = (search: Search) => exploreProperty(property, search);
  properties.push({ name, peers, explore });
  peerTest(peers, name, async () => {
    const { failure } = await explore({ runs });
    if (failure !== undefined) throw new Error(failure);
  });
}

async function exploreProperty<Input, World>(
  property: Property<Input, World>,
  search: Search,
): Promise<Finding> {
  const world = await property.setup?.();
  try {
    return await searchFor(property, world as World, search);
  } finally {
    await world?.[Symbol.asyncDispose]();
  }
}

async function searchFor<Input, World>(
  { name, input, run }: Property<Input, World>,
  world: World,
  { runs, time, seed, path, onRun }: Search,
): Promise<Finding> {
  let slowest = 0;
  let last: Promise<void> = Promise.resolve();
  const timed = async (value: Input): Promise<void> => {
    const start = performance.now();
    try {
      await run(value, world);
    } finally {
      slowest = Math.max(slowest, performance.now() - start);
      onRun?.();
    }
  };
  const property = fc.asyncProperty(input, (value) => last = timed(value));
  const details = await fc.check(property, {
    numRuns: runs,
    timeout: HANGS_AFTER,
    interruptAfterTimeLimit: time ?? SEARCH_LIMIT,
    ...(seed === undefined ? {} : { seed }),
    ...(path === undefined ? {} : { path }),
  });
  const found = { runs: details.numRuns, slowest };
  if (details.failed) return { ...found, failure: report(name, details) };
  // When the time is over one run, not counted, still goes on in a world that is about to go.
  await last.catch(() => {});
  if (time !== undefined || details.numRuns >= runs) return found;
  // Time is for people to judge, but what was not tried has not been found to hold.
  const slow = `${Math.round(slowest)} ms for one of them`;
  return { ...found, failure: `"${name}": only ${details.numRuns} inputs were tried, ${slow}` };
}

function report<Input>(name: string, details: fc.RunDetails<[Input]>): string {
  const { seed, counterexamplePath, counterexample, errorInstance } = details;
  const fault = errorInstance instanceof Error
    ? errorInstance.stack ?? errorInstance.message
    : String(errorInstance ?? "no run was possible within the time");
  return `"${name}" does not hold.\n` +
    `  Input: ${fc.stringify(counterexample?.[0])}\n` +
    `  Repeat it: ${replayCommand(name, seed, counterexamplePath)}\n` +
    `  ${fault.replaceAll("\n", "\n  ")}`;
}

/** The command line that tries one input again. */
export function replayCommand(name: string, seed: number, path: string | null): string {
  const quoted = name.replaceAll("'", `'\\''`);
  return `sh scripts/deno.sh task fuzz --only '${quoted}' --seed ${seed}` +
    (path === null ? "" : ` --path '${path}'`);
}
