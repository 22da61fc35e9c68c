/**
 * A session as its command handlers see it: state, replies, waiting and ending.
 *
 * @module
 */

import { reasonOf } from "../errors.ts";
import type { Connection } from "../transport/connection.ts";
import type { Deadline } from "../transport/deadlines.ts";
import { turnDue, turnsEnd } from "../maildir/time_slices.ts";
import { LineReader } from "../wire/line_reader.ts";
import type { Phase } from "./phase.ts";
import type { ConnectionFacts } from "./policy.ts";
import { ReplyBuffer } from "./reply_buffer.ts";
import type { ShutdownStage, Stoppable } from "./session_group.ts";
import type { SessionOptions } from "./session_options.ts";

/** Bytes of one read: some commands; a session that waits holds hardly more than this. */
const READ_SIZE = 2048;
/** How long a peer may take to accept the farewell at a shutdown, in milliseconds. */
const FAREWELL_MS = 1000;

/** So many times the line limit may one line have before the connection is given up. */
const ENDLESS_LINES = 8;

/** After so many replies it is looked whether other sessions are due. */
const FLUSHES_A_LOOK = 8;
const FAREWELL = "-ERR [SYS/TEMP] Server is shutting down";

/** The codes of RFC 2449 section 8 and RFC 3206 that replies carry. */
export type ResponseCode = "AUTH" | "IN-USE" | "SYS/TEMP" | "SYS/PERM";

/** What a session did, for the log. */
export interface SessionCounts {
  /** Messages sent whole by RETR, repetitions included. */
  retrieved: number;
  /** Their octets. */
  retrievedOctets: number;
  /** Messages that QUIT deleted. */
  deleted: number;
}

/**
 * What the session is occupied with, on which it depends how it can be interrupted: while it
 * `waits` for a command nothing is half said; while it `writes` the client may not be reading;
 * while it `pauses` before a login a shutdown need not wait for the end of the pause.
 */
type Activity = "working" | "waiting" | "writing" | "pausing" | "handshaking";

/** The state of one session and the means of its command handlers. */
export class SessionContext implements Stoppable {
  /** What the session was given. */
  readonly options: SessionOptions;
  /** What it did so far. */
  readonly counts: SessionCounts = { retrieved: 0, retrievedOctets: 0, deleted: 0 };
  /** Replies that wait to be sent. */
  readonly out = new ReplyBuffer();
  /** RFC 1939 section 3. */
  phase: Phase = { kind: "authorization" };
  /** The time stamp of the greeting, if it carried one. */
  stamp: string | undefined;
  #connection: Connection;
  #reader: LineReader;
  readonly #input = new Uint8Array(READ_SIZE);
  readonly #deadline: Deadline;
  /** When the time to log in ends, on the clock of `performance.now()`. */
  readonly #loginDue: number;
  #activity: Activity = "working";
  #badInRow = 0;
  /** What came before the login. */
  #loginCommands = 0;
  #flushes = 0;
  #loginInput = 0;
  /** Bytes that came of an over-long line since it was refused. */
  #skipped = 0;
  #wasBad = false;
  #endReason: string | undefined;
  #stopping = false;
  /** A read that was begun during a pause and is taken up by the next {@linkcode fill}. */
  #earlyRead: Promise<number | null> | undefined;
  #wake: (() => void) | undefined;

  /** Starts the session's time limits. */
  constructor(connection: Connection, options: SessionOptions) {
    const { settings, deadlines } = options;
    this.options = options;
    this.#connection = connection;
    this.#reader = new LineReader(settings.maxLine);
    this.#loginDue = performance.now() + settings.loginTime;
    this.#deadline = deadlines.add(
      Math.min(settings.idleTimeout, settings.loginTime),
      () => this.#expired(),
    );
  }

  /** The connection, encrypted or not. */
  get connection(): Connection {
    return this.#connection;
  }

  /** The client's address. */
  get address(): string {
    return this.#connection.peer.address;
  }

  /** What logins depend on now. */
  get facts(): ConnectionFacts {
    return {
      tls: this.#connection.tls,
      tlsPossible: this.options.startTls !== undefined,
      digestsPossible: this.options.authenticator.digestsPossible,
      stamp: this.stamp,
    };
  }

  /** Why the session is over, once it is. */
  get endReason(): string | undefined {
    return this.#endReason;
  }

  /** Sends a line as it is, and records it. */
  line(text: string): void {
    this.out.line(text);
    this.options.transcript?.server(text);
  }

  /** Replies +OK. */
  ok(text: string): void {
    this.line(`+OK ${text}`);
  }

  /** Replies -ERR to a command that was right in itself. */
  fail(text: string, code?: ResponseCode): void {
    this.line(code === undefined ? `-ERR ${text}` : `-ERR [${code}] ${text}`);
  }

  /** Replies -ERR to a command that was not; too many of them in a row end the session. */
  bad(text: string): void {
    this.#wasBad = true;
    if (++this.#badInRow < this.options.settings.maxBadCommands) return this.fail(text);
    this.fail(`${text}; closing after ${this.#badInRow} bad commands in a row`);
    this.#limit("too many bad commands");
  }

  /** Counts a line that came before the login; if there were too many, the session ends. */
  mayAskMore(): boolean {
    const most = this.options.settings.maxLoginCommands;
    if (++this.#loginCommands <= most || most === 0) return true;
    this.fail("Too many commands without a login");
    this.#limit("too many commands without a login");
    return false;
  }

  /** A command was handled; a good one forgives the bad ones before it. */
  commandDone(): void {
    if (!this.#wasBad) this.#badInRow = 0;
    this.#wasBad = false;
    if (this.#stopping && this.#endReason === undefined) this.farewell();
  }

  /** Ends the session once the replies so far are sent. The first reason given counts. */
  end(reason: string): void {
    this.#endReason ??= reason;
  }

  /** Ends the session now: what was not sent is lost. */
  abandon(reason: string): void {
    this.end(reason);
    // A buffer that is being written may not be used for anything else until the write has ended.
    if (this.#activity !== "writing") this.out.clear();
    this.#connection.close();
    this.#wake?.();
  }

  /** Says that the server is shutting down, as the session's last reply. */
  farewell(): void {
    this.line(FAREWELL);
    this.end("server shutdown");
  }

  /** Whether a shutdown ends this session before its next command. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** How much input has come that no command has taken yet. */
  get unreadInput(): number {
    return this.#reader.buffered;
  }

  /** See {@linkcode LineReader.next}. */
  nextLine(): ReturnType<LineReader["next"]> {
    return this.#reader.next();
  }

  /**
   * Sends the replies gathered so far, and waits until the client takes them. If it does not, the
   * session is over; whoever depends on it looks at {@linkcode endReason}.
   */
  async flush(): Promise<void> {
    if (this.out.length === 0 || !this.#startClock()) return;
    this.#activity = "writing";
    try {
      await this.#connection.write(this.out.view());
    } catch (error) {
      this.#lost(error);
    } finally {
      this.#activity = "working";
      this.out.clear();
    }
    // To look takes a timer and some microseconds, as long as a short command.
    if (++this.#flushes % FLUSHES_A_LOOK !== 0) return;
    const turn = turnDue();
    if (turn !== undefined) await turn;
  }

  /**
   * Waits for input.
   *
   * @returns false if there will be none: the stream ended, or the session did
   */
  async fill(): Promise<boolean> {
    if (this.#stopping) this.farewell();
    if (this.#endReason !== undefined || !this.#startClock()) return false;
    this.#activity = "waiting";
    try {
      const count = await (this.#earlyRead ?? this.#connection.read(this.#input));
      if (this.#endReason !== undefined) return false;
      if (count !== null) {
        const excess = this.#excess(count);
        if (excess !== undefined) {
          this.#limit(excess);
          return false;
        }
        // Read into again only when all complete lines in it are handled.
        this.#reader.lend(this.#input.subarray(0, count));
        return true;
      }
      this.end("client disconnected");
      return false;
    } catch (error) {
      this.#lost(error);
      return false;
    } finally {
      this.#earlyRead = undefined;
      this.#activity = "working";
    }
  }

  /**
   * Waits before a login is checked. No input is taken meanwhile but one read's worth, which tells
   * whether the client is still there.
   *
   * @returns false if the session ended meanwhile, or is about to
   */
  async pause(ms: number): Promise<boolean> {
    await this.flush();
    if (this.#endReason !== undefined || this.#stopping) return false;
    // The client is not idle, it is kept waiting; but its time to log in goes on.
    this.#deadline.set(this.#loginDue - performance.now());
    this.#activity = "pausing";
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, ms);
    // With commands waiting, STLS could be one of them, and a pending read would take its handshake.
    if (this.#reader.buffered === 0 && this.#earlyRead === undefined) this.#readEarly();
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
    this.#activity = "working";
    return this.#endReason === undefined && !this.#stopping;
  }

  /** Lets the server take its time: no limit runs until the client is waited for again. */
  stopClock(): void {
    this.#deadline.set(Infinity);
  }

  /**
   * Replaces the connection by an encrypted one, made by `handshake`. All that was said before is
   * forgotten (RFC 2595 section 4).
   */
  async secure(handshake: (connection: Connection) => Promise<Connection>): Promise<void> {
    this.#activity = "handshaking";
    try {
      const secured = await handshake(this.#connection);
      if (this.#endReason !== undefined) return secured.close();
      this.#connection = secured;
      this.#reader = new LineReader(this.options.settings.maxLine);
      this.phase = { kind: "authorization" };
    } finally {
      this.#activity = "working";
    }
  }

  /** See {@linkcode Stoppable}: who is not logged in must go at once, all others at the end. */
  shutdown(stage: ShutdownStage): void {
    const { kind } = this.phase;
    if (stage === "running" || kind === "update" || this.#endReason !== undefined) return;
    if (stage === "grace" && kind === "transaction") return;
    this.#stopping = true;
    if (this.#activity === "waiting") this.#sayFarewell();
    else if (this.#activity === "pausing") this.#wake?.();
    else if (this.#activity === "handshaking") this.abandon("server shutdown");
    else if (this.#activity === "writing" && stage === "ended") this.abandon("server shutdown");
  }

  /** Frees what the session holds. */
  close(): void {
    turnsEnd();
    this.#deadline.cancel();
    this.out.clear();
    if (this.phase.kind !== "authorization") this.phase.maildrop.close();
    this.#connection.close();
  }

  /** Why so much input is too much, if it is. */
  #excess(count: number): string | undefined {
    const { maxLine, maxLoginInput } = this.options.settings;
    // Nothing but more of a line that was too long already.
    this.#skipped = this.#reader.skipping ? this.#skipped + count : 0;
    if (this.#skipped > ENDLESS_LINES * maxLine) return "a line without end";
    if (this.phase.kind !== "authorization") return undefined;
    this.#loginInput += count;
    const isTooMuch = maxLoginInput > 0 && this.#loginInput > maxLoginInput;
    return isTooMuch ? "too much input without a login" : undefined;
  }

  /** Ends the session because of a limit. */
  #limit(reason: string): void {
    if (this.#endReason === undefined) this.options.limitReached?.(reason);
    this.end(reason);
  }

  #lost(error: unknown): void {
    this.abandon(`connection lost: ${reasonOf(error)}`);
  }

  /** Closing ends the pending read, and with it the session's loop. */
  #sayFarewell(): void {
    this.farewell();
    this.#deadline.set(FAREWELL_MS);
    const connection = this.#connection;
    connection.write(this.out.view().slice()).catch(() => {}).finally(() => connection.close());
    this.out.clear();
  }

  /** An early read that fails leaves its error to the next {@linkcode fill}. */
  #readEarly(): void {
    const read = this.#connection.read(this.#input);
    this.#earlyRead = read;
    const gone = () => {
      this.end("client disconnected");
      this.#wake?.();
    };
    read.then((count) => count === null && gone(), gone);
  }

  /**
   * Starts the time that the client has.
   *
   * @returns false if it has none left
   */
  #startClock(): boolean {
    const { idleTimeout } = this.options.settings;
    if (this.phase.kind !== "authorization") {
      this.#deadline.set(idleTimeout);
      return true;
    }
    const left = this.#loginDue - performance.now();
    if (left <= 0) {
      this.#expired();
      return false;
    }
    this.#deadline.set(Math.min(idleTimeout, left));
    return true;
  }

  /** RFC 1939 section 3: an autologout closes the connection without a word, and deletes nothing. */
  #expired(): void {
    const late = this.phase.kind === "authorization" && performance.now() >= this.#loginDue;
    if (late) this.#limit("not logged in within the time for it");
    this.abandon("idle for too long");
  }
}
