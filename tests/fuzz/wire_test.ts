/** The wire layer: wherever input is cut, what comes out is the same, and what was announced. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type DecodedForm, DotDecoder } from "../../lib/wire/dot_decoder.ts";
import { type DiskForm, OctetCounter, TopLimit, WireEncoder } from "../../lib/wire/dot_stuffing.ts";
import { LineReader, OVERLONG } from "../../lib/wire/line_reader.ts";
import { latin1 } from "../../lib/wire/text.ts";
import { bytesOf, wireForm } from "../support/mailbox.ts";
import { cut, cuts, octets } from "./input.ts";
import { holds } from "./property.ts";

// Lines ---------------------------------------------------------------------

/** The lines of a text by plain means: those over the limit only say so, the last is no line yet. */
function linesOf(text: string, limit: number): string[] {
  const lines = text.split("\n");
  const rest = lines.pop()!;
  const taken = lines.map((line) => line.length + 1 > limit ? "overlong" : line.replace(/\r$/, ""));
  // One that has reached the limit is told of before it ends.
  return rest.length >= limit ? [...taken, "overlong"] : taken;
}

/** Takes lines as a session does, which lends its buffer, or as others do, who push. */
function readLines(pieces: readonly Uint8Array[], limit: number, lends: readonly boolean[]) {
  const reader = new LineReader(limit);
  const lines: string[] = [];
  for (const [i, piece] of pieces.entries()) {
    const buffer = piece.slice();
    if (lends[i % lends.length]) reader.lend(buffer);
    else reader.push(buffer);
    for (let line = reader.next(); line !== undefined; line = reader.next()) {
      lines.push(line === OVERLONG ? "overlong" : latin1(line));
    }
    // What is still wanted of it has been copied.
    buffer.fill(0x21);
    assert(reader.buffered < limit, "more is held back than a line may have");
  }
  return { lines, rest: latin1(reader.takeAll()) };
}

holds({
  name: "LineReader gives the same lines wherever the input is cut",
  runs: 600,
  input: fc.record({
    text: octets,
    at: cuts,
    limit: fc.constantFrom(1, 2, 10, 40, 700),
    lends: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
  }),
  run: ({ text, at, limit, lends }) => {
    const { lines, rest } = readLines(cut(bytesOf(text), at), limit, lends);
    assert.deepEqual(lines, linesOf(text, limit));
    const last = text.slice(text.lastIndexOf("\n") + 1);
    assert.equal(rest, last.length >= limit ? "" : last);
  },
});

// Messages ------------------------------------------------------------------

interface Encoded {
  readonly wire: Uint8Array;
  readonly octets: number;
}

function encode(pieces: readonly Uint8Array[], form: DiskForm): Encoded {
  const encoder = new WireEncoder(form);
  const size = pieces.reduce((sum, piece) => sum + WireEncoder.room(piece.length), 2);
  const target = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    const room = target.subarray(0, offset + WireEncoder.room(piece.length));
    offset = encoder.encode(piece, 0, piece.length, room, offset);
  }
  offset = encoder.finish(target, offset);
  return { wire: target.slice(0, offset), octets: encoder.octets };
}

function count(pieces: readonly Uint8Array[], form: DiskForm): number {
  const counter = new OctetCounter(form);
  for (const piece of pieces) counter.add(piece);
  return counter.total();
}

/** RFC 1939 section 3, on text: a line that begins with a dot gets another one. */
function stuff(text: string): string {
  return text.replaceAll(/(^|\n)\./g, "$1..");
}

interface Decoded {
  readonly text: string;
  readonly octets: number;
  readonly done: boolean;
  /** What came behind the end. */
  readonly rest: string;
}

/** Decodes as a client does, which keeps what the decoder did not take. */
function decode(pieces: readonly Uint8Array[], form: DecodedForm): Decoded {
  const decoder = new DotDecoder(form);
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const input = new Uint8Array(size);
  const target = new Uint8Array(DotDecoder.room(size) + DotDecoder.room(4) * pieces.length);
  let [start, end, out] = [0, 0, 0];
  for (const piece of pieces) {
    input.set(piece, end);
    end += piece.length;
    if (decoder.done) continue;
    out = decoder.decode(input, start, end, target, out);
    start = decoder.next;
    assert(decoder.done || end - start <= 3, `${end - start} octets are held back`);
  }
  return {
    text: latin1(target.subarray(0, out)),
    octets: decoder.octets,
    done: decoder.done,
    rest: latin1(input.subarray(start)),
  };
}

holds({
  name: "WireEncoder stuffs dots, and counts what it sends, wherever a message is cut",
  runs: 600,
  input: fc.record({ text: octets, at: cuts, other: cuts }),
  run: ({ text, at, other }) => {
    const disk = bytesOf(text);
    const expected = latin1(wireForm(disk));
    const { wire, octets } = encode(cut(disk, at), "plain");
    assert.equal(latin1(wire), stuff(expected));
    assert.equal(octets, expected.length, "octets as a client counts them");
    assert.equal(count(cut(disk, other), "plain"), octets, "the size announced before");
    // The wire form on disk is sent as it is.
    const again = encode(cut(wire, other), "wire");
    assert.deepEqual(again, { wire, octets });
    assert.equal(count(cut(wire, at), "wire"), octets);
  },
});

holds({
  name: "DotDecoder undoes what WireEncoder does, wherever the answer is cut",
  runs: 600,
  input: fc.record({ text: octets, at: cuts, next: octets }),
  run: ({ text, at, next }) => {
    const disk = bytesOf(text);
    const { wire, octets } = encode([disk], "plain");
    const answer = bytesOf(`${latin1(wire)}.\r\n${next}`);
    const expected = latin1(wireForm(disk));
    const forms: Record<DecodedForm, string> = {
      crlf: expected,
      lf: expected.replaceAll("\r\n", "\n"),
      wire: latin1(wire),
    };
    for (const [form, decoded] of Object.entries(forms)) {
      const got = decode(cut(answer, at), form as DecodedForm);
      assert.deepEqual(got, { text: decoded, octets, done: true, rest: next }, form);
    }
  },
});

holds({
  name: "DotDecoder gives the same for anything a server sends, wherever it is cut",
  runs: 600,
  input: fc.record({ text: octets, at: cuts }),
  run: ({ text, at }) => {
    for (const form of ["lf", "crlf", "wire"] as const) {
      // An end that cannot be told from text yet is decided once more comes.
      const answer = bytesOf(`${text}\r\n.\r\n`);
      const pieces = decode(cut(answer, at), form);
      assert.deepEqual(pieces, decode([answer], form), form);
      assert(pieces.text.length + pieces.rest.length <= 2 * answer.length);
    }
  },
});

/** RFC 1939 section 7: all lines up to the blank one, and so many of those behind it. */
function topOf(text: string, bodyLines: number): string {
  const lines = text.split(/(?<=\n)/);
  const blank = lines.findIndex((line) => line === "\n" || line === "\r\n");
  return blank < 0 ? text : lines.slice(0, blank + 1 + bodyLines).join("");
}

holds({
  name: "TopLimit ends at the same line wherever a message is cut",
  runs: 400,
  input: fc.record({ text: octets, at: cuts, bodyLines: fc.constantFrom(0, 1, 2, 5, 0xffff_ffff) }),
  run: ({ text, at, bodyLines }) => {
    const limit = new TopLimit(bodyLines);
    let taken = "";
    for (const piece of cut(bytesOf(text), at)) {
      const length = limit.done ? 0 : limit.take(piece);
      taken += latin1(piece.subarray(0, length));
    }
    assert.equal(taken, topOf(text, bodyLines));
  },
});
