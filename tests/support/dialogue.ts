/**
 * Dialogues as data: reads the scripts of `tests/dialogues` and plays the client in them. Who
 * provides the server (in memory, or the real program over TCP) is a {@linkcode DialoguePeer}. The
 * format is described in `tests/dialogues/README.md`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash, createHmac } from "node:crypto";
import { bytesOf } from "./mailbox.ts";

/** How TLS is set up. */
export type DialogueTls = "none" | "latent" | "mandatory" | "start";

/** What a script wants its server to be. */
export interface DialogueSettings {
  tls: DialogueTls;
  plainpass: boolean;
  authtypes?: string;
  authtypesSsl?: string;
  greet?: string;
  expire?: number;
  /** The most octets of a line. */
  line?: number;
  badCommands?: number;
  /** Names and passwords. */
  readonly users: Map<string, string>;
  /** For each user the names of files in `tests/dialogues/mail`, without `.eml`. */
  readonly mail: Map<string, string[]>;
  /** For each user what is wrong with the mailbox: `locked`, `readonly`, `unavailable` or `forbidden`. */
  readonly faults: Map<string, string>;
  /** The user, number and octet at which a message cannot be read any further. */
  broken?: { user: string; message: number; after: number };
  /** `memory` if the script cannot be played with a real program. */
  only?: string;
}

/** The certificate that a client presents. */
export interface ClientCertificate {
  readonly commonName: string;
  readonly trusted: boolean;
}

/** One step of a script. */
export type DialogueStep =
  & { readonly lineNumber: number }
  & (
    | { readonly kind: "send"; readonly text: string }
    | { readonly kind: "expect"; readonly text: string }
    | { readonly kind: "match"; readonly pattern: RegExp }
    | { readonly kind: "tls"; readonly certificate?: ClientCertificate }
    | { readonly kind: "eof" }
    | { readonly kind: "hangup" }
    | { readonly kind: "remove"; readonly user: string; readonly message: number }
    | { readonly kind: "left" | "seen"; readonly user: string; readonly names: string[] }
  );

/** A script. */
export interface Dialogue {
  readonly name: string;
  /** What it shows: its first comment. */
  readonly title: string;
  readonly settings: DialogueSettings;
  readonly steps: DialogueStep[];
}

/** The other side of a dialogue: a server, and what is beside it. */
export interface DialoguePeer {
  /** Sends octets, together if it can. */
  send(bytes: Uint8Array): Promise<void>;
  /** The server's next line without its CRLF, a character an octet; null at the end. Bounded wait. */
  line(): Promise<string | null>;
  /** Makes the TLS handshake. */
  startTls(certificate?: ClientCertificate): Promise<void>;
  /** Closes the connection and waits until the session is over. */
  close(): Promise<void>;
  /** Removes a message as another program would. */
  remove(user: string, message: number): Promise<void>;
  /** Which messages are in the mailbox, by the names of their files. */
  left(user: string): Promise<string[]>;
  /** Which of them are marked as seen. */
  seen(user: string): Promise<string[]>;
}

/** Reads a script. */
export function parseDialogue(name: string, source: string): Dialogue {
  const settings: DialogueSettings = {
    tls: "none",
    plainpass: true,
    users: new Map([["alice", "secret"]]),
    mail: new Map(),
    faults: new Map(),
  };
  const steps: DialogueStep[] = [];
  let title = "";
  for (const [index, line] of source.split("\n").entries()) {
    try {
      if (line.startsWith("#")) title ||= line.slice(1).trim();
      else if (line.startsWith("@")) readSetting(settings, line.slice(1));
      else if (line.trim() !== "") addStep(steps, readStep(line), index + 1);
    } catch (error) {
      throw new Error(`${name}:${index + 1}: ${line}`, { cause: error });
    }
  }
  return { name, title, settings, steps };
}

/** Lines of the client that follow each other are one packet. */
function addStep(steps: DialogueStep[], step: DialogueStep, lineNumber: number): void {
  const last = steps.at(-1);
  if (step.kind === "send" && last?.kind === "send") {
    steps[steps.length - 1] = { ...last, text: last.text + step.text };
  } else {
    steps.push({ ...step, lineNumber });
  }
}

function readSetting(settings: DialogueSettings, line: string): void {
  const [, name = "", value = ""] = /^(\S+) ?(.*)$/.exec(line) ?? [];
  const [first = "", ...rest] = value.split(" ");
  const set: Record<string, () => unknown> = {
    tls: () => settings.tls = value as DialogueTls,
    plainpass: () => settings.plainpass = value === "yes",
    authtypes: () => settings.authtypes = value,
    authtypes_ssl: () => settings.authtypesSsl = value,
    greet: () => settings.greet = value,
    expire: () => settings.expire = Number(value),
    line: () => settings.line = Number(value),
    bad_commands: () => settings.badCommands = Number(value),
    user: () => settings.users.set(first, unescape(rest.join(" "))),
    mail: () => settings.mail.set(first, rest),
    locked: () => settings.faults.set(value, "locked"),
    readonly: () => settings.faults.set(value, "readonly"),
    unavailable: () => settings.faults.set(value, "unavailable"),
    forbidden: () => settings.faults.set(value, "forbidden"),
    broken: () =>
      settings.broken = { user: first, message: Number(rest[0]), after: Number(rest[1]) },
    only: () => settings.only = value,
  };
  assert.ok(set[name], `Unknown setting "${name}"`);
  set[name]();
}

function readStep(line: string): DialogueStep {
  const [, word = "", text = ""] = /^(C:|C-raw:|S:|S~|[A-Z]+)(?: (.*))?$/.exec(line) ?? [];
  const [user = "", ...rest] = text.split(" ");
  const lineNumber = 0;
  switch (word) {
    case "C:":
      return { kind: "send", text: text + "\r\n", lineNumber };
    case "C-raw:":
      return { kind: "send", text: unescape(text), lineNumber };
    case "S:":
      return { kind: "expect", text, lineNumber };
    case "S~":
      return { kind: "match", pattern: new RegExp(`^(?:${text})$`), lineNumber };
    case "TLS":
      return { kind: "tls", ...certificateOf(text), lineNumber };
    case "EOF":
      return { kind: "eof", lineNumber };
    case "HANGUP":
      return { kind: "hangup", lineNumber };
    case "REMOVE":
      return { kind: "remove", user, message: Number(rest[0]), lineNumber };
    case "LEFT":
      return { kind: "left", user, names: rest, lineNumber };
    case "SEEN":
      return { kind: "seen", user, names: rest, lineNumber };
    default:
      throw new Error("This is no step");
  }
}

function certificateOf(text: string): { certificate?: ClientCertificate } {
  if (text === "") return {};
  const [, kind, commonName] = /^(trusted|untrusted)=(.+)$/.exec(text) ?? [];
  assert.ok(commonName, "TLS takes trusted=NAME or untrusted=NAME");
  return { certificate: { commonName, trusted: kind === "trusted" } };
}

/** Plays a script to its end and checks every reply. */
export async function playDialogue(dialogue: Dialogue, peer: DialoguePeer): Promise<void> {
  const player = new Player(peer);
  for (const step of dialogue.steps) {
    try {
      await player.play(step);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${dialogue.name}.pop3:${step.lineNumber}: ${message}`, { cause: error });
    }
  }
  if (!player.over) await peer.close();
  const rest = await peer.line();
  assert.equal(rest, null, `${dialogue.name}.pop3: the server said more than the script`);
}

class Player {
  readonly #peer: DialoguePeer;
  /** The greeting and the last challenge, from which digests are made. */
  #stamp = "";
  #challenge = "";
  #first = true;
  over = false;

  constructor(peer: DialoguePeer) {
    this.#peer = peer;
  }

  async play(step: DialogueStep): Promise<void> {
    switch (step.kind) {
      case "send":
        return await this.#peer.send(bytesOf(utf8(this.#fill(step.text))));
      case "expect":
        return assert.equal(await this.#line(), utf8(this.#fill(step.text)));
      case "match":
        return assert.match(await this.#line() ?? "(end)", step.pattern);
      case "tls":
        return await this.#peer.startTls(step.certificate);
      case "eof":
        assert.equal(await this.#peer.line(), null, "The server should have closed the connection");
        await this.#peer.close();
        this.over = true;
        return;
      case "hangup":
        this.over = true;
        return await this.#peer.close();
      case "remove":
        return await this.#peer.remove(step.user, step.message);
      case "left":
        return assert.deepEqual(await this.#peer.left(step.user), step.names);
      case "seen":
        return assert.deepEqual(await this.#peer.seen(step.user), step.names);
    }
  }

  async #line(): Promise<string | null> {
    const line = await this.#peer.line();
    if (this.#first) this.#stamp = /<[^>]+>/.exec(line ?? "")?.[0] ?? "";
    this.#first = false;
    if (line?.startsWith("+ ")) this.#challenge = line.slice(2);
    return line;
  }

  /** Replaces `{apop PASSWORD}`, `{cram USER PASSWORD}`, `{base64 TEXT}` and `{repeat N TEXT}`. */
  #fill(text: string): string {
    return text.replaceAll(/\{(apop|cram|base64|repeat) ([^}]*)\}/g, (_, kind, args) => {
      if (kind === "apop") return createHash("md5").update(this.#stamp + args).digest("hex");
      if (kind === "base64") return Buffer.from(unescape(args)).toString("base64");
      const [, first = "", rest = ""] = /^(\S+) (.*)$/.exec(args) ?? [];
      if (kind === "repeat") return rest.repeat(Number(first));
      const challenge = Buffer.from(this.#challenge, "base64");
      const digest = createHmac("md5", rest).update(challenge).digest("hex");
      return Buffer.from(`${first} ${digest}`).toString("base64");
    });
  }
}

/** A script is UTF-8; on the wire a character is an octet. Escapes up to `\xff` stay octets. */
function utf8(text: string): string {
  return /[^\0-\xff]/.test(text) ? Buffer.from(text).toString("latin1") : text;
}

function unescape(text: string): string {
  return text.replaceAll(/\\(x[0-9a-f]{2}|[rnt0s\\])/g, (_, code: string) => {
    if (code.startsWith("x")) return String.fromCharCode(parseInt(code.slice(1), 16));
    return { r: "\r", n: "\n", t: "\t", 0: "\0", s: " ", "\\": "\\" }[code] ?? "";
  });
}
