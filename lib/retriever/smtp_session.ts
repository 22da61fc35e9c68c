/**
 * A session with the mail server that takes the messages, by nodemailer.
 *
 * One rule is added to what nodemailer does: a message goes to all of its recipients or to none.
 * nodemailer would send it to those whom the server accepts; the message would then stay on the
 * remote server for the sake of the others, and reach the first ones again at every run.
 *
 * @module
 */
import { Readable } from "node:stream";
import SMTPConnection, {
  type SMTPConnectionEnvelope,
  type SMTPConnectionSendInfo,
} from "nodemailer/lib/smtp-connection";
import type { Connection } from "../transport/connection.ts";
import type { SmtpOptions } from "./options.ts";
import { socketOver } from "./smtp_socket.ts";

/**
 * How long the answer to a message may take, in milliseconds: a server that filters it slowly may
 * accept it yet, and who hangs up sends it again (RFC 5321 section 4.5.3.2.6).
 */
const LONGEST_REPLY = 600_000;

/** What the mail server said against a message or a session. */
export class SmtpError extends Error {
  /** The class's name. */
  override name = "SmtpError";
  /** The reply's code, or undefined where the server did not answer. */
  readonly code: number | undefined;

  /**
   * Makes an error of this message.
   *
   * @param code the reply's code
   */
  constructor(message: string, code?: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What holds for every session. */
export interface SmtpTerms {
  /** This host's name, for the greeting. */
  readonly hostName: string;
  /** How long the server may say nothing, in milliseconds. */
  readonly timeout: number;
  /** PEM text of authorities to trust besides the system's, for STARTTLS. */
  readonly authorities?: string;
}

/** How the server answered for each recipient. */
export interface SmtpResult {
  /** Who has the message. */
  readonly accepted: readonly string[];
  /** Who has it not, and why. */
  readonly refused: readonly { readonly recipient: string; readonly reply: string }[];
}

/** An established session with a mail server, ready for messages. */
export class SmtpSession {
  readonly #options: SmtpOptions;
  readonly #connection: SMTPConnection;
  #fault: Error | undefined;

  private constructor(options: SmtpOptions, connection: SMTPConnection) {
    this.#options = options;
    this.#connection = connection;
    connection.on("error", (error: Error) => this.#fault ??= error);
    connection.on("end", () => this.#fault ??= new Error("the server closed the connection"));
  }

  /**
   * Greets the server over an open connection, starts TLS and logs in as configured.
   *
   * @param options the server's settings
   * @param connection the open connection, already encrypted where TLS is implicit
   * @param terms our name and bounds
   * @throws {SmtpError}
   */
  static async start(
    options: SmtpOptions,
    connection: Connection,
    terms: SmtpTerms,
  ): Promise<SmtpSession> {
    const { hostName, timeout, authorities } = terms;
    const smtp = new SMTPConnection({
      connection: socketOver(connection),
      host: options.host,
      port: options.port,
      name: hostName,
      secured: options.tls === "implicit",
      secure: options.tls === "implicit",
      requireTLS: options.tls === "starttls",
      ignoreTLS: options.tls !== "starttls",
      lmtp: options.protocol === "lmtp",
      tls: { servername: options.host, ...(authorities ? { ca: authorities } : {}) },
      greetingTimeout: timeout,
      connectionTimeout: timeout,
      socketTimeout: Math.max(timeout, LONGEST_REPLY),
      logger: false,
    });
    const session = new SmtpSession(options, smtp);
    try {
      await session.#step((done) => smtp.connect(done));
      if (options.username !== undefined) {
        const credentials = { user: options.username, pass: options.password ?? "" };
        await session.#step((done) => smtp.login({ credentials }, done));
      }
    } catch (error) {
      session.close();
      throw smtpError(error);
    }
    return session;
  }

  /** Whether another message can be sent. */
  get usable(): boolean {
    return this.#fault === undefined;
  }

  /**
   * Sends a message.
   *
   * @param recipients to whom
   * @param body the message, CRLF or LF, without dot-stuffing
   * @returns each recipient's fate; with SMTP all are accepted, with LMTP the server may refuse some
   * after it has read the message
   * @throws {SmtpError} if nobody has the message
   */
  async send(recipients: readonly string[], body: MessageBody): Promise<SmtpResult> {
    const envelope: SMTPConnectionEnvelope = {
      from: this.#options.sender,
      to: [...recipients],
      use8BitMime: true,
      rcptQueue: [],
      rejected: [],
      rejectedErrors: [],
      accepted: [],
    };
    body.onStart = () => {
      const refusal = envelope.rejectedErrors[0];
      if (refusal) throw smtpError(refusal);
    };
    try {
      const info = await this.#step<SMTPConnectionSendInfo>((done) =>
        this.#connection.send(envelope, body, done)
      );
      const errors = info.rejectedErrors ?? [];
      return {
        accepted: info.accepted,
        refused: errors.map((error) => ({
          recipient: String(error.recipient),
          reply: replyOf(error),
        })),
      };
    } catch (error) {
      // Within DATA nothing but the end of the connection ends a message that shall not arrive.
      if (body.started && !body.readableEnded) this.abort();
      const fault = smtpError(error);
      throw body.readableEnded && fault.code === undefined ? unanswered(fault) : fault;
    }
  }

  /** Forgets a transaction that did not come to DATA; the session is then usable again. */
  async reset(): Promise<void> {
    if (!this.usable) return;
    try {
      await this.#step((done) => this.#connection.reset(done));
    } catch (error) {
      this.#fault ??= error as Error;
      this.abort();
    }
  }

  /** Says good-bye; does not wait. */
  close(): void {
    if (this.usable) this.#connection.quit();
    else this.abort();
    this.#fault ??= new Error("the session was closed");
  }

  /** Drops the connection, so that the server throws away a message it has begun to read. */
  abort(): void {
    this.#fault ??= new Error("the session was aborted");
    this.#connection.close();
  }

  /** Runs one of nodemailer's calls, whose callback may not come when the connection breaks. */
  #step<T>(run: (done: (error?: Error | null, value?: T) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#fault) return reject(this.#fault);
      const broken = (error?: Error) => {
        settle();
        reject(error ?? new Error("the server closed the connection"));
      };
      const ended = () => broken();
      const settle = () => {
        this.#connection.off("error", broken);
        this.#connection.off("end", ended);
      };
      this.#connection.on("error", broken);
      this.#connection.on("end", ended);
      run((error, value) => {
        settle();
        if (error) reject(error);
        else resolve(value as T);
      });
    });
  }
}

/** A message's bytes on their way to the mail server, with back-pressure. */
export class MessageBody extends Readable {
  /** Called before the first byte is given out; if it throws, none is. */
  onStart: () => void = () => {};
  #waiting: (() => void) | undefined;
  #started = false;

  /** Whether the server asked for the message. */
  get started(): boolean {
    return this.#started;
  }

  /** Adds bytes, which are copied; settles when there is room for more, or when nobody wants them. */
  async add(bytes: Uint8Array): Promise<void> {
    if (this.destroyed || bytes.length === 0) return;
    if (!this.push(bytes.slice())) {
      await new Promise<void>((resolve) => this.#waiting = resolve);
    }
  }

  /** Called by nodemailer when the server asks for the message: all recipients are answered by then. */
  override pipe<T extends NodeJS.WritableStream>(
    destination: T,
    options?: { end?: boolean | undefined },
  ): T {
    this.#started = true;
    try {
      this.onStart();
    } catch (error) {
      this.destroy(error as Error);
      return destination;
    }
    return super.pipe(destination, options);
  }

  /** The reader wants more. */
  override _read(): void {
    this.#go();
  }

  /** The stream ends: whoever waits to write must not wait for ever. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#go();
    done(error);
  }

  #go(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

function smtpError(error: unknown): SmtpError {
  if (error instanceof SmtpError) return error;
  const { responseCode } = error as { responseCode?: number };
  return new SmtpError(replyOf(error), responseCode, { cause: error });
}

/** Between the final dot and its answer nobody but the server knows (RFC 5321 section 4.5.3.2.6). */
function unanswered(fault: SmtpError): SmtpError {
  return new SmtpError(
    `${fault.message}; the message was sent whole but not answered: ` +
      "if the server took it, it comes a second time at the next run",
    undefined,
    { cause: fault },
  );
}

/** The server's own words where there are any. */
function replyOf(error: unknown): string {
  const { response, message } = error as { response?: string; message?: string };
  return (response || message || String(error)).replace(/[\r\n]+/g, " ").trim();
}
