import assert from "node:assert/strict";
import { connect } from "../../lib/transport/client.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { createServerTls, secureServer } from "../../lib/transport/server_tls.ts";
import { peerTest } from "../support/peers.ts";
import { certificates } from "../support/program.ts";
import { fixture, serverOptions, tcpPair, within } from "../transport/support.ts";

/** A TLS record. */
function record(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + body.length);
  bytes.set([type, 3, 1, body.length >> 8, body.length & 255]);
  bytes.set(body, 5);
  return bytes;
}

/** The header of a ClientHello of the longest length that there is. */
const ENDLESS_HELLO = [1, 0xff, 0xff, 0xff];

const FLOODS: [what: string, first: Uint8Array, next: Uint8Array][] = [
  [
    "a ClientHello of 16 MB",
    record(22, Uint8Array.from([...ENDLESS_HELLO, ...new Uint8Array(16_000)])),
    record(22, new Uint8Array(16_000)),
  ],
  [
    "a ClientHello byte by byte",
    record(22, Uint8Array.from(ENDLESS_HELLO)),
    record(22, new Uint8Array(1)),
  ],
  ["empty handshake records", record(22, new Uint8Array(0)), record(22, new Uint8Array(0))],
  ["warnings", record(21, Uint8Array.from([1, 90])), record(21, Uint8Array.from([1, 90]))],
  ["changes of cipher", record(20, Uint8Array.from([1])), record(20, Uint8Array.from([1]))],
  [
    "data before the handshake",
    record(23, new Uint8Array(1000)),
    record(23, new Uint8Array(1000)),
  ],
];

/** How many bytes of a flood go into a connection before it is closed; 4 MB at most. */
async function pour(client: Connection, first: Uint8Array, next: Uint8Array): Promise<number> {
  let sent = 0;
  // Small records go many at a time.
  const batch = new Uint8Array(Math.ceil(2000 / next.length) * next.length);
  for (let at = 0; at < batch.length; at += next.length) batch.set(next, at);
  try {
    await client.write(first);
    for (; sent < 4_000_000; sent += batch.length) await client.write(batch);
  } catch {
    // Closed by the server.
  }
  return sent;
}

for (const [what, first, next] of FLOODS) {
  Deno.test(`secureServer() ends a handshake made of ${what} before it costs memory`, async () => {
    const { client, server } = await tcpPair();
    const tls = createServerTls(serverOptions({ ca: fixture("ca.pem"), clientAuth: 1 }));
    let read = 0;
    const counted: Connection = {
      local: server.local,
      peer: server.peer,
      read: async (buffer) => {
        const count = await server.read(buffer);
        read += count ?? 0;
        return count;
      },
      write: (bytes) => server.write(bytes),
      close: () => server.close(),
    };
    const failed = assert.rejects(
      secureServer(counted, tls, { handshakeTimeout: 5000 }),
      (error: Error) => !/took longer/.test(error.message),
    );
    const poured = pour(client, first, next);
    await within(4500, failed);
    assert.ok(read <= 256 * 1024, `${read} bytes were read`);
    client.close();
    await poured;
  });
}

const SOUND = "sound TLS 1.2, for comparison";

/** Servers that the retriever must not log in to, as options of `openssl s_server`. */
const WEAK: [what: string, options: string[]][] = [
  ["TLS 1.1", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]],
  ["TLS 1.0", ["-tls1", "-cipher", "ALL:@SECLEVEL=0"]],
  ["CBC ciphers", ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA"]],
  ["keys exchanged by RSA", ["-tls1_2", "-cipher", "AES128-GCM-SHA256"]],
  [SOUND, ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]],
  ["nobody's key", ["-tls1_2", "-cipher", "ADH:@SECLEVEL=0"]],
];

peerTest(
  ["openssl"],
  "connect() refuses servers with outdated TLS, by either way to TLS",
  async () => {
    for (const [what, options] of WEAK) {
      const server = new Deno.Command("openssl", {
        args: [
          ...["s_server", "-accept", "127.0.0.1:0", "-naccept", "2", ...options],
          ...["-cert", `${certificates}/rsa.pem`, "-key", `${certificates}/rsa.key`],
        ],
        // Its end would end the server.
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      // It prints "ACCEPT 127.0.0.1:40001", and then what it thinks of its clients.
      const { port, end } = await within(5000, firstPort(server.stdout));
      // With authorities given, TLS is by node:tls; without, by Deno.startTls.
      for (const ca of [fixture("ca.pem"), undefined]) {
        const tls = { serverName: "localhost", ...(ca === undefined ? {} : { ca }) };
        const connecting = connect({ host: "127.0.0.1", port, timeout: 5000, tls });
        if (what === SOUND && ca !== undefined) {
          (await connecting).close();
          continue;
        }
        await assert.rejects(
          connecting,
          (error: Error) => /authority/.test(error.message) === (what === SOUND),
          what,
        );
      }
      // It ends by itself after two connections.
      await within(5000, server.status);
      await server.stdin.close().catch(() => {});
      await end;
    }
  },
);

/** The first port that is printed, and the end of all that is printed behind it. */
function firstPort(
  stream: ReadableStream<Uint8Array>,
): Promise<{ port: number; end: Promise<void> }> {
  const { promise, resolve } = Promise.withResolvers<{ port: number; end: Promise<void> }>();
  let text = "";
  const end = stream.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({
      write(part) {
        text += part;
        const match = /:(\d+)\s/.exec(text);
        if (match !== null) resolve({ port: Number(match[1]), end });
      },
    }),
  );
  return promise;
}
