/**
 * Passwords from the person at the terminal, or from a pipe.
 *
 * @module
 */
import { promptSecret } from "@std/cli/prompt-secret";
import { EXIT_USAGE, UserError } from "../errors.ts";
import { decodeText } from "../wire/text.ts";

/** Where passwords come from. */
export interface SecretInput {
  /** Whether a person types them, who can be asked twice. */
  readonly interactive: boolean;
  /** Asks for a password; null if none was given. */
  ask(prompt: string): Promise<string | null>;
}

/** The most octets that are read for a line. */
const MAX_LINE = 64 * 1024;

/** The terminal, unseen, if standard input is one; else the first line of standard input. */
export function standardSecretInput(): SecretInput {
  if (Deno.stdin.isTerminal()) {
    return {
      interactive: true,
      ask: (prompt) => Promise.resolve(promptSecret(prompt, { mask: "" })),
    };
  }
  return { interactive: false, ask: () => firstLine(Deno.stdin.readable) };
}

/**
 * The first line of a stream, without its line end.
 *
 * @returns null if the stream ended before any octet
 * @throws {UserError} if the line is not UTF-8, or has no end in sight
 */
export async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | null> {
  let read = new Uint8Array(0);
  for await (const chunk of stream.values({ preventCancel: true })) {
    const joined = new Uint8Array(read.length + chunk.length);
    joined.set(read);
    joined.set(chunk, read.length);
    read = joined;
    if (chunk.includes(0x0a)) break;
    if (read.length > MAX_LINE) {
      throw new UserError(
        "The first line of standard input is too long for a password",
        EXIT_USAGE,
      );
    }
  }
  const end = read.indexOf(0x0a);
  const line = decodeText(end < 0 ? read : read.subarray(0, end));
  if (line === undefined) {
    throw new UserError("The password on standard input is not UTF-8 text", EXIT_USAGE);
  }
  return read.length === 0 ? null : line.replace(/\r$/, "");
}
