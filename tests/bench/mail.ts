/**
 * The mailboxes of the benchmark: Maildirs with messages of an exact size, the same bytes for the
 * same arguments.
 *
 * @module
 */
import { Checksum, CHECKSUM_HEADER } from "./load/checksum.ts";

/** The owner of the mail: no user may be root for Dovecot. */
export const MAIL_OWNER = 5000;

/** A set of mailboxes of one kind. */
export interface MailGroup {
  /** Users are this and a number of four digits. */
  readonly prefix: string;
  readonly users: number;
  readonly messages: number;
  /** Octets of a message as RETR sends it. */
  readonly size: number;
  /** Whether the messages lie in `new/`, as they arrive, or in `cur/`, seen. */
  readonly folder: "new" | "cur";
}

/** The user of a group by number, from 1. */
export function userName(group: Pick<MailGroup, "prefix">, number: number): string {
  return `${group.prefix}${String(number).padStart(4, "0")}`;
}

/**
 * Makes a group's mailboxes anew.
 *
 * @param tag goes into the file names: with another one, the messages are new to any server
 */
export function makeMail(root: string, group: MailGroup, tag = ""): void {
  // One account owns all mail, as where the program is installed as a service. Where users own their
  // folders under somebody else's, the server asks each open file for its owner.
  Deno.chownSync(root, MAIL_OWNER, MAIL_OWNER);
  for (let number = 1; number <= group.users; number++) {
    const user = userName(group, number);
    removeIfThere(`${root}/${user}`);
    const maildir = `${root}/${user}/Maildir`;
    for (const folder of ["cur", "new", "tmp"]) {
      Deno.mkdirSync(`${maildir}/${folder}`, { recursive: true, mode: 0o700 });
    }
    for (const folder of ["", "/Maildir", "/Maildir/cur", "/Maildir/new", "/Maildir/tmp"]) {
      Deno.chownSync(`${root}/${user}${folder}`, MAIL_OWNER, MAIL_OWNER);
    }
    for (let message = 1; message <= group.messages; message++) {
      const seconds = 1_700_000_000 + message;
      // As deliveries have them. Names that count up in two places would all have one hash in Dovecot.
      const micros = String(Math.imul(message, 0x9e3779b1) >>> 12).padStart(6, "0").slice(-6);
      const name = `${seconds}.M${micros}P${4000 + number}${tag}.bench`;
      const path = `${maildir}/${group.folder}/${name}${group.folder === "cur" ? ":2,S" : ""}`;
      Deno.writeFileSync(path, messageOf(group, number, message), { mode: 0o600 });
      Deno.chownSync(path, MAIL_OWNER, MAIL_OWNER);
      Deno.utimeSync(path, seconds, seconds);
    }
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Numbers that look random and are always the same (mulberry32). */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WORDS = ("we have had no answer to the letter of last week and would like to know when the " +
  "goods can be sent since our customers ask for them daily kind regards the harbour office").split(
    " ",
  );

const encoder = new TextEncoder();

/** A message as it lies on disk, with LF line ends. */
function messageOf(group: MailGroup, user: number, message: number): Uint8Array {
  const random = numbersFrom(user * 100_003 + message + group.size);
  const attached = group.size > 100_000 || message % 3 === 0;
  const id = `${message}.${user}.${group.size}@bench.example`;
  const head = [
    `Return-Path: <writer${message % 97}@example.org>`,
    "Received: from relay.example.org (relay.example.org [192.0.2.7])",
    `\tby mx.example.net with ESMTPS id ${id.slice(0, 12)}`,
    `\tfor <${userName(group, user)}@example.net>; Fri, 20 Nov 2026 10:${
      10 + message % 50
    }:00 +0000`,
    "Date: Fri, 20 Nov 2026 10:00:00 +0000",
    `From: "Writer ${message % 97}" <writer${message % 97}@example.org>`,
    `To: ${userName(group, user)}@example.net`,
    `Subject: ${sentence(random, 5)}`,
    `Message-ID: <${id}>`,
    "MIME-Version: 1.0",
    attached
      ? "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64"
      : "Content-Type: text/plain; charset=us-ascii",
  ].join("\r\n");
  const room = group.size - head.length - `\r\n${CHECKSUM_HEADER}00000000\r\n\r\n`.length;
  const body = attached ? base64Lines(random, room) : textLines(random, room);
  const checksum = new Checksum();
  checksum.add(encoder.encode(body));
  const whole = `${head}\r\n${CHECKSUM_HEADER}${checksum}\r\n\r\n${body}`;
  return encoder.encode(whole.replaceAll("\r\n", "\n"));
}

function sentence(random: () => number, words: number): string {
  return Array.from({ length: words }, () => WORDS[Math.floor(random() * WORDS.length)]).join(" ");
}

/** Lines of text of exactly `size` octets; some are empty, or begin with dots. */
function textLines(random: () => number, size: number): string {
  let text = "";
  while (text.length < size - 80) {
    const kind = random();
    const dots = kind < 0.03 ? "." : kind < 0.04 ? ".." : "";
    text += kind > 0.95 ? "\r\n" : `${dots}${sentence(random, 4 + Math.floor(random() * 8))}\r\n`;
  }
  if (text.length > size - 4) text = `${text.slice(0, size - 80).replace(/\r$/, "x")}\r\n`;
  while (text.length < size) text += filler(size - text.length);
  return text;
}

/** A line of exactly so many octets, or as many as a line may have. */
function filler(size: number): string {
  const length = size <= 74 ? size : Math.min(74, size - 4);
  return length < 2 ? "x" : `${"x".repeat(length - 2)}\r\n`;
}

/** Lines of 76 characters of base64, as an attachment has them. */
function base64Lines(random: () => number, size: number): string {
  const line = () => {
    let text = "";
    for (let at = 0; at < 57; at++) text += String.fromCharCode(Math.floor(random() * 256));
    return `${btoa(text)}\r\n`;
  };
  // A few hundred different lines look like any others to all that a mail server does.
  const lines = Array.from({ length: Math.min(300, Math.ceil(size / 78)) }, line);
  let text = "";
  for (let at = 0; text.length + 78 + 4 <= size; at++) text += lines[at % lines.length];
  while (text.length < size) text += filler(size - text.length);
  return text;
}
