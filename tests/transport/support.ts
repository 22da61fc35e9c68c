/**
 * What the transport tests share.
 *
 * @module
 */

import type { Connection } from "../../lib/transport/connection.ts";
import { connect } from "../../lib/transport/client.ts";
import { listen, type Listener } from "../../lib/transport/listener.ts";
import {
  createServerTls,
  secureServer,
  type ServerTls,
  type ServerTlsOptions,
} from "../../lib/transport/server_tls.ts";
import { encodeText, latin1 } from "../../lib/wire/text.ts";

const FIXTURES = new URL("../fixtures/tls/", import.meta.url);

/** The path of a certificate or key of tests/fixtures/tls. */
export function fixturePath(name: string): string {
  return decodeURIComponent(new URL(name, FIXTURES).pathname);
}

/** The text of a certificate or key of tests/fixtures/tls. */
export function fixture(name: string): string {
  return Deno.readTextFileSync(new URL(name, FIXTURES));
}

/** The options of a server with the usual certificate. */
export function serverOptions(more: Partial<ServerTlsOptions> = {}): ServerTlsOptions {
  return { cert: fixture("server.pem"), key: fixture("server.key"), ...more };
}

/** A listener on the loopback and a client and a server connected through it. */
export async function tcpPair(): Promise<{ client: Connection; server: Connection }> {
  const listener = await listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const [client, server] = await Promise.all([connectTo(listener), listener.accept()]);
    if (server === null) throw new Error("The listener closed");
    return { client, server };
  } finally {
    listener.close();
  }
}

/** Connects to a listener. */
export function connectTo(listener: Listener): Promise<Connection> {
  const { address, port } = listener.addresses[0]!;
  return connect({ host: address === "::" ? "::1" : address, port, timeout: 5000 });
}

/** Writes a text. */
export async function send(connection: Connection, text: string): Promise<void> {
  await connection.write(encodeText(text));
}

/** Reads until the text ends with `end`. */
export async function receive(connection: Connection, end = "\r\n"): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.endsWith(end)) {
    const count = await connection.read(buffer);
    if (count === null) throw new Error(`The stream ended after ${JSON.stringify(text)}`);
    text += latin1(buffer.subarray(0, count));
  }
  return text;
}

/** Reads to the end of the stream and gives the number of bytes. */
export async function countToEnd(connection: Connection): Promise<number> {
  const buffer = new Uint8Array(64 * 1024);
  let total = 0;
  while (true) {
    const count = await connection.read(buffer);
    if (count === null) return total;
    total += count;
  }
}

/** Fails if `promise` takes longer than it ever should. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing happened within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How a handshake ended. */
export type Outcome = { readonly connection: Connection } | { readonly error: Error };

/** A TLS server that greets, echoes and, at QUIT, closes. */
export interface TlsServer extends AsyncDisposable {
  readonly port: number;
  readonly tls: ServerTls;
  /** The result of the next handshake. */
  next(): Promise<Outcome>;
  /** The TLS facts of the next handshake, which must succeed. */
  nextInfo(): Promise<Connection["tls"] & object>;
}

/** Starts a {@linkcode TlsServer}. */
export async function startTlsServer(
  options: ServerTlsOptions,
  handshakeTimeout = 5000,
): Promise<TlsServer> {
  const tls = createServerTls(options);
  const listener = await listen({ hostname: "127.0.0.1", port: 0 });
  const outcomes: Outcome[] = [];
  const waiting: ((outcome: Outcome) => void)[] = [];
  const sessions = new Set<Promise<void>>();
  const report = (outcome: Outcome) => {
    const waiter = waiting.shift();
    if (waiter === undefined) outcomes.push(outcome);
    else waiter(outcome);
  };
  const serve = async (accepted: Connection) => {
    try {
      const connection = await secureServer(accepted, tls, { handshakeTimeout });
      report({ connection });
      await echo(connection);
    } catch (error) {
      report({ error: error as Error });
    }
  };
  const accepting = (async () => {
    while (true) {
      const accepted = await listener.accept();
      if (accepted === null) return;
      const session = serve(accepted);
      sessions.add(session);
      void session.then(() => sessions.delete(session));
    }
  })();
  const next = (): Promise<Outcome> => {
    const outcome = outcomes.shift();
    if (outcome !== undefined) return Promise.resolve(outcome);
    return within(10_000, new Promise((resolve) => waiting.push(resolve)));
  };
  return {
    port: listener.addresses[0]!.port,
    tls,
    next,
    async nextInfo() {
      const outcome = await next();
      if ("error" in outcome) throw outcome.error;
      return outcome.connection.tls!;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await within(10_000, Promise.all(sessions));
    },
  };
}

async function echo(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    await send(connection, "+OK hello\r\n");
    while (true) {
      const count = await connection.read(buffer);
      if (count === null) break;
      const text = latin1(buffer.subarray(0, count));
      await connection.write(buffer.subarray(0, count));
      if (text.includes("QUIT")) break;
    }
  } catch {
    // The client broke off.
  }
  connection.close();
}

/** Whether the openssl command is on this machine. */
export const hasOpenssl: boolean = (() => {
  try {
    return new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
})();

/** Runs `openssl s_client` in one session: sends QUIT and gives all that was printed. */
export async function opensslClient(
  port: number,
  args: readonly string[],
  input = "QUIT\r\n",
): Promise<string> {
  const command = new Deno.Command("openssl", {
    // Without -ign_eof a line that begins with Q ends the client itself.
    args: [
      "s_client",
      "-ign_eof",
      "-connect",
      `127.0.0.1:${port}`,
      "-CAfile",
      fixturePath("ca.pem"),
      ...args,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const stdout = new Response(child.stdout).text();
  const stderr = new Response(child.stderr).text();
  const writer = child.stdin.getWriter();
  // A child that has ended takes no input.
  const written = writer.write(encodeText(input)).catch(() => {});
  const ended = await within(10_000, child.status);
  await written;
  await writer.close().catch(() => {});
  return `${await stdout}\n${await stderr}\nexit ${ended.code}`;
}
