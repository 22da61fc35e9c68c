import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { type DecodedForm, DotDecoder } from "../../lib/wire/dot_decoder.ts";
import { WireEncoder } from "../../lib/wire/dot_stuffing.ts";
import { latin1 } from "../../lib/wire/text.ts";

interface Decoded {
  text: string;
  rest: string;
  octets: number;
  done: boolean;
}

/** Feeds the wire in pieces, as a client does that keeps what was not taken. */
function decode(wire: Uint8Array, form: DecodedForm, piece: number): Decoded {
  const decoder = new DotDecoder(form);
  const target = new Uint8Array(DotDecoder.room(wire.length) + 16);
  const buffer = new Uint8Array(wire.length);
  let out = 0;
  let start = 0;
  let end = 0;
  while (!decoder.done && end < wire.length) {
    const part = wire.subarray(end, end + piece);
    buffer.set(part, end);
    end += part.length;
    const room = target.subarray(0, out + DotDecoder.room(end - start));
    out = decoder.decode(buffer, start, end, room, out);
    ok(decoder.next >= end - 3 || decoder.done);
    start = decoder.next;
  }
  return {
    text: latin1(target.subarray(0, out)),
    rest: latin1(wire.subarray(start)),
    octets: decoder.octets,
    done: decoder.done,
  };
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const CASES: readonly [string, string, Record<DecodedForm, string>, number][] = [
  ["an ordinary message", "a\r\nb\r\n.\r\n", {
    lf: "a\nb\n",
    crlf: "a\r\nb\r\n",
    wire: "a\r\nb\r\n",
  }, 6],
  ["an empty message", ".\r\n", { lf: "", crlf: "", wire: "" }, 0],
  ["a blank line", "\r\n.\r\n", { lf: "\n", crlf: "\r\n", wire: "\r\n" }, 2],
  [
    "stuffed dots",
    "..\r\n...\r\n..x\r\n.\r\n",
    { lf: ".\n..\n.x\n", crlf: ".\r\n..\r\n.x\r\n", wire: "..\r\n...\r\n..x\r\n" },
    11,
  ],
  [
    "a dot that should have been stuffed",
    ".x\r\n.\ry\r\n.\r\n",
    { lf: "x\n\ry\n", crlf: "x\r\n\ry\r\n", wire: ".x\r\n.\ry\r\n" },
    7,
  ],
  [
    "bare LF throughout",
    "a\n..b\n.\n",
    { lf: "a\n.b\n", crlf: "a\n.b\n", wire: "a\r\n..b\r\n" },
    5,
  ],
  ["bare LF lines and a proper end", "a\nb\n.\r\n", {
    lf: "a\nb\n",
    crlf: "a\nb\n",
    wire: "a\r\nb\r\n",
  }, 4],
  [
    "a bare LF in a strict message",
    "a\r\nb\n.\nc\n..d\r\n.\r\n",
    {
      lf: "a\nb\n.\nc\n..d\n",
      crlf: "a\r\nb\n.\nc\n..d\r\n",
      wire: "a\r\nb\r\n..\r\nc\r\n...d\r\n",
    },
    14,
  ],
  ["a dot line ended by LF", "a\r\n.\n", { lf: "a\n", crlf: "a\r\n", wire: "a\r\n" }, 3],
  ["lone CRs", "a\rb\r\r\n\r\n.\r\n", {
    lf: "a\rb\r\n\n",
    crlf: "a\rb\r\r\n\r\n",
    wire: "a\rb\r\r\n\r\n",
  }, 8],
  ["NUL and high bytes", "\0\xff\r\n.\r\n", {
    lf: "\0\xff\n",
    crlf: "\0\xff\r\n",
    wire: "\0\xff\r\n",
  }, 4],
];

for (const [name, wire, expected, octets] of CASES) {
  Deno.test(`DotDecoder decodes ${name} in pieces of every size`, () => {
    const pipelined = bytes(`${wire}+OK next\r\n.\r\n`);
    for (const form of ["lf", "crlf", "wire"] as const) {
      for (let piece = 1; piece <= pipelined.length; piece++) {
        const got = decode(pipelined, form, piece);
        deepEqual(
          [got.done, got.text, got.octets],
          [true, expected[form], octets],
          `${form} ${piece}`,
        );
        equal(got.rest, "+OK next\r\n.\r\n", "bytes behind the terminator survive");
      }
    }
  });
}

Deno.test("DotDecoder undoes WireEncoder whatever the message and the pieces", () => {
  const alphabet = fc.constantFrom(0x0a, 0x2e, 0x61, 0x0d, 0x00);
  fc.assert(
    fc.property(
      fc.array(alphabet, { maxLength: 60 }),
      fc.integer({ min: 1, max: 70 }),
      (array, piece) => {
        // On disk lines end in LF; a CR before an LF would be taken for a line end of its own.
        const disk = bytes(
          latin1(Uint8Array.from(array)).replaceAll(/\r+\n/g, "\n").replace(/\r+$/, ""),
        );
        const wire = new Uint8Array(WireEncoder.room(disk.length) + 8);
        const encoder = new WireEncoder();
        let end = encoder.finish(wire, encoder.encode(disk, 0, disk.length, wire, 0));
        const octets = end;
        wire.set(bytes(".\r\n"), end);
        end += 3;
        const got = decode(wire.subarray(0, end), "lf", piece);
        const text = latin1(disk);
        equal(got.text, text === "" || text.endsWith("\n") ? text : text + "\n");
        equal(got.octets, encoder.octets);
        ok(got.done && got.octets <= octets);
        const kept = decode(wire.subarray(0, end), "wire", piece);
        equal(kept.text, latin1(wire.subarray(0, end - 3)), "wire form is kept as it is");
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("DotDecoder.perhapsEnded tells the ends that only silence confirms", () => {
  const cases: [string, "glued" | "line" | undefined, string][] = [
    ["a\r\nlast.\r\n", "glued", "a\nlast"],
    ["a\r\nlast.\n", "glued", "a\nlast"],
    ["a\r\nb\n.\r\n", "line", "a\nb\n"],
    ["a\r\nb\n.\n", "line", "a\nb\n"],
    ["a\r\nlast.", undefined, "a\nlast"],
    ["a\r\nlast\r\n", undefined, "a\nlast\n"],
  ];
  for (const [wire, expected, text] of cases) {
    for (let piece = 1; piece <= wire.length; piece++) {
      const decoder = new DotDecoder("lf");
      const source = bytes(wire);
      const target = new Uint8Array(100);
      let out = 0;
      for (let end = piece; end < source.length + piece; end += piece) {
        out = decoder.decode(source, decoder.next, Math.min(end, source.length), target, out);
      }
      equal(decoder.perhapsEnded, expected, `${JSON.stringify(wire)} in pieces of ${piece}`);
      equal(latin1(target.subarray(0, out)), text);
      // Not silence: more follows, and nothing is lost of what was held back.
      const more = bytes(wire + "x\r\n.\r\n");
      out = decoder.decode(more, decoder.next, more.length, target, out);
      ok(decoder.done);
      equal(
        latin1(target.subarray(0, out)),
        latin1(bytes(wire + "x\r\n")).replaceAll("\r\n", "\n"),
      );
    }
  }
});

Deno.test("DotDecoder decodes a line of many megabytes in bounded pieces", () => {
  const piece = new Uint8Array(64 * 1024).fill(0x61);
  const target = new Uint8Array(DotDecoder.room(piece.length));
  const decoder = new DotDecoder("lf");
  let written = 0;
  for (let i = 0; i < 320; i++) {
    written += decoder.decode(piece, 0, piece.length, target, 0);
    equal(decoder.next, piece.length);
  }
  written += decoder.decode(bytes("\r\n.\r\n"), 0, 5, target, 0);
  ok(decoder.done);
  equal(written, 320 * 64 * 1024 + 1);
});
