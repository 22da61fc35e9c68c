/**
 * From a message's multi-line form on the wire to the message (RFC 1939 section 3): dot-stuffing
 * undone, the terminator found, line ends as wanted. No I/O; the pieces may be cut anywhere.
 *
 * Servers are strict or sloppy about line ends, and the two must not be mixed up: to a strict one
 * LF "." LF is ordinary text, and whoever took it for the end would read the rest of somebody's
 * message as replies. So the first line decides. If it ends in CRLF, only CRLF ends lines; if it
 * ends in a bare LF, any LF does.
 *
 * @module
 */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** What a {@linkcode DotDecoder} makes of a message. */
export type DecodedForm =
  /** CRLF becomes LF, dot-stuffing is undone. */
  | "lf"
  /** Dot-stuffing is undone, line ends stay. */
  | "crlf"
  /** All line ends become CRLF, dot-stuffing stays (and is added behind a bare LF). */
  | "wire";

/** Where in a line the next byte stands: at its start, behind a dot there, behind that and CR, or in its text. */
type Position = "start" | "dot" | "dot-cr" | "text";

/** Decodes one message. */
export class DotDecoder {
  readonly #form: DecodedForm;
  #position: Position = "start";
  /** Whether any LF ends a line; undefined until the first line has ended. */
  #sloppy: boolean | undefined;
  /** The last byte of text was CR. */
  #afterCr = false;
  /** The last byte was an LF that ended no line. */
  #afterBareLf = false;
  /** A CR that is not written yet, since an LF may follow (form `lf`). */
  #heldCr = false;
  #octets = 0;
  #next = 0;
  #done = false;
  #perhapsEnded: "glued" | "line" | undefined;

  /**
   * Begins a message.
   *
   * @param form what to make of it
   */
  constructor(form: DecodedForm) {
    this.#form = form;
  }

  /** The most bytes that {@linkcode decode} writes for `bytes` bytes. */
  static room(bytes: number): number {
    return 2 * bytes + 3;
  }

  /** Whether the terminator was found. */
  get done(): boolean {
    return this.#done;
  }

  /** The message's octets so far as the server sends them, dot-stuffing not counted. */
  get octets(): number {
    return this.#octets;
  }

  /** Where in the source the last {@linkcode decode} stopped: what follows must be given again. */
  get next(): number {
    return this.#next;
  }

  /**
   * Whether the source ends in something that a broken server may mean as its terminator: a dot
   * on a `line` of its own behind a bare LF, or `glued` to a last line that lacks its end. Only
   * silence can tell; those bytes are not taken and not counted in {@linkcode octets}.
   */
  get perhapsEnded(): "glued" | "line" | undefined {
    return this.#perhapsEnded;
  }

  /**
   * Decodes `source[from, to)` into `target` at `offset`, where there must be {@linkcode room}.
   * Stops behind the terminator, else up to three bytes before the end of the source.
   *
   * @returns the offset behind the last byte written
   */
  decode(
    source: Uint8Array,
    from: number,
    to: number,
    target: Uint8Array,
    offset: number,
  ): number {
    const input = source.subarray(from, to);
    const piece: Piece = {
      input,
      limit: doubtfulFrom(input),
      inputView: viewOf(input),
      target,
      targetView: viewOf(target),
    };
    this.#perhapsEnded = undefined;
    let at = 0;
    let out = offset;
    while (at < input.length && !this.#done) {
      if (!this.#inText) {
        out = this.#begin(input[at]!, target, out);
        if (!this.#inText) at++;
        continue;
      }
      if (at >= piece.limit) {
        this.#doubt(input);
        break;
      }
      if (input[at] !== LF) {
        out = this.#beginText(input[at]!, target, out);
        const end = copyText(piece, at, out);
        out = this.#endText(input[end - 1]!, end - at, out + end - at);
        at = end;
      }
      if (at < piece.limit && input[at] === LF) {
        out = this.#lineFeed(target, out);
        at++;
      }
    }
    this.#next = from + at;
    return out;
  }

  get #inText(): boolean {
    return this.#position === "text";
  }

  /** Takes a byte at a line's start; leaves it, in position `text`, if it belongs to the text. */
  #begin(byte: number, target: Uint8Array, offset: number): number {
    const position = this.#position;
    if (position === "start" && byte === DOT) this.#position = "dot";
    else if (position === "dot" && byte === CR) this.#position = "dot-cr";
    else if (position !== "start" && byte === LF) this.#done = true;
    else {
      this.#position = "text";
      if (position === "start") return offset;
      let out = offset;
      if (this.#form === "wire") target[out++] = DOT;
      if (position === "dot-cr") {
        // A CR that no LF follows is text like any other.
        out = this.#beginText(CR, target, out);
        target[out] = CR;
        out = this.#endText(CR, 1, out + 1);
      }
      return out;
    }
    return offset;
  }

  /** Writes what was held back until it was known that text follows. */
  #beginText(first: number, target: Uint8Array, offset: number): number {
    let out = offset;
    if (this.#heldCr) target[out++] = CR;
    if (this.#afterBareLf && this.#form === "wire" && first === DOT) target[out++] = DOT;
    this.#heldCr = this.#afterBareLf = false;
    return out;
  }

  /** Notes text that was written up to `end`; takes back a CR that may belong to a line end. */
  #endText(last: number, length: number, end: number): number {
    this.#octets += length;
    this.#afterCr = last === CR;
    this.#heldCr = this.#afterCr && this.#form === "lf";
    return this.#heldCr ? end - 1 : end;
  }

  #lineFeed(target: Uint8Array, offset: number): number {
    let out = offset;
    const crlf = this.#afterCr;
    if (this.#form === "wire" && !crlf) target[out++] = CR;
    target[out++] = LF;
    this.#octets++;
    this.#sloppy ??= !crlf;
    this.#heldCr = this.#afterCr = false;
    if (crlf || this.#sloppy) this.#position = "start";
    else this.#afterBareLf = true;
    return out;
  }

  /** Says what a held back end may mean. */
  #doubt(input: Uint8Array): void {
    if (input[input.length - 1] === LF) {
      this.#perhapsEnded = this.#afterBareLf ? "line" : "glued";
    }
  }
}

/** The two ends of one call. */
interface Piece {
  readonly input: Uint8Array;
  /** Bytes from here on are not text for now. */
  readonly limit: number;
  readonly inputView: DataView;
  readonly target: Uint8Array;
  readonly targetView: DataView;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Copies text up to the next LF, eight bytes at a time: calling `indexOf` and `set` for each line
 * would take twice as long, and sharing the test for LF with dot_stuffing.ts a tenth longer.
 *
 * @returns where the LF is, or the limit
 */
function copyText(piece: Piece, from: number, offset: number): number {
  const { input, limit, inputView, target, targetView } = piece;
  let at = from;
  let out = offset;
  while (at + 8 <= limit) {
    const four = inputView.getInt32(at, true);
    const more = inputView.getInt32(at + 4, true);
    // A byte of `x` is zero where one of `four` is LF, and so with `y`; the sums find a zero byte.
    const x = four ^ 0x0a0a0a0a;
    const y = more ^ 0x0a0a0a0a;
    if ((((x - 0x01010101) & ~x | (y - 0x01010101) & ~y) & 0x80808080) !== 0) break;
    targetView.setInt32(out, four, true);
    targetView.setInt32(out + 4, more, true);
    at += 8;
    out += 8;
  }
  while (at < limit) {
    const byte = input[at]!;
    if (byte === LF) break;
    target[out++] = byte;
    at++;
  }
  return at;
}

/**
 * Where a dot stands that is the last byte but for a line end: it, and all before it, may be the
 * whole message.
 */
function doubtfulFrom(input: Uint8Array): number {
  let at = input.length - 1;
  if (input[at] === LF) at--;
  if (input[at] === CR) at--;
  return input[at] === DOT ? at : input.length;
}
