/**
 * The client's side of POP3, command by command (RFC 1939, 2449, 5034): what is sent, and how a
 * reply is read. What to ask for and when is not decided here.
 *
 * @module
 */
import { MASK, maskCommand, quotes } from "../log/mask.ts";
import type { SessionTranscript } from "../log/transcript.ts";
import type { Connection } from "../transport/connection.ts";
import type { Deadlines } from "../transport/deadlines.ts";
import { type DecodedForm, DotDecoder } from "../wire/dot_decoder.ts";
import { encodeText, latin1 } from "../wire/text.ts";
import { BlurredEndError, ProtocolError } from "./errors.ts";
import { ServerInput } from "./input.ts";

/** A status line (RFC 1939 section 3). */
export interface Status {
  /** Whether it is `+OK`. */
  readonly ok: boolean;
  /** What follows the status indicator. */
  readonly text: string;
  /** The response code (RFC 2449 section 8) in upper case, such as `IN-USE`, if there is one. */
  readonly code: string | undefined;
}

/** A step of a SASL exchange (RFC 5034 section 4): a status, or a challenge as it came. */
export type SaslReply = Status | { readonly challenge: string };

/** The most of a list that is read, in octets: that of a million messages. */
const LONGEST_LIST = 80 * 1024 * 1024;
/** The most lines of a list that a transcript shows: a longer one tells nobody more. */
const MOST_SHOWN = 10_000;
/** How long the end of a message may seem to be there before it is believed, in milliseconds. */
const QUIET = 2000;

/** How a {@linkcode Pop3Client} works. */
export interface Pop3ClientOptions {
  /** How long the server may say nothing, in milliseconds. */
  readonly timeout: number;
  /** Watches over it. */
  readonly deadlines: Deadlines;
  /** Takes down what is said. */
  readonly transcript: SessionTranscript | undefined;
}

/** Takes the octets of a message; what it is given is valid until it returns or its promise settles. */
export type MessageTaker = (bytes: Uint8Array) => void | Promise<void>;

/** What is known of a message before it comes. */
export interface Expectation {
  /** Its size as LIST gave it: helps to see the end that a broken server sends. */
  readonly listed: number | undefined;
  /** Whether the replies to other commands come behind it. */
  readonly more: boolean;
}

/** Speaks with a server over one connection. */
export class Pop3Client {
  /** What it speaks over. */
  readonly connection: Connection;
  readonly #options: Pop3ClientOptions;
  readonly #input: ServerInput;
  #scratch: Uint8Array | undefined;
  /** The secret of the last command: a server may repeat it, and its words get into logs. */
  #secret: string | undefined;

  /** Takes over the connection. */
  constructor(connection: Connection, options: Pop3ClientOptions) {
    this.connection = connection;
    this.#options = options;
    this.#input = new ServerInput(connection, options.timeout, options.deadlines);
  }

  /** Whether bytes of the server are there that nobody asked for yet. */
  get hasUnread(): boolean {
    return this.#input.hasMore;
  }

  /** Stops watching and gives the connection up, without closing it. */
  release(): Connection {
    this.#input.close();
    return this.connection;
  }

  /** Ends the connection. */
  close(): void {
    this.#input.close();
    this.connection.close();
  }

  /** Sends commands, without waiting for replies. */
  async send(...commands: readonly string[]): Promise<void> {
    for (const command of commands) this.#options.transcript?.client(command);
    // Secrets go alone.
    this.#secret = commands.length === 1 ? maskCommand(commands[0]!).hidden : undefined;
    this.#input.watch();
    try {
      await this.connection.write(encodeText(commands.join("\r\n") + "\r\n"));
    } catch (error) {
      throw this.#input.lost(error);
    } finally {
      this.#input.relax();
    }
  }

  /** Sends a command and reads its status line. */
  async command(command: string): Promise<Status> {
    await this.send(command);
    return await this.status();
  }

  /**
   * Reads a status line. Its text is masked if it repeats the secret that it answers.
   *
   * @throws {ProtocolError} if it is none
   */
  async status(): Promise<Status> {
    const line = await this.#line();
    const status = this.#parse(line);
    if (status === undefined) throw this.#noReply(line);
    return status;
  }

  /** Reads a status line or a challenge. */
  async saslReply(): Promise<SaslReply> {
    const line = await this.#line();
    const status = this.#parse(line);
    if (status !== undefined) return status;
    if (line === "+" || line.startsWith("+ ")) return { challenge: line.slice(2).trim() };
    throw this.#noReply(line);
  }

  /**
   * Reads the lines of a multi-line reply behind its status line.
   *
   * @param onLine takes each line, dot-stuffing undone
   * @param longest the most octets that are read
   */
  async lines(onLine: (line: string) => void, longest: number = LONGEST_LIST): Promise<void> {
    const { transcript } = this.#options;
    const shown: string[] = [];
    let octets = 0;
    let count = 0;
    while (true) {
      const line = await this.#rawLine();
      count++;
      if (transcript !== undefined && count <= MOST_SHOWN) shown.push(line);
      if (line === ".") break;
      octets += line.length + 2;
      if (octets > longest) throw new ProtocolError("the server sends a list without end");
      onLine(line.startsWith(".") ? line.slice(1) : line);
      if (shown.length >= 500) transcript?.server(shown.splice(0).join("\r\n"));
    }
    if (count > MOST_SHOWN) shown.push(`(${count - MOST_SHOWN} more lines)`);
    if (shown.length > 0) transcript?.server(shown.join("\r\n"));
  }

  /**
   * Reads a message behind its status line.
   *
   * @returns its octets as the server sent them, dot-stuffing not counted
   * @throws {BlurredEndError} if it seems to go on in the reply behind it
   */
  async message(
    form: DecodedForm,
    { listed, more }: Expectation,
    take: MessageTaker,
  ): Promise<number> {
    const decoder = new DotDecoder(form);
    const input = this.#input;
    const scratch = this.#scratch ??= new Uint8Array(DotDecoder.room(input.buffer.length));
    while (true) {
      const before = decoder.octets;
      const end = decoder.decode(input.buffer, input.start, input.end, scratch, 0);
      // The octets of one message end where it was said, those of two in one do not.
      if (more && listed !== undefined && before <= listed && decoder.octets > listed) {
        if (hasReply(input.buffer.subarray(input.start, decoder.next))) throw new BlurredEndError();
      }
      input.start = decoder.next;
      if (end > 0) {
        const wait = take(scratch.subarray(0, end));
        if (wait !== undefined) await wait;
      }
      if (decoder.done) break;
      if (!await this.#more(decoder, listed)) {
        input.start = input.end;
        break;
      }
    }
    this.#options.transcript?.message(decoder.octets);
    return decoder.octets;
  }

  /** @returns false if the message has ended in a way that only silence confirms */
  async #more(decoder: DotDecoder, listed: number | undefined): Promise<boolean> {
    this.#input.watch();
    try {
      if (isPerhapsWhole(decoder, listed)) {
        return await this.#input.fillWithin(Math.min(QUIET, this.#options.timeout / 2));
      }
      await this.#input.fill();
      return true;
    } finally {
      this.#input.relax();
    }
  }

  #parse(line: string): Status | undefined {
    const status = parseStatus(line);
    return status && { ...status, text: this.#masked(status.text) };
  }

  #noReply(line: string): ProtocolError {
    return new ProtocolError(`the server sent ${quoted(this.#masked(line))}, which is no reply`);
  }

  #masked(text: string): string {
    return this.#secret !== undefined && quotes(text, this.#secret) ? MASK : text;
  }

  async #line(): Promise<string> {
    const line = await this.#rawLine();
    this.#options.transcript?.server(line);
    return line;
  }

  async #rawLine(): Promise<string> {
    this.#input.watch();
    try {
      return await this.#input.line();
    } finally {
      this.#input.relax();
    }
  }
}

/**
 * Whether silence would mean that a message has ended. Its author may have written what looks like
 * the end, and the network may stall just there: what follows would pass for replies, and for other
 * messages. But nobody who only writes a message can make LIST give the size of a part of it.
 */
function isPerhapsWhole(decoder: DotDecoder, listed: number | undefined): boolean {
  if (decoder.perhapsEnded === undefined || listed === undefined) return false;
  // The last line's end, where it lacks one, is counted by some servers and not by others.
  const lacking = listed - decoder.octets;
  return lacking === 0 || lacking === 2 || (lacking === 1 && decoder.perhapsEnded === "line");
}

/** Whether a dot at a line's end, which may be meant as a terminator, stands before a status indicator. */
function hasReply(bytes: Uint8Array): boolean {
  return /\.\r?\n(?:\+(?:$|O(?:$|K))|-(?:$|E(?:$|R)))/i.test(latin1(bytes));
}

function parseStatus(line: string): Status | undefined {
  const match = /^(\+OK|-ERR)(?: (.*))?$/is.exec(line);
  if (match === null) return undefined;
  const text = match[2] ?? "";
  const code = /^\[([A-Za-z0-9/_-]+)\]/.exec(text)?.[1]?.toUpperCase();
  return { ok: match[1]!.toUpperCase() === "+OK", text, code };
}

/** What a server said, short enough for a sentence. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
