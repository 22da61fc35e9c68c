/**
 * A POP3 server that looks at nothing but the first letters of commands, and writes replies made in
 * advance: 100 messages of 4 KB. Prints its port.
 *
 * @module
 */
const MESSAGES = 100;
const SIZE = 4096;

const encoder = new TextEncoder();
const line = `${"x".repeat(62)}\r\n`;
const replies = new Map<string, Uint8Array>(
  Object.entries({
    USER: "+OK\r\n",
    PASS: "+OK\r\n",
    STAT: `+OK ${MESSAGES} ${MESSAGES * SIZE}\r\n`,
    UIDL: `+OK\r\n${listing((number) => `id${number}`)}.\r\n`,
    LIST: `+OK\r\n${listing(() => `${SIZE}`)}.\r\n`,
    RETR: `+OK\r\n${line.repeat(SIZE / line.length)}.\r\n`,
    QUIT: "+OK\r\n",
  }).map(([command, reply]) => [command, encoder.encode(reply)]),
);

function listing(value: (number: number) => string): string {
  return Array.from({ length: MESSAGES }, (_, i) => `${i + 1} ${value(i + 1)}\r\n`).join("");
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
Deno.stdout.writeSync(encoder.encode(`${listener.addr.port}\n`));
for await (const socket of listener) void serve(socket).catch(() => {});

async function serve(socket: Deno.TcpConn): Promise<void> {
  socket.setNoDelay(true);
  const buffer = new Uint8Array(4096);
  await write(socket, encoder.encode("+OK\r\n"));
  for (let count = await socket.read(buffer); count !== null; count = await socket.read(buffer)) {
    const text = new TextDecoder().decode(buffer.subarray(0, count));
    const out = text.trimEnd().split("\r\n").map((command) => replies.get(command.slice(0, 4)));
    await write(socket, out.length === 1 ? out[0]! : join(out));
    if (text.includes("QUIT")) break;
  }
  socket.close();
}

function join(parts: readonly (Uint8Array | undefined)[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0));
  let at = 0;
  for (const part of parts) {
    if (part === undefined) continue;
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function write(socket: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
}
