/**
 * Transcripts of POP3 dialogues, the same for the server's sessions and the
 * retriever's: every line with its time and session, no message text, no secret.
 *
 * ```text
 * 2026-11-21 14:03:22.123 [a1b2-17] ** connected from 127.0.0.1:4711 to 127.0.0.1:110 (POP3)
 * 2026-11-21 14:03:22.124 [a1b2-17] S: +OK Mailismus POP3 Ready
 * 2026-11-21 14:03:22.190 [a1b2-17] C: USER alice
 * ```
 *
 * `C:` is always the protocol's client and `S:` its server, whichever of them this program is.
 *
 * @module
 */
import { harmless, type LineSink, timeStamp } from "./line.ts";
import { MASK, maskCommand, quotes } from "./mask.ts";

/** A reply's status indicator (RFC 1939 section 3, RFC 5034 section 4). */
const STATUS = /^(?:\+OK|-ERR|\+)/;

/**
 * Characters of a line that are shown at most. Commands have up to 255 octets, replies 512
 * (RFC 2449 section 4); what is longer is nothing that anybody wants to read.
 */
const LONGEST = 1000;

/** A log of dialogues. Who has none configured holds undefined instead. */
export class Transcript {
  readonly #sink: LineSink;
  readonly #now: () => number;

  /**
   * A transcript that nothing is in yet.
   *
   * @param sink where the lines go
   * @param now the clock, in milliseconds since 1970
   */
  constructor(sink: LineSink, now: () => number = Date.now) {
    this.#sink = sink;
    this.#now = now;
  }

  /**
   * Begins the record of one session.
   *
   * @param id tells its lines from those of others in the file
   */
  session(id: string): SessionTranscript {
    return new SessionTranscript(this.#sink, this.#now, harmless(id));
  }
}

/**
 * The record of one session. It follows the dialogue, so that the answers of a SASL exchange are
 * hidden without the caller's doing: hand it every line, in the order in which the session
 * handles them.
 */
export class SessionTranscript {
  readonly #sink: LineSink;
  readonly #now: () => number;
  readonly #id: string;
  /** From AUTH until the server's final reply, every line of the client is a secret (RFC 5034). */
  #exchange = false;
  /** What was hidden since the last reply, which may quote it. */
  #hidden: string | undefined;

  /** Use {@linkcode Transcript.session}. */
  constructor(sink: LineSink, now: () => number, id: string) {
    this.#sink = sink;
    this.#now = now;
    this.#id = id;
  }

  /** Notes what is no line of the protocol: connected, TLS started, disconnected and why. */
  event(text: string): void {
    this.#line("**", text);
  }

  /**
   * Records a line from client to server; its secrets are hidden here.
   *
   * @param line without its line end
   */
  client(line: string): void {
    if (this.#exchange) {
      // `*` cancels the exchange, and an empty line is an empty answer.
      this.#line("C:", line === "*" || line === "" ? line : MASK);
      this.#hidden = line;
      return;
    }
    const { shown, hidden, startsExchange } = maskCommand(line);
    this.#exchange = startsExchange;
    this.#hidden = hidden;
    this.#line("C:", shown);
  }

  /**
   * Records what the server sent, except message text.
   *
   * @param lines one line or several (a reply of many lines, replies to pipelined commands),
   * separated by CRLF; a last line end may be there or not
   */
  server(lines: string): void {
    const text = lines.endsWith("\r\n") ? lines.slice(0, -2) : lines;
    if (!text.includes("\r\n")) return this.#reply(text);
    for (const line of text.split("\r\n")) this.#reply(line);
  }

  /**
   * Notes that message text was sent in place of showing it.
   *
   * @param octets how many, as the client counts them; a cut message's as far as they came
   */
  message(octets: number): void {
    this.#line("S:", `(${octets} octets of message)`);
  }

  #reply(line: string): void {
    const hidden = this.#hidden;
    if (line.startsWith("+OK") || line.startsWith("-ERR")) {
      this.#exchange = false;
      this.#hidden = undefined;
    }
    const quoted = hidden !== undefined && quotes(line, hidden);
    this.#line("S:", quoted ? `${STATUS.exec(line)?.[0] ?? ""} ${MASK}`.trimStart() : line);
  }

  #line(mark: string, text: string): void {
    this.#sink.write(
      `${timeStamp(this.#now())} [${this.#id}] ${mark}` +
        `${text === "" ? "" : " " + harmless(text, LONGEST)}\n`,
    );
  }
}
