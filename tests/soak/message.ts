/**
 * The messages of a soak run. Each is a function of its serial number, and so is its mailbox:
 * whoever sees one can say what every octet of it must be, in any process.
 *
 * @module
 */
import { bytesOf, randomNumbers } from "../support/mailbox.ts";

const POOL_BYTES = 512 * 1024;
const SERIAL_HEADER = "X-Soak-Serial: ";
const HEADER_MOST = 512;
const WORDS = "mail box dot . .. line end post office store forward reply receipt .hidden letter"
  .split(" ");

/** Lines from which bodies are cut, with one kind of line end. */
interface Pool {
  readonly bytes: Uint8Array;
  /** Where each line begins, and the end. */
  readonly starts: number[];
}

const lines = makeLines();
const onDisk = makePool("\n");
const onWire = makePool("\r\n");

function makeLines(): string[] {
  const random = randomNumbers(1939);
  const made: string[] = [];
  for (let bytes = 0; bytes < POOL_BYTES; bytes += made.at(-1)!.length + 1) {
    const words = Array.from(
      { length: Math.floor(random() * 14) },
      () => WORDS[Math.floor(random() * WORDS.length)],
    );
    made.push(random() < 0.03 ? "." : words.join(" "));
  }
  return made;
}

function makePool(lineEnd: string): Pool {
  const starts = [0];
  for (const line of lines) starts.push(starts.at(-1)! + line.length + lineEnd.length);
  return { bytes: bytesOf(lines.map((line) => line + lineEnd).join("")), starts };
}

/** Which mailbox a message belongs to, from 0. */
export function mailboxOf(serial: number, mailboxes: number): number {
  return serial % mailboxes;
}

/** The user of a mailbox. */
export function userOf(mailbox: number): string {
  return `user${String(mailbox).padStart(5, "0")}`;
}

/** A message's file name without its flags. */
export function baseOf(serial: number): string {
  return `${1_700_000_000 + serial}.M${serial % 1_000_000}P1Q${serial}.soak`;
}

/** The serial number in a file's name; NaN if it is none of ours. */
export function serialOf(file: string): number {
  return Number(/Q(\d+)\.soak(:|$)/.exec(file)?.[1] ?? NaN);
}

/** What lies on disk. */
export function diskForm(serial: number, mailboxes: number): Uint8Array {
  return compose(serial, mailboxes, onDisk, "\n");
}

/** What RETR must send, dot-stuffing undone. */
export function wireForm(serial: number, mailboxes: number): Uint8Array {
  return compose(serial, mailboxes, onWire, "\r\n");
}

function compose(serial: number, mailboxes: number, pool: Pool, lineEnd: string): Uint8Array {
  const header = [
    `${SERIAL_HEADER}${serial}`,
    `From: sender${serial % 97}@example.org`,
    `To: ${userOf(mailboxOf(serial, mailboxes))}@example.org`,
    `Subject: Message ${serial}`,
    "",
    "",
  ].join(lineEnd);
  const { from, to } = bodyOf(serial);
  const body = pool.bytes.subarray(pool.starts[from]!, pool.starts[to]!);
  const whole = new Uint8Array(header.length + body.length);
  whole.set(bytesOf(header));
  whole.set(body, header.length);
  return whole;
}

/** Most are a few kilobytes; one in twenty is larger than all buffers on its way, to stall on. */
function bodyOf(serial: number): { from: number; to: number } {
  const random = randomNumbers(serial);
  const length = serial % 20 === 7 ? 2000 + random() * 4000 : 10 + random() * random() * 300;
  const from = Math.floor(random() * (lines.length - length));
  return { from, to: Math.floor(from + length) };
}

/**
 * Reads the serial number out of a message, or of its header.
 *
 * @throws if there is none
 */
export function readSerial(data: Uint8Array): number {
  const text = String.fromCharCode(...data.subarray(0, HEADER_MOST));
  const match = /^X-Soak-Serial: (\d+)\r\n/.exec(text);
  if (match === null) throw new Error(`A message begins with "${text.slice(0, 40)}"`);
  return Number(match[1]);
}

/**
 * Checks every octet of a message that RETR sent.
 *
 * @returns its serial number
 * @throws if it is not what was delivered, or another mailbox's
 */
export function checkMessage(data: Uint8Array, mailbox: number, mailboxes: number): number {
  const serial = readSerial(data);
  if (mailboxOf(serial, mailboxes) !== mailbox) {
    throw new Error(`Message ${serial} is in the mailbox of ${userOf(mailbox)}`);
  }
  if (!sameBytes(data, wireForm(serial, mailboxes))) {
    throw new Error(`Message ${serial} did not arrive as it is (${data.length} octets)`);
  }
  return serial;
}

/** Whether two arrays hold the same. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
