/**
 * Plays the server in a dialogue by the running program: a real Maildir, real
 * TLS, over TCP.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { ClientCertificate, Dialogue, DialoguePeer, DialogueSettings } from "./dialogue.ts";
import { baseName, listMailbox } from "./mailbox.ts";
import { certificates } from "./program.ts";

const MAIL = new URL("../dialogues/mail/", import.meta.url);
const WAIT_MS = 10_000;

/** Why a script cannot be played with the running program, or undefined if it can. */
export function obstacle(dialogue: Dialogue): string | undefined {
  const { only, faults, broken } = dialogue.settings;
  if (only !== undefined) return `only for ${only}`;
  if (broken !== undefined) return "a file cannot be made to fail";
  const fault = [...faults.values()].find((value) => value !== "locked");
  return fault === undefined ? undefined : `a mailbox cannot be made ${fault} for every user`;
}

/** Dialogues with the same key can share one program, if each has its own listener. */
export function programKey({ users, plainpass, line, badCommands }: DialogueSettings): string {
  return JSON.stringify([[...users], plainpass, line, badCommands]);
}

/** The config for dialogues that share a key: a listener for each, by its name. */
export function dialogueConfig(dialogues: readonly Dialogue[]): string {
  const { plainpass, line, badCommands } = dialogues[0]!.settings;
  return `
[directory]
users = "%DIRTOP%/users"
plainpass = ${plainpass}
[message_store]
userpath = "%DIRTOP%/ms"
[pop3server]
workers = 1
[pop3server.limits]
auth_delay = 0
${line === undefined ? "" : `line = ${line}`}
${badCommands === undefined ? "" : `bad_commands = ${badCommands}`}
${dialogues.map(listener).join("\n")}`;
}

function listener({ name, settings }: Dialogue): string {
  const ssl = settings.tls === "none" ? "" : `
[pop3server.listeners.ssl]
cert = "${certificates}/server.pem"
key = "${certificates}/server.key"
tspath = "${certificates}/ca.pem"
latent = ${settings.tls !== "start"}
mandatory = ${settings.tls === "mandatory"}`;
  const lines = [
    settings.greet === undefined ? [] : `greet = ${JSON.stringify(settings.greet)}`,
    settings.authtypes === undefined ? [] : `authtypes = ${JSON.stringify(settings.authtypes)}`,
    settings.authtypesSsl === undefined
      ? []
      : `authtypes_ssl = ${JSON.stringify(settings.authtypesSsl)}`,
    settings.expire === undefined ? [] : `expire = ${settings.expire}`,
  ].flat();
  return `
[[pop3server.listeners]]
name = "${name}"
interface = "127.0.0.1"
port = 0${ssl}
[pop3server.listeners.server]
${lines.join("\n")}`;
}

/** The users file for a dialogue. */
export function dialogueUsers({ users, plainpass }: DialogueSettings): string {
  return [...users]
    .map(([user, password]) => `${user}:${plainpass ? password : `{PLAIN}${password}`}\n`).join("");
}

/** Starts a dialogue with a listener of the running program. */
export async function startTcpDialogue(
  dialogue: Dialogue,
  port: number,
  store: string,
): Promise<TcpDialogue> {
  const { settings } = dialogue;
  await Deno.remove(store, { recursive: true }).catch(() => {});
  for (const [user, names] of settings.mail) fillMailbox(`${store}/${user}/Maildir`, names);
  const locks: Deno.FsFile[] = [];
  for (const user of settings.faults.keys()) locks.push(await lock(`${store}/${user}/Maildir`));
  const socket = connect({ host: "127.0.0.1", port });
  const peer = new TcpDialogue(socket, store, locks);
  if (settings.tls === "start") await peer.startTls(firstCertificate(dialogue));
  return peer;
}

/** With TLS from the start, a script's first step may say which certificate the client has. */
function firstCertificate({ steps }: Dialogue): ClientCertificate | undefined {
  const [first] = steps;
  if (first?.kind !== "tls") return undefined;
  steps.shift();
  return first.certificate;
}

function fillMailbox(maildir: string, names: readonly string[]): void {
  for (const part of ["cur", "new", "tmp"]) {
    Deno.mkdirSync(`${maildir}/${part}`, { recursive: true });
  }
  for (const [i, name] of names.entries()) {
    const text = Deno.readFileSync(new URL(`${name}.eml`, MAIL));
    Deno.writeFileSync(`${maildir}/new/${1_700_000_000 + i}.${name}.example`, text);
  }
}

/** Another program holds the mailbox. */
async function lock(maildir: string): Promise<Deno.FsFile> {
  await Deno.mkdir(maildir, { recursive: true });
  const folder = await Deno.open(maildir);
  if (!await folder.tryLock(true)) throw new Error(`"${maildir}" is locked already`);
  return folder;
}

/** A dialogue over TCP. */
export class TcpDialogue implements DialoguePeer {
  #socket: Socket | TLSSocket;
  readonly #store: string;
  readonly #locks: Deno.FsFile[];
  #received = "";
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket, store: string, locks: Deno.FsFile[]) {
    this.#socket = socket;
    this.#store = store;
    this.#locks = locks;
    this.#listen(socket);
  }

  async send(bytes: Uint8Array): Promise<void> {
    // A server that has closed the connection takes no more: the error ends the dialogue.
    await new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  async line(): Promise<string | null> {
    while (true) {
      const end = this.#received.indexOf("\n");
      if (end >= 0) {
        const line = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 1);
        if (!line.endsWith("\r")) throw new Error(`A bare LF ends the line "${line}"`);
        return line.slice(0, -1);
      }
      if (this.#ended) break;
      await this.#more("a reply");
    }
    if (this.#received !== "") throw new Error(`The stream ends inside of "${this.#received}"`);
    return null;
  }

  async startTls(certificate?: ClientCertificate): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners();
    const pair = certificate === undefined ? {} : await certificatePair(certificate);
    const secure = connectTls({
      socket: plain,
      servername: "localhost",
      ca: await Deno.readTextFile(`${certificates}/ca.pem`),
      ...pair,
    });
    this.#socket = secure;
    this.#listen(secure);
    await new Promise<void>((resolve, reject) => {
      secure.once("secureConnect", resolve);
      secure.once("error", reject);
      secure.once("close", () => reject(new Error("The server ended the handshake")));
    });
  }

  async close(): Promise<void> {
    try {
      this.#socket.end();
      while (!this.#ended) await this.#more("the end of the connection");
      if (this.#received !== "") {
        throw new Error(`The server said more than the script: "${this.#received}"`);
      }
    } finally {
      this.release();
    }
  }

  /** Frees everything, whatever state the dialogue is in. */
  release(): void {
    this.#socket.destroy();
    for (const folder of this.#locks.splice(0)) folder.close();
  }

  async remove(user: string, message: number): Promise<void> {
    const maildir = `${this.#store}/${user}/Maildir`;
    const { new: fresh, cur } = listMailbox(maildir);
    const paths = [...fresh.map((name) => `new/${name}`), ...cur.map((name) => `cur/${name}`)];
    paths.sort((a, b) => a.slice(4) < b.slice(4) ? -1 : 1);
    await Deno.remove(`${maildir}/${paths[message - 1]}`);
  }

  left(user: string): Promise<string[]> {
    const { new: fresh, cur } = listMailbox(`${this.#store}/${user}/Maildir`);
    return Promise.resolve([...fresh, ...cur].sort().map(mailName));
  }

  seen(user: string): Promise<string[]> {
    const { cur } = listMailbox(`${this.#store}/${user}/Maildir`);
    return Promise.resolve(cur.filter((name) => /:2,.*S/.test(name)).map(mailName));
  }

  #listen(socket: Socket): void {
    socket.on("data", (bytes: Uint8Array) => {
      for (let i = 0; i < bytes.length; i += 8192) {
        this.#received += String.fromCharCode(...bytes.subarray(i, i + 8192));
      }
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", end);
  }

  async #more(what: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      timer = setTimeout(() => reject(new Error(`Waited too long for ${what}`)), WAIT_MS);
    });
    clearTimeout(timer);
  }
}

function mailName(file: string): string {
  return baseName(file).replace(/^\d+\.(.*)\.example$/, "$1");
}

async function certificatePair(
  { commonName, trusted }: ClientCertificate,
): Promise<{ cert: string; key: string }> {
  const path = `${certificates}/${trusted ? "" : "rogue_"}${commonName}`;
  return {
    cert: await Deno.readTextFile(`${path}.pem`),
    key: await Deno.readTextFile(`${path}.key`),
  };
}
