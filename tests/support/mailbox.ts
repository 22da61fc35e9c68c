/**
 * A mailbox of all that real mail can contain, with the octets that each of its
 * messages must arrive as.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** What is unusual about a message, for peers that cannot take everything. */
export type Trait =
  /** Holds NUL bytes. */
  | "nul"
  /** Holds a CR that no LF follows. */
  | "bare-cr"
  /** Holds bytes over 0x7F. */
  | "8-bit"
  /** A line of more than 998 octets, the most that RFC 5322 section 2.1.1 allows. */
  | "long-line"
  /** Is not a header, a blank line and a body. */
  | "malformed"
  /** Its last line has no end. */
  | "unended"
  /** Many megabytes. */
  | "large";

/** One message of the mailbox. */
export interface TestMessage {
  /** Its number in the first session. */
  readonly number: number;
  /** Its file below the Maildir, `new/…` or `cur/…`. */
  readonly file: string;
  /** Its bytes on disk. */
  readonly disk: Uint8Array;
  /** Its octets as RETR delivers them, without dot-stuffing: CRLF line ends, the last one too. */
  readonly wire: Uint8Array;
  /** What is unusual about it. */
  readonly traits: ReadonlySet<Trait>;
}

/** Line ends as they come in Maildirs: Unix's, those of the wire, and files that were edited by both. */
type LineEnds = "lf" | "crlf" | "mixed";

interface Draft {
  readonly disk: Uint8Array;
  readonly traits: Trait[];
}

const LINE_ENDS: readonly LineEnds[] = ["lf", "crlf", "mixed"];

/** A small generator of its own (mulberry32), so that every run has the same mail. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** The bytes of a text of characters up to U+00FF, one byte each. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** A digest by which to compare large messages in little space. */
export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The octets that the file's bytes must arrive as: every LF as CRLF, the last line ended. */
export function wireForm(disk: Uint8Array): Uint8Array {
  const wire = new Uint8Array(2 * disk.length + 2);
  let length = 0;
  let last = 0x0a;
  for (const byte of disk) {
    if (byte === 0x0a && last !== 0x0d) wire[length++] = 0x0d;
    wire[length++] = byte;
    last = byte;
  }
  if (last !== 0x0a) {
    wire[length++] = 0x0d;
    wire[length++] = 0x0a;
  }
  return wire.slice(0, length);
}

function header(subject: string, number: number): string[] {
  return [
    `From: "Sender ${number}" <sender${number}@example.org>`,
    "To: alice@example.com",
    `Subject: ${subject}`,
    `Date: Tue, 14 Nov 2023 22:${String(number % 60).padStart(2, "0")}:20 +0000`,
    `Message-ID: <${number}.test@example.org>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
  ];
}

function join(lines: readonly string[], ends: LineEnds): Uint8Array {
  const end = (index: number) => ends === "crlf" || (ends === "mixed" && index % 3 === 1);
  return bytesOf(lines.map((line, i) => line + (end(i) ? "\r\n" : "\n")).join(""));
}

const WORDS = "mail box dot . .. line end post office store forward reply receipt .hidden letter"
  .split(" ");

function bodyLine(random: () => number): string {
  const words = Math.floor(random() * 14);
  const line = Array.from({ length: words }, () => WORDS[Math.floor(random() * WORDS.length)]);
  const kind = random();
  if (kind < 0.05) return ".";
  if (kind < 0.1) return `..${line.join(" ")}`;
  if (kind < 0.15) return `.${line.join(" ")}`;
  return line.join(" ");
}

function ordinary(number: number, random: () => number): Draft {
  const lines = header(`Ordinary message ${number}`, number);
  const count = Math.floor(random() * random() * 300);
  lines.push("", ...Array.from({ length: count }, () => bodyLine(random)));
  const disk = join(lines, LINE_ENDS[number % 3]!);
  if (number % 7 !== 0 || count === 0) return { disk, traits: [] };
  return { disk: trimLineEnd(disk), traits: ["unended"] };
}

function trimLineEnd(disk: Uint8Array): Uint8Array {
  let length = disk.length;
  if (disk[length - 1] === 0x0a) length--;
  if (disk[length - 1] === 0x0d) length--;
  return disk.slice(0, length);
}

/** A well-formed message with this body, once for each kind of line end. */
function withBody(subject: string, body: string[], traits: Trait[]): Draft[] {
  return LINE_ENDS.map((ends, i) => ({
    disk: join([...header(subject, 1000 + i), "", ...body], ends),
    traits,
  }));
}

/** Exactly these bytes, whatever they are. */
function raw(text: string, traits: Trait[]): Draft {
  return { disk: bytesOf(text), traits };
}

function dots(): Draft[] {
  return [
    ...withBody("Dots", [".", "..", "...", ".a", "a.", " .", "", ".", "."], []),
    ...withBody("Looks like the end", ["text", "", ".", "", "text after it"], []),
    raw("Subject: Ends in a dot\n\ntext\n.", ["unended"]),
    raw("Subject: Ends in a dot line\r\n\r\ntext\r\n.\r\n", []),
    raw(".Subject: Begins with a dot\n\ntext\n", ["malformed"]),
    raw(".", ["malformed", "unended"]),
    raw(".\n", ["malformed"]),
    raw(".\r\n.\r\n", ["malformed"]),
  ];
}

function oddBytes(): Draft[] {
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");
  const high = all.slice(128);
  return [
    ...withBody("High bytes", [high, `.${high}`, high.repeat(4)], ["8-bit"]),
    ...withBody("UTF-8", ["Gr\xc3\xbc\xc3\x9fe, \xe2\x82\xac 5"], ["8-bit"]),
    ...withBody("NUL", ["before\0after", "\0", ".\0", "\0\0\0"], ["nul"]),
    ...withBody("Every byte", [all, all], ["nul", "bare-cr", "8-bit"]),
    ...withBody("Bare CR", ["one\rtwo\rthree", "\r\r", "\r."], ["bare-cr"]),
    raw("Subject: CR at the very end\n\ntext\r", ["bare-cr", "unended"]),
    raw("Subject: CR CR LF\n\none\r\r\ntwo\r\r\n", ["bare-cr"]),
    raw("Subject: \xe4\xf6\xfc in the header\n\ntext\n", ["8-bit"]),
  ];
}

function oddShapes(): Draft[] {
  const lines = header("Shape", 2000);
  return [
    raw("", ["malformed"]),
    raw("\n", ["malformed"]),
    raw("\r\n", ["malformed"]),
    raw("text without any header\n", ["malformed"]),
    { disk: join([...lines, ""], "lf"), traits: [] },
    { disk: join([...lines, ""], "crlf"), traits: [] },
    { disk: join(lines, "lf"), traits: ["malformed"] },
    { disk: trimLineEnd(join(lines, "crlf")), traits: ["malformed", "unended"] },
    raw("\n\nbody behind an empty header\n", ["malformed"]),
    ...withBody("Blank lines", ["", "", "", "text", "", ""], []),
    ...withBody("Long line", ["x".repeat(997), "y".repeat(998)], []),
    ...withBody("Longer line", ["z".repeat(70_000), "." + "z".repeat(300_000)], ["long-line"]),
    raw(`Subject: Folded\n ${"header ".repeat(20)}\n\t.\n\ntext\n`, []),
  ];
}

/** 25 MB of base64, a line length over the powers of two so that dots meet every buffer's edge. */
function attachment(): Draft {
  const random = randomNumbers(25);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  let block = "";
  for (let line = 0; line < 4096; line++) {
    if (line % 64 === 63) block += ".";
    for (let i = 0; i < 76; i++) block += alphabet[Math.floor(random() * 64)];
    block += "\n";
  }
  const head = bytesOf(`${header("Attachment", 3000).join("\n")}\n\n`);
  const part = bytesOf(block);
  const copies = Math.ceil(25 * 1024 * 1024 / part.length);
  const disk = new Uint8Array(head.length + copies * (part.length + 11));
  disk.set(head);
  let length = head.length;
  for (let i = 0; i < copies; i++) {
    disk.set(bytesOf(`part ${String(i).padStart(5, "0")}\n`), length);
    disk.set(part, length + 11);
    length += part.length + 11;
  }
  return { disk, traits: ["large"] };
}

/** How {@linkcode makeMessages} chooses. */
export interface MailboxOptions {
  /** How many messages at least; the odd ones come first, the rest is ordinary mail. */
  readonly count?: number;
  /** Traits of messages to leave out, because the peer cannot take them. */
  readonly without?: readonly Trait[];
  /** Whether to leave out all but ordinary mail. */
  readonly ordinaryOnly?: boolean;
}

/** The messages of a mailbox, oldest first; always the same for the same options. */
export function makeMessages(options: MailboxOptions = {}): TestMessage[] {
  const odd = options.ordinaryOnly ? [] : [
    ...dots(),
    ...oddBytes(),
    ...oddShapes(),
    attachment(),
  ].filter((draft) => !draft.traits.some((trait) => options.without?.includes(trait)));
  const random = randomNumbers(1939);
  const drafts = [...odd];
  for (let i = 0; drafts.length < (options.count ?? 210); i++) drafts.push(ordinary(i, random));
  return drafts.map((draft, i) => placed(draft, i + 1));
}

/**
 * Every fourth message is in cur/; some names carry sizes, as Dovecot writes
 * them: W does not count the line end that the last line lacks.
 */
function placed(draft: Draft, number: number): TestMessage {
  const wire = wireForm(draft.disk);
  const counted = wire.length - (draft.disk.length > 0 && draft.disk.at(-1) !== 0x0a ? 2 : 0);
  const sized = number % 3 === 0 || draft.traits.includes("large");
  const sizes = sized ? `,S=${draft.disk.length},W=${counted}` : "";
  const base = `${1_700_000_000 + 60 * number}.M${number}P1Q${number}.mail.example${sizes}`;
  const flags = ["", "S", "RS", "F"][number % 16 >> 2]!;
  const file = number % 4 === 0 ? `cur/${base}:2,${flags}` : `new/${base}`;
  return { number, file, disk: draft.disk, wire, traits: new Set(draft.traits) };
}

/** Writes the messages into the Maildir `folder`, which is made. */
export function writeMailbox(folder: string, messages: readonly TestMessage[]): void {
  for (const part of ["cur", "new", "tmp"]) {
    Deno.mkdirSync(`${folder}/${part}`, { recursive: true, mode: 0o700 });
  }
  for (const { file, disk } of messages) {
    const path = `${folder}/${file}`;
    Deno.writeFileSync(path, disk, { mode: 0o600 });
    const time = Number(file.slice(4, 14));
    Deno.utimeSync(path, time, time);
  }
}

/** The mailbox's files as they are now: what follows `new/` or `cur/`, sorted. */
export function listMailbox(folder: string): { new: string[]; cur: string[] } {
  const names = (part: string) => [...Deno.readDirSync(`${folder}/${part}`)].map((e) => e.name);
  return { new: names("new").sort(), cur: names("cur").sort() };
}

/** The part of a Maildir file's name that never changes. */
export function baseName(name: string): string {
  return name.replace(/^.*\//, "").replace(/:2,.*$/, "");
}
