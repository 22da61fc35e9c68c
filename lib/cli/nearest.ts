/**
 * "Did you mean …": the known word nearest to a mistyped one.
 *
 * @module
 */

/** How many letters must be inserted, removed or replaced to make `a` into `b`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The known word nearest to `word`, or undefined if none is near enough to be meant. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  // Two letters swapped count as two; more than a third of a long word is another word.
  let bound = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const far = word.length >= 3 && candidate.startsWith(word)
      ? 0
      : distance(word.slice(0, 64), candidate);
    if (far < bound) {
      bound = far;
      best = candidate;
    }
  }
  return best;
}

/** `; did you mean "…"?`, or nothing if no known word is near. */
export function suggestion(word: string, known: Iterable<string>, prefix = ""): string {
  const found = nearest(word, known);
  return found === undefined ? "" : `; did you mean "${prefix}${found}"?`;
}
