/**
 * Reading a message of a POP3 mailbox, by curl or, where there is none, by a few lines of our own.
 *
 * @module
 */
import { BuildError, run } from "./process.ts";

/** Whose first message to read, on this machine. */
export interface FetchOptions {
  /** The server's port. */
  readonly port: number;
  /** The user. */
  readonly user: string;
  /** The password. */
  readonly password: string;
}

const LIMIT_SECONDS = 60;

/**
 * Reads the first message.
 *
 * @returns its text, and what read it
 * @throws {BuildError} if it cannot be read
 */
export async function fetchMessage(options: FetchOptions): Promise<{ by: string; text: string }> {
  const { port, user, password } = options;
  const { code, stdout, stderr } = await run([
    ...["curl", "--silent", "--show-error", "--disable", `--max-time`, `${LIMIT_SECONDS}`],
    ...["--user", `${user}:${password}`, `pop3://127.0.0.1:${port}/1`],
  ]);
  if (code === 0) return { by: "curl", text: stdout };
  if (code !== 127) throw new BuildError(`curl ended with status ${code}: ${stderr.trim()}`);
  return { by: "a few lines of our own, as there is no curl", text: await converse(options) };
}

async function converse({ port, user, password }: FetchOptions): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const timer = setTimeout(() => connection.close(), LIMIT_SECONDS * 1000);
  try {
    const commands = [`USER ${user}`, `PASS ${password}`, "RETR 1", "QUIT"];
    await connection.write(new TextEncoder().encode(commands.join("\r\n") + "\r\n"));
    const replies = await new Response(connection.readable).text();
    const message = /^\+OK[^\n]*\n\+OK[^\n]*\n\+OK[^\n]*\n\+OK[^\n]*\n(.*?)^\.\r\n/ms.exec(replies);
    if (message === null) throw new BuildError(`The server said\n${replies}`);
    return message[1]!.replace(/^\.\./gm, ".");
  } finally {
    clearTimeout(timer);
  }
}
