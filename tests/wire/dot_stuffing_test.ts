import assert from "node:assert/strict";
import fc from "fast-check";
import { type DiskForm, OctetCounter, TopLimit, WireEncoder } from "../../lib/wire/dot_stuffing.ts";
import { encodeText, latin1 } from "../../lib/wire/text.ts";

function encode(pieces: Uint8Array[], form: DiskForm = "plain"): { wire: string; octets: number } {
  const encoder = new WireEncoder(form);
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const target = new Uint8Array(WireEncoder.room(size) + 8);
  let offset = 0;
  for (const piece of pieces) offset = encoder.encode(piece, 0, piece.length, target, offset);
  offset = encoder.finish(target, offset);
  return { wire: latin1(target.subarray(0, offset)), octets: encoder.octets };
}

function chunks(bytes: Uint8Array, size: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.slice(at, at + size));
  return parts;
}

/** The rules of RFC 1939 section 3, said as plainly as text functions can. */
function reference(message: string): string {
  if (message === "") return "";
  const lines = message.replaceAll("\r\n", "\n").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => (line.startsWith(".") ? "." : "") + line + "\r\n").join("");
}

const samples: [name: string, disk: string, wire: string][] = [
  ["an empty file", "", ""],
  ["one line", "a\n", "a\r\n"],
  ["LF line ends", "a: b\n\nbody\n", "a: b\r\n\r\nbody\r\n"],
  ["CRLF line ends", "a: b\r\n\r\nbody\r\n", "a: b\r\n\r\nbody\r\n"],
  ["mixed line ends", "a\r\nb\nc\r\n", "a\r\nb\r\nc\r\n"],
  ["no last line end", "a\nb", "a\r\nb\r\n"],
  ["a leading dot", ".a\n", "..a\r\n"],
  ["lone dots", ".\n.\n", "..\r\n..\r\n"],
  ["a dot after a long line", "x".repeat(77) + "\n.y\n", "x".repeat(77) + "\r\n..y\r\n"],
  ["a dot within a line", "a.b\nc.\n", "a.b\r\nc.\r\n"],
  ["a bare CR", "a\rb\n", "a\rb\r\n"],
  ["a bare CR at the end", "a\r", "a\r\r\n"],
  ["NUL and 8-bit bytes", "\0\xff\xfe\n\x80.\n", "\0\xff\xfe\r\n\x80.\r\n"],
  ["only a line feed", "\n", "\r\n"],
  ["only a dot", ".", "..\r\n"],
];

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

for (const [name, disk, wire] of samples) {
  Deno.test(`WireEncoder encodes ${name}, in pieces of every size`, () => {
    const bytes = bytesOf(disk);
    const octets = wire.replaceAll("\r\n..", "\r\n.").replace(/^\.\./, ".").length;
    for (let size = 1; size <= bytes.length + 1; size++) {
      assert.deepEqual(encode(chunks(bytes, size)), { wire, octets });
      const counter = new OctetCounter();
      for (const piece of chunks(bytes, size)) counter.add(piece);
      assert.equal(counter.total(), octets);
    }
  });
}

Deno.test("WireEncoder agrees with the plain rules on any bytes, cut anywhere", () => {
  const alphabet = fc.constantFrom("\n", "\r\n", ".", "a", "\0", "\xff", "longer text");
  const message = fc.array(alphabet, { maxLength: 60 }).map((parts) => parts.join(""));
  fc.assert(fc.property(message, fc.integer({ min: 1, max: 40 }), (disk, size) => {
    const { wire } = encode(chunks(bytesOf(disk), size));
    assert.equal(wire, reference(disk));
  }));
});

Deno.test("WireEncoder sends the wire form as it is and counts it unstuffed", () => {
  const disk = encodeText("a\r\n..\r\n..b\r\nc\r\n");
  for (let size = 1; size <= disk.length; size++) {
    const { wire, octets } = encode(chunks(disk, size), "wire");
    assert.equal(wire, "a\r\n..\r\n..b\r\nc\r\n");
    assert.equal(octets, disk.length - 2);
    const counter = new OctetCounter("wire");
    for (const piece of chunks(disk, size)) counter.add(piece);
    assert.equal(counter.total(), octets);
  }
});

function top(message: string, bodyLines: number, size: number): string {
  const limit = new TopLimit(bodyLines);
  let taken = "";
  for (const piece of chunks(encodeText(message), size)) {
    if (limit.done) break;
    taken += latin1(piece.subarray(0, limit.take(piece)));
  }
  return taken;
}

Deno.test("TopLimit ends behind the header, the blank line and the lines asked for", () => {
  for (const eol of ["\n", "\r\n"]) {
    const message = ["A: 1", " folded", "B: 2", "", "one", "", "three", "four"].join(eol) + eol;
    const lines = message.split(eol);
    for (let size = 1; size <= message.length; size++) {
      for (const [bodyLines, expected] of [[0, 4], [1, 5], [2, 6], [3, 7], [4, 8], [99, 8]]) {
        assert.equal(
          top(message, bodyLines!, size),
          lines.slice(0, expected).map((line) => line + eol).join(""),
        );
      }
    }
  }
});

Deno.test("TopLimit takes a message without a body, and one without a header", () => {
  assert.equal(top("A: 1\nB: 2", 0, 100), "A: 1\nB: 2");
  assert.equal(top("\nbody\nmore\n", 0, 100), "\n");
  assert.equal(top("\nbody\nmore\n", 1, 3), "\nbody\n");
});

Deno.test("TopLimit takes a line of two CRs for a line, wherever it is cut", () => {
  for (const size of [1, 2, 3, 100]) {
    assert.equal(top("A: 1\n\r\r\nB: 2\n\r\nbody\n", 0, size), "A: 1\n\r\r\nB: 2\n\r\n");
  }
});
