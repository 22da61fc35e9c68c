/**
 * Random octets and texts, cut at random and mutated.
 *
 * @module
 */
import fc from "fast-check";

/** Pieces that framing depends on; any other octet is as good as another. */
const FRAMING = ["\n", "\n", "\r\n", "\r\n", "\r", ".", ".", "..", "\r\n.\r\n", "\n.\n", "\r\r\n"];
const TEXT = ["a", "text ", "\0", "\xff", "x".repeat(5), "y".repeat(37), "z".repeat(700)];

/** Octets, a character each: mostly line ends and dots, at times anything. */
export const octets: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.array(fc.constantFrom(...FRAMING, ...FRAMING, ...TEXT), { maxLength: 30 })
      .map((pieces) => pieces.join("")),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 80 }).map((it) => String.fromCharCode(...it)),
  },
);

/** Lengths of pieces into which something is cut, again and again. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.constantFrom([1], [2], [3], [100_000]),
  fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 900 })), {
    minLength: 1,
    maxLength: 6,
  }),
);

/** Cuts octets into pieces of these lengths, from the first again when they are used up. */
export function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = lengths[pieces.length % lengths.length]!;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/** One change of a text. */
interface Change {
  readonly kind: "drop" | "double" | "replace" | "insert" | "swap" | "cut off";
  /** Where, as a part of the length. */
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

/** Changes to a text, of whatever length it is, with these pieces put in at times. */
export function changes(pieces: readonly string[]): fc.Arbitrary<Change[]> {
  const change = fc.record({
    kind: fc.constantFrom("drop", "double", "replace", "insert", "insert", "swap", "cut off"),
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    length: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 200 })),
    text: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...pieces) },
      { weight: 1, arbitrary: fc.nat(255).map((code) => String.fromCharCode(code)) },
    ),
  });
  return fc.array(change, { maxLength: 5 }) as fc.Arbitrary<Change[]>;
}

/** The text with these changes, one after the other. */
export function changed(text: string, list: readonly Change[]): string {
  return list.reduce((now, { kind, at, length, text: piece }) => {
    const from = Math.floor(at * now.length);
    const [head, part, tail] = [
      now.slice(0, from),
      now.slice(from, from + length),
      now.slice(from + length),
    ];
    if (kind === "drop") return head + tail;
    if (kind === "double") return head + part + part + tail;
    if (kind === "replace") return head + piece + tail;
    if (kind === "insert") return head + piece + part + tail;
    if (kind === "swap") return tail + part + head;
    return head;
  }, text);
}
