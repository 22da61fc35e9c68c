/**
 * Delivery into a mail server by SMTP or LMTP.
 *
 * The server's answer after the message is the delivery: nothing can be prepared, published or
 * recovered. An LMTP server answers for each recipient (RFC 2033 section 4.2) and cannot be told
 * to take a message back from those who have it, so these are remembered on disk, and at the next
 * run the message is offered to the others alone.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import type { Connection } from "../transport/connection.ts";
import {
  type Announced,
  type Destination,
  DestinationError,
  MessageRefusedError,
  type MessageSource,
  type Receiver,
  type Recovered,
  type Staged,
} from "./destination.ts";
import type { SmtpOptions } from "./options.ts";
import type { PartialDeliveries } from "./partial_deliveries.ts";
import { MessageBody, SmtpError, type SmtpResult, SmtpSession } from "./smtp_session.ts";

/** What delivery by SMTP uses of the outside. */
export interface SmtpTools {
  /** The recipient, as configured. */
  readonly recip: string;
  /** This host's name, for the greeting. */
  readonly hostName: string;
  /** How long the mail server may say nothing, in milliseconds. */
  readonly timeout: number;
  /** Connects to the mail server; encrypted where the options say `implicit`. */
  readonly connect: (options: SmtpOptions) => Promise<Connection>;
  /** PEM text of authorities to trust besides the system's, for STARTTLS. */
  readonly authorities?: string;
  /** Who has messages that others refused. */
  readonly partial: PartialDeliveries;
}

/** Injects messages into a mail server. */
export class SmtpDestination implements Destination {
  /** See {@linkcode Destination.key}. */
  readonly key: string;
  /** See {@linkcode Destination.form}. */
  readonly form = "crlf";
  /** See {@linkcode Destination.protocol}. */
  readonly protocol = "POP-to-SMTP";
  /** See {@linkcode Destination.recoverable}. */
  readonly recoverable = false;
  readonly #options: SmtpOptions;
  readonly #tools: SmtpTools;
  #session: SmtpSession | undefined;
  #needsReset = false;

  /**
   * Makes a destination; nothing is connected yet.
   *
   * @param options the mail server, the sender and the recipients; none for the sink
   * @param tools connections and memory
   */
  constructor(options: SmtpOptions, tools: SmtpTools) {
    this.#options = options;
    this.#tools = tools;
    // Not the recipients: a new one of an alias shall not bring old mail to all the others again.
    this.key = `${options.protocol}:${options.host}:${options.port}:${tools.recip}`;
  }

  /** See {@linkcode Destination.open}. */
  async open(): Promise<void> {
    if (this.#options.recipients.length > 0) await this.#ready();
  }

  /** See {@linkcode Destination.recover}. */
  recover(announced: readonly Announced[]): Promise<Recovered[]> {
    return Promise.resolve(announced.map(() => "missing"));
  }

  /** See {@linkcode Destination.receive}. */
  async receive(message: MessageSource): Promise<Receiver> {
    const { recipients } = this.#options;
    if (recipients.length === 0) return new SinkReceiver();
    const done = message.id === undefined ? [] : await this.#tools.partial.recipients(message.id);
    const remaining = recipients.filter((recipient) => !done.includes(recipient));
    // Everyone has it by now, as after a change of the alias: nothing is left to send.
    if (remaining.length === 0) return new SinkReceiver();
    const session = await this.#ready();
    return new SmtpReceiver(
      session,
      remaining,
      (result) => this.#settle(message, result),
    );
  }

  /** See {@linkcode Destination.secure}. */
  async secure(): Promise<void> {}

  /** See {@linkcode Destination.publish}. */
  async publish(): Promise<void> {}

  /** See {@linkcode Destination.abandon}. */
  abandon(): void {}

  /** See {@linkcode Destination.retain}. */
  async retain(uids: ReadonlySet<string>): Promise<void> {
    await this.#tools.partial.retain(uids);
  }

  /** See {@linkcode Destination.close}. */
  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  async #ready(): Promise<SmtpSession> {
    if (this.#needsReset) await this.#session?.reset();
    this.#needsReset = false;
    if (this.#session?.usable) return this.#session;
    this.#session?.close();
    this.#session = undefined;
    try {
      const connection = await this.#tools.connect(this.#options);
      this.#session = await SmtpSession.start(this.#options, connection, this.#tools);
    } catch (error) {
      throw this.#outage(error);
    }
    return this.#session;
  }

  /** Turns what became of a message into what the session must know. */
  async #settle(message: MessageSource, result: SmtpResult | Error): Promise<void> {
    if (result instanceof Error) {
      this.#needsReset = true;
      if (result instanceof SmtpError && result.code !== undefined && result.code !== 421) {
        throw new MessageRefusedError(
          `The mail server ${this.#where()} refused it: ${result.message}`,
          { cause: result },
        );
      }
      throw this.#outage(result);
    }
    const { partial } = this.#tools;
    if (result.refused.length === 0) {
      if (message.id !== undefined) await partial.forget(message.id);
      return;
    }
    const refusals = result.refused.map(({ recipient, reply }) => `${recipient}: ${reply}`);
    if (result.accepted.length > 0 && message.id !== undefined) {
      await partial.remember(message.id, result.accepted);
    }
    const repeated = result.accepted.length > 0 && message.id === undefined
      ? "; the server lists no unique id, so the next run will repeat it for those who have it"
      : "";
    throw new MessageRefusedError(
      `The mail server ${this.#where()} refused it for ${refusals.join("; ")}` +
        (result.accepted.length > 0
          ? ` (delivered to ${result.accepted.join(", ")}${repeated})`
          : ""),
    );
  }

  #outage(error: unknown): DestinationError {
    return new DestinationError(
      `Cannot deliver to the mail server ${this.#where()}: ${reasonOf(error)}`,
      { cause: error },
    );
  }

  #where(): string {
    const { protocol, host, port } = this.#options;
    return `${host}:${port} (${protocol.toUpperCase()})`;
  }
}

/** Sends one message while it is being received. */
class SmtpReceiver implements Receiver {
  readonly #session: SmtpSession;
  readonly #body = new MessageBody();
  readonly #sent: Promise<SmtpResult | Error>;
  readonly #settle: (result: SmtpResult | Error) => Promise<void>;
  readonly #recipients: readonly string[];

  constructor(
    session: SmtpSession,
    recipients: readonly string[],
    settle: (result: SmtpResult | Error) => Promise<void>,
  ) {
    this.#session = session;
    this.#settle = settle;
    this.#recipients = recipients;
    this.#sent = session.send(recipients, this.#body).catch((error: Error) => {
      // What still comes is let through to nowhere: the session must read it all the same.
      this.#body.destroy();
      return error;
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#body.add(bytes);
  }

  async finish(): Promise<Staged> {
    if (!this.#body.destroyed) this.#body.push(null);
    await this.#settle(await this.#sent);
    return { places: this.#recipients.map((name) => ({ kind: "SMTP", name })) };
  }

  async discard(): Promise<void> {
    this.#session.abort();
    this.#body.destroy();
    await this.#sent;
  }
}

/** Accepts and discards. */
class SinkReceiver implements Receiver {
  write(): void {}

  finish(): Staged {
    return { places: [{ kind: "SMTP", name: "discarded" }] };
  }

  discard(): void {}
}
