/**
 * `@std/cli/prompt-secret` where JSR cannot be reached.
 *
 * @module
 */

/**
 * Asks for a secret on the terminal, unseen.
 *
 * @returns what was typed, or null if standard input is no terminal or was closed
 */
export function promptSecret(message: string, _options?: { mask?: string }): string | null {
  if (!Deno.stdin.isTerminal()) return null;
  const text = new TextEncoder();
  Deno.stdin.setRaw(true, { cbreak: true });
  try {
    Deno.stderr.writeSync(text.encode(message + " "));
    const typed: number[] = [];
    const byte = new Uint8Array(1);
    while (true) {
      const n = Deno.stdin.readSync(byte);
      if (n === null || byte[0] === 4) return null;
      const key = byte[0]!;
      if (key === 10 || key === 13) break;
      if (key === 8 || key === 127) {
        // A UTF-8 character's later bytes are 10xxxxxx: take them with their first.
        while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
      } else typed.push(key);
    }
    return new TextDecoder().decode(new Uint8Array(typed));
  } finally {
    Deno.stdin.setRaw(false);
    Deno.stderr.writeSync(text.encode("\n"));
  }
}
