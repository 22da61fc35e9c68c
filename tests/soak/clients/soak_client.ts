/**
 * A connection of the soak's clients: the replies are taken apart by the tests' own parser, what is
 * sent and how it ends is free.
 *
 * @module
 */
import { isMultiLine, type Reply, ReplyParser } from "../../support/pop_client.ts";
import type { ClientJob, Encryption } from "./job.ts";

const READ_SIZE = 16 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Counts connections that are open, and watches how long answers take. */
export interface OpenCount {
  open: number;
  /** The longest time from a command to its answer since it was last looked at, in milliseconds. */
  slowest: number;
}

/** One connection. */
export class SoakClient {
  readonly #count: OpenCount;
  readonly #parser = new ReplyParser();
  #socket: Deno.TcpConn | Deno.TlsConn;
  #buffer: Uint8Array | undefined;
  #closed = false;

  private constructor(socket: Deno.TcpConn | Deno.TlsConn, count: OpenCount) {
    this.#socket = socket;
    this.#count = count;
    count.open++;
  }

  /** Connects to a port, and says nothing yet. */
  static async raw(port: number, count: OpenCount): Promise<SoakClient> {
    return new SoakClient(await Deno.connect({ hostname: "127.0.0.1", port }), count);
  }

  /**
   * Connects, encrypts and takes the greeting.
   *
   * @returns the connection and the greeting
   */
  static async connect(
    { ports, ca }: ClientJob,
    encryption: Encryption,
    count: OpenCount,
  ): Promise<{ client: SoakClient; greeting: string }> {
    const caCerts = [ca];
    const client = encryption === "tls"
      ? new SoakClient(
        await Deno.connectTls({ hostname: "127.0.0.1", port: ports.tls, caCerts }),
        count,
      )
      : await SoakClient.raw(ports.plain, count);
    try {
      const greeting = await client.#mustSay("+OK", "the connection");
      if (encryption === "stls") await client.#startTls(caCerts);
      return { client, greeting };
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Sends text as it is. */
  async send(text: string): Promise<void> {
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }

  /** Sends a command and takes its answer. */
  async command(line: string): Promise<Reply> {
    const start = performance.now();
    await this.send(`${line}\r\n`);
    const reply = await this.answer(line);
    this.#count.slowest = Math.max(this.#count.slowest, performance.now() - start);
    return reply;
  }

  /**
   * Sends a command that must succeed, and takes its answer.
   *
   * @throws if it does not
   */
  async ok(line: string): Promise<Reply> {
    const reply = await this.command(line);
    if (!reply.status.startsWith("+OK")) throw new Error(`${line}: ${reply.status}`);
    return reply;
  }

  /** Takes the answer to a command that was sent. */
  async answer(command: string): Promise<Reply> {
    const status = await this.line();
    if (status === undefined) throw new Error(`${command}: the connection ended`);
    if (!isMultiLine(command) || !status.startsWith("+OK")) return { status };
    for (let data = this.#parser.data();; data = this.#parser.data()) {
      if (data !== undefined) return { status, data };
      if (!await this.#fill()) throw new Error(`${command}: the connection ended in the answer`);
    }
  }

  /** The next line, or undefined at the end of the connection. */
  async line(): Promise<string | undefined> {
    for (let line = this.#parser.line();; line = this.#parser.line()) {
      if (line !== undefined) return decoder.decode(line);
      if (!await this.#fill()) return undefined;
    }
  }

  /** Reads once, whatever it is; false at the end of the connection. */
  async peek(): Promise<boolean> {
    return this.#parser.rest > 0 || await this.#fill();
  }

  /** Ends the sending side, and goes on reading. */
  async shutdown(): Promise<void> {
    await this.#socket.closeWrite();
  }

  /** Lets go of the connection; with unread replies in the kernel, the server gets an RST. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#count.open--;
    try {
      this.#socket.close();
    } catch {
      // Closed by the runtime already.
    }
  }

  async #startTls(caCerts: string[]): Promise<void> {
    await this.ok("STLS");
    if (this.#parser.rest > 0) throw new Error("STLS: bytes came behind the answer");
    this.#socket = await Deno.startTls(this.#socket as Deno.TcpConn, {
      hostname: "127.0.0.1",
      caCerts,
    });
  }

  async #mustSay(start: string, what: string): Promise<string> {
    const line = await this.line();
    if (line?.startsWith(start)) return line;
    throw new Error(`${what}: ${line ?? "ended without a greeting"}`);
  }

  async #fill(): Promise<boolean> {
    const buffer = this.#buffer ??= new Uint8Array(READ_SIZE);
    const count = await this.#socket.read(buffer);
    if (count === null) return false;
    this.#parser.push(buffer.subarray(0, count));
    return true;
  }
}
