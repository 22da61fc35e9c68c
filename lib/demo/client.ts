/**
 * A mail client's end of the demo's dialogues: it shows what is said as it says it.
 *
 * @module
 */
import { EXIT_FAILED, reasonOf, UserError } from "../errors.ts";
import { connect, secureClient } from "../transport/client.ts";
import type { Connection } from "../transport/connection.ts";
import { LineReader, OVERLONG } from "../wire/line_reader.ts";
import { decodeText, encodeText, latin1 } from "../wire/text.ts";
import type { Screen } from "./screen.ts";
import { HOST } from "./site.ts";

/** How long the server may take for anything, in milliseconds. */
const TIMEOUT = 10_000;
/** The longest line that is read. */
const LONGEST_LINE = 64 * 1024;

/** The server's answer to a command. */
export interface Reply {
  /** Whether it began with `+OK`. */
  readonly ok: boolean;
  /** The first line. */
  readonly status: string;
  /** The further lines as they came, without the final dot. */
  readonly lines: readonly string[];
}

/** How a {@linkcode DemoClient} connects. */
export interface DemoConnectOptions {
  /** The server's port. */
  readonly port: number;
  /** The authority to trust, as PEM. */
  readonly authority: string;
  /** Whether TLS comes first. */
  readonly tls: boolean;
  /** A client certificate to present. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  /** Where the dialogue is shown. */
  readonly screen: Screen;
  /** Whether the greeting is shown. */
  readonly showGreeting: boolean;
}

/** How a command is shown. */
export interface Shown {
  /** What stands for the command, if it holds a secret; nothing is shown for an empty text. */
  readonly as?: string;
  /** Whether the answer has more than one line. */
  readonly multiLine?: boolean;
  /** How many of these lines are shown; all by default. */
  readonly most?: number;
}

/** One connection to the demo's server. */
export class DemoClient implements Disposable {
  readonly #options: DemoConnectOptions;
  readonly #buffer = new Uint8Array(16 * 1024);
  #connection: Connection;
  #reader = new LineReader(LONGEST_LINE);
  /** The server's first line. */
  greeting = "";

  private constructor(connection: Connection, options: DemoConnectOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /**
   * Connects and reads the greeting.
   *
   * @throws {UserError} if that fails
   */
  static async connect(options: DemoConnectOptions): Promise<DemoClient> {
    const { port, tls, screen, showGreeting } = options;
    const connection = await connect({
      host: HOST,
      port,
      timeout: TIMEOUT,
      tls: tls ? tlsOptions(options) : undefined,
    });
    const client = new DemoClient(connection, options);
    try {
      client.greeting = await client.#line();
      if (showGreeting) screen.server(client.greeting);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Sends a line and reads the answer. */
  async command(line: string, shown: Shown = {}): Promise<Reply> {
    await this.send(line, shown.as);
    const reply = await this.#reply(shown);
    if (shown.as !== "") this.#show(reply, shown.most ?? Infinity);
    return reply;
  }

  /** Sends a line that must be answered with `+OK`. */
  async ok(line: string, shown: Shown = {}): Promise<Reply> {
    const reply = await this.command(line, shown);
    if (reply.ok) return reply;
    throw new UserError(
      `The demo's server did not do "${shown.as || line}", as it should: ${reply.status}`,
    );
  }

  /** Sends a line. */
  async send(line: string, as: string = line): Promise<void> {
    if (as !== "") this.#options.screen.client(as);
    try {
      await this.#connection.write(encodeText(line + "\r\n"));
    } catch (error) {
      throw broken(reasonOf(error), error);
    }
  }

  /** Goes on encrypted, after the server's `+OK` to STLS. */
  async startTls(): Promise<void> {
    if (this.#reader.buffered > 0) throw broken("it said something behind its answer to STLS");
    this.#connection = await secureClient(this.#connection, tlsOptions(this.#options), {
      timeout: TIMEOUT,
    });
    this.#reader = new LineReader(LONGEST_LINE);
  }

  /** Ends the connection. */
  close(): void {
    this.#connection.close();
  }

  /** Ends the connection. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #reply({ multiLine = false }: Shown): Promise<Reply> {
    const status = await this.#line();
    const ok = status.startsWith("+OK");
    const lines: string[] = [];
    while (multiLine && ok) {
      const line = await this.#line();
      if (line === ".") break;
      lines.push(line);
    }
    return { ok, status, lines };
  }

  #show({ status, lines }: Reply, most: number): void {
    const { screen } = this.#options;
    screen.server(status);
    // One line more is no shorter than the line that says so.
    const shown = lines.length <= most + 1 ? lines : lines.slice(0, most);
    for (const line of shown) screen.server(line);
    if (shown.length < lines.length) screen.server(`… ${lines.length - shown.length} more lines …`);
    if (lines.length > 0) screen.server(".");
  }

  async #line(): Promise<string> {
    while (true) {
      const line = this.#reader.next();
      if (line === OVERLONG) throw broken("it sent a line without end");
      if (line !== undefined) return decodeText(line) ?? latin1(line);
      await this.#fill();
    }
  }

  async #fill(): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.close();
    }, TIMEOUT);
    try {
      const count = await this.#connection.read(this.#buffer);
      if (count === null) throw new Error("it closed the connection");
      this.#reader.push(this.#buffer.subarray(0, count));
    } catch (error) {
      throw broken(late ? `it said nothing for ${TIMEOUT / 1000} s` : reasonOf(error), error);
    } finally {
      clearTimeout(timer);
    }
  }
}

function tlsOptions({ authority, certificate }: DemoConnectOptions): {
  serverName: string;
  ca: string;
  cert?: string;
  key?: string;
} {
  return { serverName: HOST, ca: authority, ...certificate };
}

function broken(reason: string, cause?: unknown): UserError {
  return new UserError(
    `The demo lost its own server: ${reason}`,
    EXIT_FAILED,
    cause === undefined ? {} : { cause },
  );
}
