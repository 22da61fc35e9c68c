/**
 * A session in memory that a test talks to line by line.
 *
 * @module
 */
import type { SessionOptions } from "../../lib/server/session_options.ts";
import { runSession } from "../../lib/server/session.ts";
import { type MemoryConnection, memoryPair, type MemoryPairOptions } from "./memory.ts";
import { latin1 } from "../../lib/wire/text.ts";
import { bytesOf } from "./mailbox.ts";
import { bounded, sessionOptions } from "./memory_dialogue.ts";

/** The client's end of a session. */
export class TestClient {
  readonly connection: MemoryConnection;
  /** Settles when the session is over. */
  readonly session: Promise<void>;
  #received = "";

  /** Use {@linkcode startSession}. */
  constructor(connection: MemoryConnection, session: Promise<void>) {
    this.connection = connection;
    this.session = session;
  }

  /** Sends lines in one piece. */
  async send(...lines: string[]): Promise<void> {
    await this.connection.write(bytesOf(lines.map((line) => line + "\r\n").join("")));
  }

  /** The next line, without its CRLF; null at the end. */
  async line(): Promise<string | null> {
    const buffer = new Uint8Array(4096);
    while (!this.#received.includes("\r\n")) {
      const count = await bounded(this.connection.read(buffer), "a reply");
      if (count === null) return null;
      this.#received += latin1(buffer.subarray(0, count));
    }
    const end = this.#received.indexOf("\r\n");
    const line = this.#received.slice(0, end);
    this.#received = this.#received.slice(end + 2);
    return line;
  }

  /** The next lines. */
  async lines(count: number): Promise<(string | null)[]> {
    const lines: (string | null)[] = [];
    for (let i = 0; i < count; i++) lines.push(await this.line());
    return lines;
  }

  /** All that comes until the server closes the connection. */
  async rest(): Promise<string> {
    const buffer = new Uint8Array(65536);
    let text = this.#received;
    this.#received = "";
    while (true) {
      const count = await bounded(this.connection.read(buffer), "the end");
      if (count === null) return text;
      text += latin1(buffer.subarray(0, count));
    }
  }

  /** Sends what logs alice in, after the greeting, and takes the replies. */
  async logIn(): Promise<void> {
    await this.send("USER alice", "PASS secret");
    const replies = await this.lines(3);
    if (replies[2] !== "+OK Logged in") throw new Error(`Not logged in: ${replies.join(" / ")}`);
  }

  /** Closes the connection and waits for the session's end. */
  async hangUp(): Promise<void> {
    this.connection.close();
    await this.ended();
  }

  /** Waits for the session's end. */
  async ended(): Promise<void> {
    await bounded(this.session, "the end of the session");
  }
}

/** Starts a session for a client. */
export function startSession(
  change: Partial<SessionOptions> = {},
  pair: MemoryPairOptions = {},
): TestClient {
  const [client, server] = memoryPair({
    first: { address: "192.0.2.7", port: 40000 },
    ...pair,
  });
  return new TestClient(client, runSession(server, sessionOptions(change)));
}
