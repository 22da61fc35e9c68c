/**
 * One POP3 session of the load generator: its commands, and what must be true of the replies.
 *
 * @module
 */
import { ThoroughCheck } from "./checksum.ts";
import type { Job } from "./job.ts";
import { decimal, ProtocolFault, ReplyParser, text } from "./reply_parser.ts";

/** A socket of Deno's, encrypted or not. */
type Socket = Deno.TcpConn | Deno.TlsConn;

/** Where a run's figures gather. */
export interface Figures {
  messages: number;
  octets: number;
  /** Milliseconds from RETR to its end. */
  readonly retr: number[];
}

const encoder = new TextEncoder();
const RETR = Array.from({ length: 101 }, (_, i) => encoder.encode(`RETR ${i}\r\n`));
const NOT_LISTED = -1;

/** A session's connection and what it knows of the mailbox. */
export class LoadSession {
  readonly #job: Job;
  readonly #figures: Figures;
  readonly #parser: ReplyParser;
  readonly #check: ThoroughCheck | undefined;
  #socket: Socket;
  #count = 0;
  #total = 0;
  #sizes: number[] = [];

  private constructor(job: Job, figures: Figures, socket: Socket) {
    this.#job = job;
    this.#figures = figures;
    this.#socket = socket;
    // Idle sessions are many; the others read as much as they can get.
    this.#parser = new ReplyParser(job.mode === "idle" ? 1024 : 256 * 1024);
    this.#check = job.thorough ? new ThoroughCheck() : undefined;
  }

  /** Connects, and logs in. */
  static async login(job: Job, figures: Figures, user: string): Promise<LoadSession> {
    const session = new LoadSession(job, figures, await connect(job));
    try {
      await session.#greetingAndLogin(user);
      await session.#stat();
      return session;
    } catch (error) {
      session.drop();
      throw error;
    }
  }

  /** Does what the mode says, up to the end of the connection. */
  async work(): Promise<void> {
    const { mode } = this.#job;
    if (mode === "pipeline") {
      await this.#list();
      return await this.#fetchPipelined();
    }
    if (mode === "poll" || mode === "fetch") {
      await this.#uidl();
      await this.#list();
    }
    if (mode === "fetch") await this.#fetch();
    await this.quit();
  }

  /** QUIT, and the end of the connection behind its reply. */
  async quit(): Promise<void> {
    await this.#command("QUIT");
    await this.#end();
  }

  /** Lets go of the connection. */
  drop(): void {
    try {
      this.#socket.close();
    } catch {
      // Closed already.
    }
  }

  async #greetingAndLogin(user: string): Promise<void> {
    const { encryption, ca, password } = this.#job;
    await this.#status();
    if (encryption === "stls") {
      await this.#command("STLS");
      if (!this.#parser.empty) throw new ProtocolFault("bytes came behind the reply to STLS");
      this.#socket = await Deno.startTls(this.#socket as Deno.TcpConn, {
        hostname: "localhost",
        caCerts: ca === undefined ? [] : [ca],
      });
    }
    await this.#command(`USER ${user}`);
    await this.#command(`PASS ${password}`);
  }

  async #stat(): Promise<void> {
    const reply = await this.#command("STAT");
    const match = /^\+OK (\d+) (\d+)$/.exec(reply);
    if (match === null) throw new ProtocolFault(`STAT said "${reply}"`);
    this.#count = Number(match[1]);
    this.#total = Number(match[2]);
  }

  async #uidl(): Promise<void> {
    await this.#command("UIDL");
    const seen = this.#job.thorough ? new Set<string>() : undefined;
    await this.#rows("UIDL", (bytes, from, to) => {
      if (to - from > 70) throw new ProtocolFault("a unique id is longer than 70 characters");
      seen?.add(text(bytes, from, to));
    });
    if (seen !== undefined && seen.size !== this.#count) {
      throw new ProtocolFault("UIDL lists an id twice");
    }
  }

  async #list(): Promise<void> {
    await this.#command("LIST");
    const sizes = this.#sizes = [NOT_LISTED];
    let sum = 0;
    await this.#rows("LIST", (bytes, from, to) => {
      const size = decimal(bytes, from, to);
      sizes.push(size);
      sum += size;
    });
    if (sum !== this.#total) {
      throw new ProtocolFault(`LIST adds up to ${sum} octets, STAT said ${this.#total}`);
    }
  }

  /** Rows must be those of messages 1 to the count of STAT, in order. */
  async #rows(
    command: string,
    value: (bytes: Uint8Array, from: number, to: number) => void,
  ): Promise<void> {
    let rows = 0;
    const check = (number: number, bytes: Uint8Array, from: number, to: number) => {
      if (number !== ++rows) throw new ProtocolFault(`row ${rows} of ${command} says ${number}`);
      value(bytes, from, to);
    };
    while (!this.#parser.rows(check)) await this.#fill();
    if (rows !== this.#count) {
      throw new ProtocolFault(`${command} has ${rows} rows, STAT said ${this.#count}`);
    }
  }

  async #fetch(): Promise<void> {
    const { retr } = this.#figures;
    for (let message = 1; message <= this.#count; message++) {
      const start = performance.now();
      await this.#send(RETR[message] ?? encoder.encode(`RETR ${message}\r\n`));
      await this.#message(message);
      retr.push(performance.now() - start);
    }
  }

  async #fetchPipelined(): Promise<void> {
    let commands = "";
    for (let message = 1; message <= this.#count; message++) commands += `RETR ${message}\r\n`;
    await this.#send(encoder.encode(commands + "QUIT\r\n"));
    for (let message = 1; message <= this.#count; message++) await this.#message(message);
    await this.#status();
    await this.#end();
  }

  async #message(message: number): Promise<void> {
    while (!this.#parser.positive()) await this.#fill();
    let octets = this.#parser.message(this.#check);
    while (octets === undefined) {
      await this.#fill();
      octets = this.#parser.message(this.#check);
    }
    if (octets !== this.#sizes[message]) {
      throw new ProtocolFault(
        `RETR ${message} sent ${octets} octets, LIST said ${this.#sizes[message]}`,
      );
    }
    this.#figures.messages++;
    this.#figures.octets += octets;
  }

  async #command(line: string): Promise<string> {
    await this.#send(encoder.encode(`${line}\r\n`));
    return await this.#status();
  }

  async #status(): Promise<string> {
    let line = this.#parser.status();
    while (line === undefined) {
      await this.#fill();
      line = this.#parser.status();
    }
    return line;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    let sent = await this.#socket.write(bytes);
    while (sent < bytes.length) sent += await this.#socket.write(bytes.subarray(sent));
  }

  async #fill(): Promise<void> {
    const count = await this.#socket.read(this.#parser.space());
    if (count === null) throw new ProtocolFault("the connection ended");
    this.#parser.filled(count);
  }

  /** Only then has the server let go of the mailbox. */
  async #end(): Promise<void> {
    const count = this.#parser.empty ? await this.#readEnd() : 1;
    if (count !== null) throw new ProtocolFault("bytes came behind the reply to QUIT");
    this.#socket.close();
  }

  async #readEnd(): Promise<number | null> {
    try {
      return await this.#socket.read(this.#parser.space());
    } catch (error) {
      // OpenSSL servers often leave close_notify out; there is nothing to be lost any more.
      if (error instanceof Deno.errors.UnexpectedEof) return null;
      throw error;
    }
  }
}

async function connect(job: Job): Promise<Socket> {
  const address = { hostname: "127.0.0.1", port: job.port };
  if (job.encryption !== "tls") {
    const socket = await Deno.connect(address);
    socket.setNoDelay(true);
    return socket;
  }
  const caCerts = job.ca === undefined ? [] : [job.ca];
  const socket = await Deno.connectTls({ hostname: "localhost", port: job.port, caCerts });
  await socket.handshake();
  return socket;
}
