/**
 * A POP3 server that misbehaves on cue, for tests of the retriever. Its mailbox outlives sessions;
 * what a session does wrong is said by {@linkcode Misbehaviour}, so that a test can let one session
 * fail and look what the next one makes of it.
 *
 * @module
 */
import type { Connection } from "../../lib/transport/connection.ts";
import { TlsHandshakeError } from "../../lib/transport/server_tls.ts";
import { memoryPair, type MemoryPairOptions } from "./memory.ts";
import { TcpConnection } from "../../lib/transport/tcp.ts";
import { LineReader, OVERLONG } from "../../lib/wire/line_reader.ts";
import { latin1 } from "../../lib/wire/text.ts";

/** A message in the mailbox: one character an octet, CRLF line ends. */
export interface ScriptedMessage {
  uid: string;
  text: string;
}

/** What a session does that a good server would not (or need not) do. */
export interface Misbehaviour {
  /** The octets after which the line is cut. */
  cutAfter?: number;
  /** Closes the connection instead of answering the first command that matches. */
  hangUpAt?: RegExp;
  /** Never answers the first command that matches, nor anything behind it. */
  silentAt?: RegExp;
  /** The most octets of one write. */
  chunk?: number;
  /** Whether PIPELINING is announced (default true). */
  pipelining?: boolean;
  /** Turns the octets of a reply into what is sent. */
  rewrite?: (reply: string, command: string) => string;
  /** What QUIT does: `cut` before deleting, `cut-after` deleting, or `err` and deletes nothing. */
  quit?: "cut" | "cut-after" | "err";
  /** Milliseconds that each batch of replies takes. */
  latency?: number;
  /** Announces and takes STLS by this; given the connection after the +OK. */
  startTls?: (connection: Connection) => Promise<Connection>;
  /** The greeting. */
  greeting?: string;
  /** The extensions beside the usual ones. */
  capabilities?: string[];
  /** Answers commands that the server does not know, AUTH for example. */
  extra?: (line: string) => string | undefined;
}

/** The server. */
export class ScriptedPop3Server {
  /** What is in the mailbox. */
  messages: ScriptedMessage[] = [];
  /** What the next sessions do; the last one holds for all further sessions. */
  script: Misbehaviour[] = [];
  /** The lines of each session, in their order. */
  readonly sessions: string[][] = [];
  /** The octets sent in each session. */
  readonly sent: number[] = [];
  readonly #running = new Set<Promise<void>>();
  #listener: Deno.TcpListener | undefined;

  /** Puts messages into the mailbox. */
  add(...texts: string[]): void {
    for (const text of texts) {
      this.messages.push({ uid: `uid-${++count}`, text });
    }
  }

  /** A connection to the server, in memory. */
  dial(options: MemoryPairOptions = {}): Connection {
    const [client, server] = memoryPair(options);
    this.#start(server);
    return client;
  }

  /** Listens on a free port of the loopback interface. */
  listen(): number {
    const listener = this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accept = async (): Promise<void> => {
      for await (const socket of listener) this.#start(new TcpConnection(socket));
    };
    this.#running.add(accept().catch(() => {}));
    return (listener.addr as Deno.NetAddr).port;
  }

  /** Stops listening and waits for the sessions. */
  async close(): Promise<void> {
    this.#listener?.close();
    await Promise.all(this.#running);
  }

  #start(connection: Connection): void {
    const index = this.sessions.length;
    const lines: string[] = [];
    this.sessions.push(lines);
    this.sent.push(0);
    const misbehaviour = this.script[Math.min(index, this.script.length - 1)] ?? {};
    const session = new Session(this, connection, misbehaviour, lines);
    const run = session.run().catch((error: unknown) => {
      if (!(error instanceof Cut) && !isDisconnect(error)) throw error;
    }).finally(() => {
      this.sent[index] = session.sent;
      session.close();
    });
    this.#running.add(run);
    run.finally(() => this.#running.delete(run));
  }
}

let count = 0;

class Cut extends Error {}

function isDisconnect(error: unknown): boolean {
  return error instanceof TlsHandshakeError || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}

class Session {
  sent = 0;
  readonly #server: ScriptedPop3Server;
  readonly #misbehaviour: Misbehaviour;
  readonly #lines: string[];
  #connection: Connection;
  #reader = new LineReader(64 * 1024);
  #out = "";
  #silent = false;
  #drop: ScriptedMessage[] = [];
  readonly #deleted = new Set<ScriptedMessage>();

  constructor(
    server: ScriptedPop3Server,
    connection: Connection,
    misbehaviour: Misbehaviour,
    lines: string[],
  ) {
    this.#server = server;
    this.#connection = connection;
    this.#misbehaviour = misbehaviour;
    this.#lines = lines;
  }

  close(): void {
    this.#connection.close();
  }

  async run(): Promise<void> {
    this.#out = this.#rewritten(this.#misbehaviour.greeting ?? "+OK ready\r\n", "");
    const buffer = new Uint8Array(16 * 1024);
    while (true) {
      await this.#flush();
      const got = await this.#connection.read(buffer);
      if (got === null) return;
      this.#reader.push(buffer.subarray(0, got));
      for (let line = this.#reader.next(); line !== undefined; line = this.#reader.next()) {
        if (line === OVERLONG) throw new Error("The client sent an endless line");
        if (await this.#command(latin1(line))) return;
      }
    }
  }

  /** @returns whether the session is over */
  async #command(line: string): Promise<boolean> {
    this.#lines.push(line);
    const { hangUpAt, silentAt, quit, startTls } = this.#misbehaviour;
    if (hangUpAt?.test(line)) {
      await this.#flush();
      return true;
    }
    if (silentAt?.test(line)) this.#silent = true;
    if (this.#silent) return false;
    if (/^STLS$/i.test(line) && startTls !== undefined) {
      this.#out += this.#rewritten("+OK begin\r\n", line);
      await this.#flush();
      this.#connection = await startTls(this.#connection);
      return false;
    }
    if (/^QUIT$/i.test(line)) {
      if (quit === undefined || quit === "cut-after") this.#update();
      if (quit === undefined) this.#out += this.#rewritten("+OK bye\r\n", line);
      if (quit === "err") this.#out += "-ERR some deleted messages not removed\r\n";
      await this.#flush();
      return true;
    }
    this.#out += this.#rewritten(this.#reply(line), line);
    return false;
  }

  #update(): void {
    this.#server.messages = this.#server.messages.filter((one) => !this.#deleted.has(one));
  }

  #reply(line: string): string {
    const [verb, argument] = [line.split(" ")[0]!.toUpperCase(), line.split(" ")[1] ?? ""];
    const message = this.#drop[Number(argument) - 1];
    switch (verb) {
      case "CAPA":
        return this.#capa();
      case "USER":
        return "+OK\r\n";
      case "PASS":
        this.#drop = [...this.#server.messages];
        return line === "PASS secret" ? "+OK welcome\r\n" : "-ERR [AUTH] wrong password\r\n";
      case "STAT": {
        const octets = this.#drop.reduce((sum, { text }) => sum + text.length, 0);
        return `+OK ${this.#drop.length} ${octets}\r\n`;
      }
      case "UIDL":
        return list(this.#drop.map(({ uid }, i) => `${i + 1} ${uid}`));
      case "LIST":
        return list(this.#drop.map(({ text }, i) => `${i + 1} ${text.length}`));
      case "RETR":
        if (message === undefined || this.#deleted.has(message)) return "-ERR no such message\r\n";
        return `+OK ${message.text.length} octets\r\n${stuffed(message.text)}.\r\n`;
      case "DELE":
        if (message === undefined || this.#deleted.has(message)) return "-ERR no such message\r\n";
        this.#deleted.add(message);
        return "+OK deleted\r\n";
      default: {
        const extra = this.#misbehaviour.extra?.(line);
        if (extra?.startsWith("+OK logged in")) this.#drop = [...this.#server.messages];
        return extra ?? "-ERR unknown command\r\n";
      }
    }
  }

  #capa(): string {
    const { pipelining = true, startTls, capabilities = [] } = this.#misbehaviour;
    return list([
      "USER",
      "UIDL",
      ...(pipelining ? ["PIPELINING"] : []),
      ...(startTls === undefined ? [] : ["STLS"]),
      ...capabilities,
    ]);
  }

  #rewritten(reply: string, command: string): string {
    return this.#misbehaviour.rewrite?.(reply, command) ?? reply;
  }

  async #flush(): Promise<void> {
    const { chunk = Infinity, cutAfter = Infinity, latency } = this.#misbehaviour;
    if (this.#out !== "" && latency !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, latency));
    }
    let out = this.#out;
    this.#out = "";
    while (out !== "") {
      const part = out.slice(0, Math.min(chunk, cutAfter - this.sent));
      if (part !== "") await this.#connection.write(octets(part));
      this.sent += part.length;
      out = out.slice(part.length);
      if (this.sent >= cutAfter) throw new Cut();
    }
  }
}

function list(lines: readonly string[]): string {
  return `+OK\r\n${lines.map((line) => `${line}\r\n`).join("")}.\r\n`;
}

function stuffed(text: string): string {
  return text.replace(/^\./gm, "..");
}

/** A text of one character an octet as octets. */
export function octets(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
