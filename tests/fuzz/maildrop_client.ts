/**
 * A POP3 client that says exactly what a script wants, over a socket or in memory, and takes the
 * answers apart without the product's code.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { Buffer } from "node:buffer";
import { bytesOf } from "../support/mailbox.ts";
import { bounded } from "../support/memory_dialogue.ts";
import { isMultiLine, type Reply, ReplyParser } from "../support/pop_client.ts";

/** What a client talks over. */
export interface Wire {
  /** Reads some octets; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes octets, or some of them. */
  write(bytes: Uint8Array): Promise<number | void>;
  /** Ends the connection. */
  close(): void;
}

/** A line that is to be sent, and whether it is an answer in AUTH. */
export interface Line {
  /** Without its line end, with braces as the model knows them. */
  readonly text: string;
  /** An answer in AUTH looks like a command at times, but its reply is always one line. */
  readonly answer: boolean;
}

/** One connection. */
export class ScriptClient {
  readonly #wire: Wire;
  readonly #parser = new ReplyParser();
  readonly #buffer = new Uint8Array(64 * 1024);
  #stamp = "";
  #challenge = "";

  private constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Takes the greeting. */
  static async greeted(wire: Wire): Promise<ScriptClient> {
    const client = new ScriptClient(wire);
    const greeting = await client.#line();
    assert.match(greeting, /^\+OK/, "The greeting");
    client.#stamp = /<[^>]+>/.exec(greeting)?.[0] ?? "";
    return client;
  }

  /** Sends lines in one packet and takes the reply to each. */
  async say(lines: readonly Line[]): Promise<Reply[]> {
    const bytes = bytesOf(lines.map(({ text }) => `${this.#fill(text)}\r\n`).join(""));
    for (let at = 0; at < bytes.length;) {
      at += await bounded(this.#wire.write(bytes.subarray(at)), "a write") ?? bytes.length;
    }
    const replies: Reply[] = [];
    for (const line of lines) replies.push(await this.#reply(line));
    return replies;
  }

  /** Waits for the server to close the connection, and checks that it says no more. */
  async ended(): Promise<void> {
    const count = await this.#wire.read(this.#buffer).catch(() => null);
    assert.equal(count, null, "The server says more behind its last reply");
    assert.equal(this.#parser.rest, 0, "The server says more behind its last reply");
    this.close();
  }

  /** Ends the connection, without a word. */
  close(): void {
    try {
      this.#wire.close();
    } catch {
      // Closed already.
    }
  }

  async #reply({ text, answer }: Line): Promise<Reply> {
    const status = await this.#line();
    if (status.startsWith("+ ")) this.#challenge = status.slice(2);
    if (answer || !isMultiLine(text) || !status.startsWith("+OK")) return { status };
    while (true) {
      const data = this.#parser.data();
      if (data !== undefined) return { status, data };
      await this.#fillBuffer(text);
    }
  }

  async #line(): Promise<string> {
    while (true) {
      const line = this.#parser.line();
      if (line !== undefined) return new TextDecoder().decode(line);
      await this.#fillBuffer("a reply");
    }
  }

  async #fillBuffer(what: string): Promise<void> {
    const count = await bounded(this.#wire.read(this.#buffer), what);
    if (count === null) throw new Error(`The connection ended before the end of ${what}`);
    this.#parser.push(this.#buffer.subarray(0, count));
  }

  /** Puts in what stands for something in braces. */
  #fill(text: string): string {
    return text.replace(/\{(apop|plain|cram) ([^}]+)\}/, (_, kind: string, words: string) => {
      if (kind === "apop") return createHash("md5").update(this.#stamp + words).digest("hex");
      const [user, password = ""] = words.split(" ");
      if (kind === "plain") return Buffer.from(`\0${user}\0${password}`).toString("base64");
      const challenge = Buffer.from(this.#challenge, "base64");
      const digest = createHmac("md5", password).update(challenge).digest("hex");
      return Buffer.from(`${user} ${digest}`).toString("base64");
    });
  }
}
