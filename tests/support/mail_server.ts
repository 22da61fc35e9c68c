/**
 * A real mail server for tests, SMTP or LMTP, by npm's smtp-server: it keeps what it accepts and
 * refuses what the test tells it to.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { SMTPServer } from "smtp-server";

/** A message that was accepted. */
export interface AcceptedMessage {
  readonly from: string;
  readonly to: readonly string[];
  readonly body: string;
}

/** How the server behaves. */
export interface MailServerOptions {
  lmtp?: boolean;
  /** TLS from the first byte, or offered by STARTTLS. */
  tls?: { cert: string; key: string; implicit: boolean };
  /** The only credentials that are taken; login is then needed. */
  login?: { user: string; password: string };
  /** An error code for a recipient at RCPT. */
  refuseRecipient?: (address: string) => number | undefined;
  /** An error code after DATA; with LMTP for each recipient. */
  refuseMessage?: (body: string, recipient: string) => number | undefined;
  /** Drop the connection after the message's final dot, unanswered. */
  dropAfterData?: (body: string) => boolean;
}

/** Starts a server on a free loopback port. */
export class MailServer implements AsyncDisposable {
  readonly accepted: AcceptedMessage[] = [];
  connections = 0;
  readonly #server: InstanceType<typeof SMTPServer>;
  port = 0;

  private constructor(options: MailServerOptions) {
    // deno-lint-ignore no-explicit-any -- smtp-server comes without types
    const settings: any = {
      lmtp: options.lmtp ?? false,
      secure: options.tls?.implicit ?? false,
      ...(options.tls ? { cert: options.tls.cert, key: options.tls.key } : {}),
      disabledCommands: [
        ...(options.tls ? [] : ["STARTTLS"]),
        ...(options.login ? [] : ["AUTH"]),
      ],
      authOptional: options.login === undefined,
      allowInsecureAuth: true,
      disableReverseLookup: true,
      closeTimeout: 200,
      logger: false,
      onConnect: (_session: unknown, done: (error?: Error) => void) => {
        this.connections++;
        done();
      },
      onAuth: (
        auth: { username: string; password: string },
        _session: unknown,
        done: (error: Error | null, ok?: { user: string }) => void,
      ) => {
        const right = auth.username === options.login?.user &&
          auth.password === options.login.password;
        if (right) done(null, { user: auth.username });
        else done(failure(535, "Authentication failed"));
      },
      onRcptTo: (
        address: { address: string },
        _session: unknown,
        done: (error?: Error) => void,
      ) => {
        const code = options.refuseRecipient?.(address.address);
        done(code === undefined ? undefined : failure(code, "No such recipient"));
      },
      onData: (
        stream: Readable,
        session: {
          envelope: { mailFrom: { address: string }; rcptTo: { address: string }[] };
          id: string;
        },
        done: (error: Error | null, answer?: unknown) => void,
      ) => {
        const chunks: Uint8Array[] = [];
        stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        stream.on("end", () => {
          const body = Buffer.concat(chunks).toString("latin1");
          if (options.dropAfterData?.(body)) {
            for (const connection of this.#connections()) connection._socket.destroy();
            return;
          }
          const to = session.envelope.rcptTo.map((recipient) => recipient.address);
          const refused = new Map<string, number>();
          for (const recipient of to) {
            const code = options.refuseMessage?.(body, recipient);
            if (code !== undefined) refused.set(recipient, code);
          }
          const takers = to.filter((recipient) => !refused.has(recipient));
          if (takers.length > 0 && (options.lmtp || refused.size === 0)) {
            this.accepted.push({ from: session.envelope.mailFrom.address, to: takers, body });
          }
          const answers = to.map((recipient) => {
            const code = refused.get(recipient);
            return code === undefined ? "OK" : failure(code, "Refused");
          });
          const first = answers.find((answer) => answer instanceof Error);
          if (options.lmtp) done(null, answers);
          else done(first instanceof Error ? first : null, "OK");
        });
      },
    };
    this.#server = new SMTPServer(settings);
    this.#server.on("error", () => {});
  }

  /** Starts a server. */
  static async start(options: MailServerOptions = {}, port = 0): Promise<MailServer> {
    const server = new MailServer(options);
    await new Promise<void>((resolve) => server.#server.listen(port, "127.0.0.1", () => resolve()));
    server.port = (server.#server.server.address() as AddressInfo).port;
    return server;
  }

  // deno-lint-ignore no-explicit-any -- smtp-server comes without types
  #connections(): Iterable<any> {
    // deno-lint-ignore no-explicit-any -- smtp-server comes without types
    return (this.#server as any).connections;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections()) connection._socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function failure(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code });
}
