/**
 * A plain POP3 client for tests, which shares no code with the program: it
 * must not make the same mistakes.
 *
 * @module
 */
import assert from "node:assert/strict";

const LF = 0x0a;
const DOT = 0x2e;

/** A server's answer to one command. */
export interface Reply {
  /** The first line, without its line end. */
  readonly status: string;
  /** The rest of a multi-line answer, dot-stuffing undone, without the final dot line. */
  readonly data?: Uint8Array;
}

/** The octets of a server's answers, taken apart as they come. */
export class ReplyParser {
  #buffer: Uint8Array = new Uint8Array(0);
  #length = 0;
  #start = 0;
  /** Up to here no end of a multi-line answer was found. */
  #searched = 0;

  /** Adds octets. */
  push(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#buffer.length) {
      const kept = this.#buffer.subarray(this.#start, this.#length);
      const buffer = new Uint8Array(2 * (kept.length + bytes.length));
      buffer.set(kept);
      this.#buffer = buffer;
      this.#length = kept.length;
      this.#searched = Math.max(0, this.#searched - this.#start);
      this.#start = 0;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** How many octets are not taken yet. */
  get rest(): number {
    return this.#length - this.#start;
  }

  /** The next line with its CRLF taken off, or undefined if it is not complete. */
  line(): Uint8Array | undefined {
    const end = this.#buffer.subarray(0, this.#length).indexOf(LF, this.#start);
    if (end < 0) return undefined;
    const line = this.#buffer.slice(this.#start, end - 1);
    assert.equal(this.#buffer[end - 1], 0x0d, `A bare LF ends "${latin1(line)}"`);
    this.#start = end + 1;
    return line;
  }

  /** The rest of a multi-line answer, or undefined if its end is not there yet. */
  data(): Uint8Array | undefined {
    const raw = this.#buffer.subarray(this.#start, this.#length);
    const end = findEnd(raw, Math.max(0, this.#searched - this.#start));
    if (end < 0) {
      // The end may have come in part.
      this.#searched = Math.max(this.#start, this.#length - 3);
      return undefined;
    }
    const data = new Uint8Array(end);
    let length = 0;
    for (let at = 0; at < end;) {
      if (raw[at] === DOT) {
        at++;
        assert.equal(raw[at], DOT, "A line begins with a dot that is not stuffed");
      }
      const next = raw.indexOf(LF, at) + 1;
      data.set(raw.subarray(at, next), length);
      length += next - at;
      at = next;
    }
    this.#start += end + 3;
    return data.slice(0, length);
  }
}

/** Where the final dot line begins, at `from` or later, or -1. */
function findEnd(raw: Uint8Array, from: number): number {
  const isEnd = (at: number) => raw[at] === DOT && raw[at + 1] === 0x0d && raw[at + 2] === LF;
  for (let at = raw.indexOf(DOT, from); at >= 0; at = raw.indexOf(DOT, at + 1)) {
    if ((at === 0 || raw[at - 1] === LF) && isEnd(at)) return at;
  }
  return -1;
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 200), (byte) => String.fromCharCode(byte)).join("");
}

/** Takes apart the answers to commands that were sent all at once; "-ERR" is an answer too. */
export function parseReplies(octets: Uint8Array, commands: readonly string[]): Reply[] {
  const parser = new ReplyParser();
  parser.push(octets);
  return commands.map((command) => {
    const status = parser.line();
    assert(status !== undefined, `No answer to "${command}"`);
    const text = new TextDecoder().decode(status);
    if (!isMultiLine(command) || !text.startsWith("+OK")) return { status: text };
    const data = parser.data();
    assert(data !== undefined, `The answer to "${command}" has no end`);
    return { status: text, data };
  });
}

/** Whether the answer to a command has more than one line. */
export function isMultiLine(command: string): boolean {
  return /^(CAPA|RETR|TOP|LIST$|UIDL$|AUTH$)/i.test(command.trim());
}

/** A session over TCP. */
export class PopClient implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #parser = new ReplyParser();
  readonly #buffer = new Uint8Array(64 * 1024);
  /** The server's first line. */
  greeting = "";

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects and takes the greeting. */
  static async connect(port: number): Promise<PopClient> {
    const client = new PopClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    try {
      client.greeting = (await client.#answer("")).status;
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  /** Connects and logs in; fails if that is refused. */
  static async login(port: number, user: string, password: string): Promise<PopClient> {
    const client = await PopClient.connect(port);
    try {
      await client.ok(`USER ${user}`);
      await client.ok(`PASS ${password}`);
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  /** Sends text as it is. */
  async send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Sends a command and takes its answer. */
  async command(line: string): Promise<Reply> {
    await this.send(`${line}\r\n`);
    return await this.#answer(line);
  }

  /** Sends a command that must succeed, and takes its answer. */
  async ok(line: string): Promise<Reply> {
    const reply = await this.command(line);
    assert.match(reply.status, /^\+OK/, `The answer to "${line}"`);
    return reply;
  }

  /** The next line of the server, or null at the end of the connection. */
  async line(): Promise<string | null> {
    for (let line = this.#parser.line();; line = this.#parser.line()) {
      if (line !== undefined) return new TextDecoder().decode(line);
      if (!await this.#fill()) return null;
    }
  }

  /** Ends the connection, without a word. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #answer(command: string): Promise<Reply> {
    const status = await this.line();
    if (status === null) throw new Error(`The connection ended before the answer to "${command}"`);
    if (!isMultiLine(command) || !status.startsWith("+OK")) return { status };
    for (let data = this.#parser.data();; data = this.#parser.data()) {
      if (data !== undefined) return { status, data };
      if (!await this.#fill()) {
        throw new Error(`The connection ended in the answer to "${command}"`);
      }
    }
  }

  async #fill(): Promise<boolean> {
    const count = await this.#conn.read(this.#buffer);
    if (count === null) return false;
    this.#parser.push(this.#buffer.subarray(0, count));
    return true;
  }
}
