/**
 * Whether a run shows growth.
 *
 * @module
 */
import { median } from "../bench/statistics.ts";
import type { ProcessFigures } from "./process_figures.ts";

/** Figures of one second. */
export interface Sample extends ProcessFigures {
  /** Seconds since the first client. */
  readonly time: number;
  /** Connections that are open, as the clients count them. */
  readonly open: number;
  /** Of these, logged in. */
  readonly loggedIn: number;
  /** The longest time from a command to its answer in the last second, in milliseconds. */
  readonly slowest: number;
  /** How late the clients themselves were. */
  readonly lag: number;
  /** Sessions that ended so far. */
  readonly sessions: number;
}

/** Growth over the second half may be this part of the median, or this many. */
const BOUNDS = {
  pss: { part: 0.1, least: 8 * 2 ** 20 },
  files: { part: 0.02, least: 20 },
  threads: { part: 0, least: 0.5 },
} as const;

/** After the last client, memory may be above what it was after warm-up by this part. */
const MEMORY_LEFT = 0.1;

/** Sessions of each client by which all caches are filled: each worker has seen each mailbox. */
const WARM_UP_SESSIONS = 10;

/** How one figure went. */
export interface Trend {
  readonly figure: keyof typeof BOUNDS;
  readonly median: number;
  /** By how much it grew over the second half, by its slope. */
  readonly growth: number;
  /** By how much it may have. */
  readonly bound: number;
}

/** The second half of a run: all caches are filled by then, and V8 has found its heap's size. */
export function afterWarmUp(samples: readonly Sample[]): Sample[] {
  const end = samples.at(-1)?.time ?? 0;
  return samples.filter(({ time }) => time >= end / 2);
}

/**
 * How memory, open files and threads went after the warm-up. The slope is Theil's and Sen's, the
 * median of the slopes between all pairs: neither the saw-tooth of a garbage collector nor a few
 * odd seconds bend it.
 */
export function trends(samples: readonly Sample[]): Trend[] {
  const settled = afterWarmUp(samples);
  const length = settled.at(-1)!.time - settled[0]!.time;
  return (["pss", "files", "threads"] as const).map((figure) => {
    const middle = median(settled.map((sample) => sample[figure]));
    const { part, least } = BOUNDS[figure];
    return {
      figure,
      median: middle,
      growth: slope(settled.map((sample) => [sample.time, sample[figure]])) * length,
      bound: Math.max(part * middle, least),
    };
  });
}

/** Theil's and Sen's slope of points with ascending abscissae; 0 of less than two. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const slopes = points.flatMap(([x, y], at) =>
    points.slice(at + 1).map(([x2, y2]) => (y2 - y) / (x2 - x))
  );
  return slopes.length === 0 ? 0 : median(slopes);
}

/** Whether the run was warm by the beginning of its second half, so that growth means something. */
export function isJudgeable(samples: readonly Sample[], clients: number): boolean {
  return (afterWarmUp(samples)[0]?.sessions ?? 0) >= WARM_UP_SESSIONS * clients;
}

/** What is wrong with trends, in words. */
export function growthFaults(all: readonly Trend[]): string[] {
  return all.filter(({ growth, bound }) => growth > bound).map(({ figure, growth, bound }) =>
    `${figure} grew by ${growth.toFixed(0)} in the second half, more than ${bound.toFixed(0)}`
  );
}

/** Whether files stay open after the last client, in words. */
export function leftoverFaults(before: ProcessFigures, after: ProcessFigures): string[] {
  if (after.files <= before.files) return [];
  return [`${after.files} files are open after the last client, ${before.files} before`];
}

/** Whether memory stays up after the last client, in words. */
export function memoryFaults(samples: readonly Sample[], after: ProcessFigures): string[] {
  const usual = median(afterWarmUp(samples).map(({ pss }) => pss));
  if (after.pss <= usual * (1 + MEMORY_LEFT)) return [];
  return [`${after.pss} bytes are held after the last client, ${usual} after warm-up`];
}
