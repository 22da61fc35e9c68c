/**
 * What is wrong with a config, for the person who wrote it.
 *
 * @module
 */
import type { Field, Fields } from "./schema_kit.ts";
import { schema } from "./schema.ts";

/** One thing that is wrong, or in a warning: that may not be what was meant. */
export interface ConfigProblem {
  /** The key's full path, such as `pop3server.listeners[0].port`; empty for the file as a whole. */
  readonly path: string;
  /** The item that the path leads through, such as `listener "POP3"`. */
  readonly item?: string;
  /** The offending value and what is allowed. */
  readonly message: string;
}

/**
 * The problems as they are printed: a heading and a line for each, in the
 * order of the schema.
 *
 * @param file the config file's path
 */
export function formatProblems(file: string, problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return `Cannot use the config ${file}: ${count}\n` +
    inOrder(problems).map((problem) => `  ${formatProblem(problem)}\n`).join("");
}

/** A path that is longer has an unknown key in it, of which the beginning will do. */
const PATH_SHOWN = 300;

/** One problem as a line, without its end. */
export function formatProblem({ path, item, message }: ConfigProblem): string {
  if (path === "") return message;
  const place = path.length > PATH_SHOWN ? `${path.slice(0, PATH_SHOWN)}…` : path;
  return `${place}${item === undefined ? "" : ` (${item})`}: ${message}`;
}

/** The problems in the order of the schema; those of one key stay as they came. */
export function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const placed = problems.map((problem) => ({ problem, place: placeOf(problem.path) }));
  placed.sort((a, b) => compare(a.place, b.place));
  return placed.map(({ problem }) => problem);
}

/** Where a path stands in the schema, level by level; unknown keys come last. */
function placeOf(path: string): number[] {
  const place: number[] = [];
  let fields: Fields | undefined = schema;
  for (const [, key, index] of path.matchAll(/("(?:[^"\\]|\\.)*"|[^.[\]]+)|\[(\d+)\]/g)) {
    if (index !== undefined) place.push(Number(index));
    else {
      const keys: string[] = Object.keys(fields ?? {});
      const found = keys.indexOf(key!);
      place.push(found < 0 ? keys.length : found);
      const field: Field | undefined = fields?.[key!];
      fields = field === undefined || field.kind === "setting" ? undefined : field.fields;
    }
  }
  return place;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/**
 * The known word nearest to one that is not known, if it is near enough to be
 * a slip of the hand.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase().replaceAll("-", "_"), candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** How many letters to change, add, drop or swap with their neighbour to get from one to the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, before[j - 2]! + 1);
      }
      row.push(cost);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}

/** A value of the file for a message: quoted, and cut if long. */
export function showValue(raw: unknown): string {
  if (raw instanceof Date) return "a date";
  if (Array.isArray(raw)) {
    return raw.some((item) => typeof item === "object") ? "an array of tables" : cut(raw);
  }
  if (typeof raw === "object" && raw !== null) return "a table";
  return typeof raw === "number" ? String(raw) : cut(raw);
}

function cut(raw: unknown): string {
  const shown = JSON.stringify(raw) ?? String(raw);
  return shown.length > 80 ? `${shown.slice(0, 77)}…` : shown;
}
