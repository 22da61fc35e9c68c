/**
 * Plays the server in a dialogue: a real session over a connection in memory, with a store,
 * directory and TLS that are none.
 *
 * @module
 */
import { SERVER_MECHANISMS, type ServerMechanism } from "../../lib/auth/types.ts";
import { runSession } from "../../lib/server/session.ts";
import { SessionGroup } from "../../lib/server/session_group.ts";
import type { SessionLog, SessionOptions } from "../../lib/server/session_options.ts";
import type { Connection, Endpoint, TlsInfo } from "../../lib/transport/connection.ts";
import { Deadlines } from "../../lib/transport/deadlines.ts";
import { type MemoryConnection, memoryPair } from "./memory.ts";
import { encodeText, latin1 } from "../../lib/wire/text.ts";
import type { ClientCertificate, Dialogue, DialoguePeer, DialogueSettings } from "./dialogue.ts";
import { FakeAuthenticator } from "./fake_authenticator.ts";
import { type FakeFault, FakeStore, textOfFile } from "./fake_store.ts";

const MAIL = new URL("../dialogues/mail/", import.meta.url);
const WAIT_MS = 10_000;

/** Keeps what a session logs. */
export class FakeLog implements SessionLog {
  readonly lines: string[] = [];
  error(text: string): void {
    this.lines.push(`ERR ${text}`);
  }
  warn(text: string): void {
    this.lines.push(`WARN ${text}`);
  }
  info(text: string): void {
    this.lines.push(`INFO ${text}`);
  }
  trace(text: string): void {
    this.lines.push(`TRC ${text}`);
  }
}

/** A session's options, of which a test replaces what it is about. */
export function sessionOptions(change: Partial<SessionOptions> = {}): SessionOptions {
  return {
    id: "s1",
    settings: {
      greet: "Mailismus POP3 Ready",
      hostName: "mail.example.org",
      authtypes: SERVER_MECHANISMS,
      authtypesSsl: ["SASL_EXTERNAL"],
      mandatoryTls: false,
      expire: -1,
      idleTimeout: 120_000,
      loginTime: 60_000,
      maxLine: 8192,
      maxBadCommands: 10,
      maxLoginCommands: 0,
      maxLoginInput: 0,
    },
    authenticator: new FakeAuthenticator([["alice", "secret"]]),
    store: new FakeStore(),
    loginGate: { attempt: () => ({ wait: () => 0, end() {} }), authenticated() {} },
    deadlines: new Deadlines(),
    group: new SessionGroup(),
    log: new FakeLog(),
    ...change,
  };
}

/** Starts the session that a script wants. */
export async function startDialogue(dialogue: Dialogue, chunk: number): Promise<MemoryDialogue> {
  const { settings } = dialogue;
  const store = new FakeStore();
  await fillStore(store, settings);
  const options = optionsFor(settings, store);
  const [client, server] = memoryPair({ chunk });
  const session = settings.tls === "start"
    ? fakeHandshake(server).then((secured) => runSession(secured, options))
    : runSession(server, options);
  return new MemoryDialogue(client, session, store, options.log as FakeLog);
}

async function fillStore(store: FakeStore, settings: DialogueSettings): Promise<void> {
  for (const [user, names] of settings.mail) {
    for (const name of names) {
      store.put(user, name, textOfFile(await Deno.readFile(new URL(`${name}.eml`, MAIL))));
    }
  }
  for (const [user, fault] of settings.faults) store.mailbox(user).fault = fault as FakeFault;
  if (settings.broken === undefined) return;
  const { user, message, after } = settings.broken;
  store.mailbox(user).messages[message - 1]!.failsAfter = after;
}

function optionsFor(settings: DialogueSettings, store: FakeStore): SessionOptions {
  const authenticator = new FakeAuthenticator(settings.users);
  authenticator.digestsPossible = settings.plainpass;
  const base = sessionOptions();
  const authtypes = mechanisms(settings.authtypes ?? "all");
  const stls = settings.tls === "latent" || settings.tls === "mandatory";
  // The defaults of the manual's section 4.8.3.
  const byDefault: ServerMechanism[] = settings.tls === "none"
    ? ["SASL_EXTERNAL"]
    : settings.tls === "latent"
    ? ["SASL_PLAIN", "SASL_EXTERNAL"]
    : authtypes;
  const needTls = settings.authtypesSsl === undefined
    ? byDefault
    : mechanisms(settings.authtypesSsl);
  return {
    ...base,
    settings: {
      ...base.settings,
      greet: settings.greet ?? base.settings.greet,
      authtypes,
      authtypesSsl: needTls.filter((name) => authtypes.includes(name)),
      mandatoryTls: settings.tls === "mandatory",
      expire: settings.expire ?? -1,
      maxLine: settings.line ?? 8192,
      maxBadCommands: settings.badCommands ?? 10,
    },
    authenticator,
    store,
    ...(stls ? { startTls: fakeHandshake } : {}),
  };
}

function mechanisms(text: string): ServerMechanism[] {
  if (text === "all") return [...SERVER_MECHANISMS];
  const names = text.split("|").map((name) => name.trim());
  return SERVER_MECHANISMS.filter((name) => names.includes(name));
}

/** A dialogue in memory. */
export class MemoryDialogue implements DialoguePeer {
  readonly #client: MemoryConnection;
  readonly #session: Promise<void>;
  readonly #store: FakeStore;
  readonly log: FakeLog;
  #received = "";
  #ended = false;

  constructor(
    client: MemoryConnection,
    session: Promise<void>,
    store: FakeStore,
    log: FakeLog,
  ) {
    this.#client = client;
    this.#session = session;
    this.#store = store;
    this.log = log;
  }

  async send(bytes: Uint8Array): Promise<void> {
    // A session that has ended takes no more, as on a real network.
    await this.#client.write(bytes).catch(() => {});
  }

  async line(): Promise<string | null> {
    const buffer = new Uint8Array(4096);
    while (true) {
      const end = this.#received.indexOf("\n");
      if (end >= 0) {
        const line = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + 1);
        if (!line.endsWith("\r")) throw new Error(`A bare LF ends the line "${line}"`);
        return line.slice(0, -1);
      }
      if (this.#ended) break;
      const count = await bounded(this.#client.read(buffer), "a reply");
      if (count === null) this.#ended = true;
      else this.#received += latin1(buffer.subarray(0, count));
    }
    if (this.#received !== "") throw new Error(`The stream ends inside of "${this.#received}"`);
    return null;
  }

  async startTls(certificate?: ClientCertificate): Promise<void> {
    await this.#client.write(encodeText(`HELLO ${JSON.stringify(certificate ?? {})}\n`));
  }

  async close(): Promise<void> {
    if (!this.#ended) {
      // What the server still says to a client that is leaving counts as well.
      this.#client.shutdown();
      const rest = await this.#rest();
      if (rest !== "") throw new Error(`The server said more than the script: "${rest}"`);
    }
    this.#client.close();
    await bounded(this.#session, "the end of the session");
    if (!this.#store.allClosed) throw new Error("A maildrop is still open");
  }

  async #rest(): Promise<string> {
    const buffer = new Uint8Array(4096);
    while (!this.#ended) {
      const count = await bounded(this.#client.read(buffer), "the end");
      if (count === null) this.#ended = true;
      else this.#received += latin1(buffer.subarray(0, count));
    }
    return this.#received;
  }

  remove(user: string, message: number): Promise<void> {
    this.#store.mailbox(user).messages[message - 1]!.removed = true;
    return Promise.resolve();
  }

  left(user: string): Promise<string[]> {
    return Promise.resolve(this.#store.left(user));
  }

  seen(user: string): Promise<string[]> {
    return Promise.resolve(this.#store.seen(user));
  }
}

/** The server's side of a handshake that is none: the client says who it is. */
export async function fakeHandshake(connection: Connection): Promise<Connection> {
  const byte = new Uint8Array(1);
  let hello = "";
  while (!hello.endsWith("\n")) {
    if (await connection.read(byte) === null) throw new Error("The client left");
    hello += latin1(byte);
  }
  if (!hello.startsWith("HELLO ")) throw new Error("This is no ClientHello");
  const { commonName, trusted } = JSON.parse(hello.slice(6)) as Partial<ClientCertificate>;
  return new FakeTlsConnection(connection, {
    protocol: "TLSv1.3",
    cipher: "TLS_AES_256_GCM_SHA384",
    ...(commonName !== undefined && trusted ? { verifiedCommonName: commonName } : {}),
    ...(commonName !== undefined && !trusted ? { certificateFault: "unknown issuer" } : {}),
  });
}

class FakeTlsConnection implements Connection {
  readonly #inner: Connection;
  readonly local: Endpoint;
  readonly peer: Endpoint;
  readonly tls: TlsInfo;

  constructor(inner: Connection, tls: TlsInfo) {
    this.#inner = inner;
    this.local = inner.local;
    this.peer = inner.peer;
    this.tls = tls;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#inner.read(buffer);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#inner.write(bytes);
  }

  close(): void {
    this.#inner.close();
  }
}

/** Waits for a promise, but not for ever. */
export async function bounded<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited too long for ${what}`)), WAIT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
