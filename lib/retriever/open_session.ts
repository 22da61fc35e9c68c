/**
 * From nothing to a session in the TRANSACTION state: connection, greeting, STLS, login.
 *
 * @module
 */
import { findApopStamp } from "../auth/digests.ts";
import type { ClientMechanism } from "../auth/types.ts";
import { reasonOf } from "../errors.ts";
import type { SessionTranscript } from "../log/transcript.ts";
import type { Limits } from "../transport/client.ts";
import type { Connection } from "../transport/connection.ts";
import type { Deadlines } from "../transport/deadlines.ts";
import {
  ConnectionLostError,
  EndingError,
  LoginError,
  ProtocolError,
  SessionError,
} from "./errors.ts";
import { logIn } from "./login.ts";
import type { ServerOptions } from "./options.ts";
import { Pop3Client, quoted } from "./pop3_client.ts";
import type { TokenSource } from "./token_source.ts";

/** The most that a server may say about what it can, in octets: real ones take a few hundred. */
const LONGEST_CAPABILITIES = 64 * 1024;

/** How connections are made. */
export interface Dialer {
  /**
   * Connects; with TLS from the first byte where the options say so.
   *
   * @throws {Error} with a sentence
   */
  connect(server: ServerOptions, limits: Limits): Promise<Connection>;

  /**
   * Encrypts a connection.
   *
   * @throws {Error} with a sentence; the connection is closed then
   */
  secure(connection: Connection, server: ServerOptions, limits: Limits): Promise<Connection>;
}

/** What opening a session needs. */
export interface OpenOptions {
  /** The server and the login there. */
  readonly server: ServerOptions;
  /** Whether CAPA is sent after connecting and after STLS. */
  readonly capa: boolean;
  /** How long the server may say nothing, in milliseconds. */
  readonly timeout: number;
  /** Makes the connection. */
  readonly dialer: Dialer;
  /** Gives access tokens, if any are configured. */
  readonly tokens: TokenSource | undefined;
  /** Watches over the server's silence. */
  readonly deadlines: Deadlines;
  /** Takes down what is said. */
  readonly transcript: SessionTranscript | undefined;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** A session after login. */
export interface OpenSession {
  /** The connection to speak over. */
  readonly client: Pop3Client;
  /** The method that succeeded. */
  readonly mechanism: ClientMechanism;
  /** Whether commands may be sent ahead (RFC 2449 section 6.6). */
  readonly pipelining: boolean;
}

/** Opens a session, trying the configured login methods in their order. */
export async function openSession(options: OpenOptions): Promise<OpenSession> {
  let current: Connection | undefined;
  const attempt: Attempt = { ...options, track: (connection) => current = connection };
  const end = (): void => current?.close();
  options.signal.addEventListener("abort", end);
  try {
    return await tryMechanisms(attempt);
  } catch (error) {
    throw options.signal.aborted ? new EndingError() : error;
  } finally {
    options.signal.removeEventListener("abort", end);
  }
}

/** An attempt that can be ended by closing its connection. */
interface Attempt extends OpenOptions {
  readonly track: (connection: Connection) => void;
}

async function tryMechanisms(options: Attempt): Promise<OpenSession> {
  const refusals: string[] = [];
  let fresh: Fresh | undefined;
  try {
    for (const mechanism of options.server.authtypes) {
      const attempt = await tryMechanism(mechanism, fresh, options);
      fresh = attempt.fresh;
      if (fresh !== undefined && attempt.refusal === undefined) {
        const pipelining = await hasPipelining(fresh.client);
        const session = { client: fresh.client, mechanism, pipelining };
        fresh = undefined;
        return session;
      }
      refusals.push(`${mechanism}: ${attempt.refusal}`);
    }
    throw new LoginError(`no login method succeeded (${refusals.join("; ")})`);
  } finally {
    if (fresh !== undefined) endQuietly(fresh.client);
  }
}

/** A connection on which nobody is logged in. */
interface Fresh {
  readonly client: Pop3Client;
  readonly apopStamp: string | undefined;
}

async function tryMechanism(
  mechanism: ClientMechanism,
  used: Fresh | undefined,
  options: Attempt,
): Promise<{ fresh: Fresh | undefined; refusal?: string }> {
  let fresh = used ?? await connect(options);
  while (true) {
    const { server, tokens } = options;
    try {
      const outcome = await logIn(fresh.client, mechanism, {
        server,
        tokens,
        apopStamp: fresh.apopStamp,
      });
      return outcome.kind === "accepted" ? { fresh } : { fresh, refusal: outcome.reason };
    } catch (error) {
      fresh.client.close();
      if (!(error instanceof ConnectionLostError)) throw error;
      // Many servers hang up after a failed login; the next method gets a connection of its own.
      if (fresh !== used) return { fresh: undefined, refusal: error.message };
      fresh = await connect(options);
    }
  }
}

/** Connects, reads the greeting, encrypts where that is wanted. */
async function connect(options: Attempt): Promise<Fresh> {
  const { server, dialer, timeout, transcript, signal } = options;
  const where = `${server.host}:${server.port}`;
  let connection: Connection;
  try {
    connection = await dialer.connect(server, { timeout, signal });
  } catch (error) {
    throw new SessionError(reasonOf(error), { cause: error });
  }
  options.track(connection);
  const { local, peer, tls } = connection;
  transcript?.event(
    `connected from ${local.address}:${local.port} to ${where} [${peer.address}]` +
      (tls === undefined ? "" : ` with ${tls.protocol}`),
  );
  const client = new Pop3Client(connection, options);
  try {
    return await greet(client, options);
  } catch (error) {
    client.close();
    throw error;
  }
}

async function greet(client: Pop3Client, options: Attempt): Promise<Fresh> {
  const greeting = await client.status();
  if (!greeting.ok) {
    throw new SessionError(`the server turned us away: ${quoted(greeting.text)}`);
  }
  if (options.capa) await capabilities(client);
  if (options.server.tls !== "stls") {
    return { client, apopStamp: findApopStamp(greeting.text) };
  }
  const secured = await startTls(client, options);
  try {
    if (options.capa) await capabilities(secured);
    // The greeting came in the clear, where anybody may have put a stamp of their choice into it.
    return { client: secured, apopStamp: undefined };
  } catch (error) {
    secured.close();
    throw error;
  }
}

/** RFC 2595 section 4. */
async function startTls(client: Pop3Client, options: Attempt): Promise<Pop3Client> {
  const { server, dialer, timeout, signal, transcript } = options;
  const reply = await client.command("STLS");
  if (!reply.ok) {
    throw new SessionError(
      `the server refuses STLS (${quoted(reply.text)}), and nothing is sent in the clear`,
    );
  }
  // Whoever can put bytes between the +OK and the handshake could make them look encrypted.
  if (client.hasUnread) {
    throw new ProtocolError("something arrived in the clear behind the server's answer to STLS");
  }
  try {
    const secured = await dialer.secure(client.release(), server, { timeout, signal });
    options.track(secured);
    transcript?.event(`TLS started (${secured.tls?.protocol ?? "unknown version"})`);
    return new Pop3Client(secured, options);
  } catch (error) {
    throw new SessionError(reasonOf(error), { cause: error });
  }
}

async function capabilities(client: Pop3Client): Promise<Set<string>> {
  const names = new Set<string>();
  const reply = await client.command("CAPA");
  if (!reply.ok) return names;
  await client.lines((line) => names.add(line.split(" ")[0]!.toUpperCase()), LONGEST_CAPABILITIES);
  return names;
}

async function hasPipelining(client: Pop3Client): Promise<boolean> {
  return (await capabilities(client)).has("PIPELINING");
}

function endQuietly(client: Pop3Client): void {
  client.send("QUIT").catch(() => {}).finally(() => client.close());
}
