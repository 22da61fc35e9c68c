import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { connect, secureClient } from "../../lib/transport/client.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { memoryPair } from "../support/memory.ts";
import {
  createServerTls,
  secureServer,
  TlsHandshakeError,
} from "../../lib/transport/server_tls.ts";
import { handshake } from "../../lib/transport/tls_handshake.ts";
import { CipherStream } from "../../lib/transport/tls_stream.ts";
import {
  countToEnd,
  fixture,
  receive,
  send,
  serverOptions,
  startTlsServer,
  tcpPair,
  within,
} from "./support.ts";

const host = "127.0.0.1";
const trusting = { serverName: "localhost", ca: fixture("ca.pem") };

/** A client and a server with TLS over a TCP connection that was plain before, as after STLS. */
async function tlsPair(): Promise<{ client: Connection; server: Connection }> {
  const plain = await tcpPair();
  const tls = createServerTls(serverOptions());
  const [client, server] = await Promise.all([
    secureClient(plain.client, trusting, { timeout: 5000 }),
    secureServer(plain.server, tls, { handshakeTimeout: 5000 }),
  ]);
  return { client, server };
}

Deno.test("secureServer() serves TLS over TCP and ends with close_notify", async () => {
  const { client, server } = await tlsPair();
  assert.match(server.tls!.protocol, /^TLSv1\.[23]$/);
  assert.match(server.tls!.cipher, /^TLS_/);
  assert.deepEqual(server.peer, client.local);
  await send(client, "STAT\r\n");
  assert.equal(await receive(server), "STAT\r\n");
  await send(server, "+OK 0 0\r\n");
  assert.equal(await receive(client), "+OK 0 0\r\n");
  server.close();
  server.close();
  // Deno's client reports a missing close_notify as an error.
  assert.equal(await client.read(new Uint8Array(8)), null);
  client.close();
  await assert.rejects(server.write(new Uint8Array(1)), /closed/);
  assert.equal(await server.read(new Uint8Array(1)), null);
});

Deno.test("secureServer() works over any connection, whatever pieces the bytes come in", async () => {
  for (const chunk of [1, 5, 100, 5000]) {
    const [clientEnd, serverEnd] = memoryPair({ chunk });
    const tls = createServerTls(serverOptions());
    const [client, server] = await Promise.all([
      secureClient(clientEnd, trusting, { timeout: 5000 }),
      secureServer(serverEnd, tls, { handshakeTimeout: 5000 }),
    ]);
    await send(client, "NOOP\r\n");
    assert.equal(await receive(server), "NOOP\r\n");
    await send(server, "+OK\r\n".repeat(100));
    assert.equal(await receive(client, "+OK\r\n".repeat(100)), "+OK\r\n".repeat(100));
    client.close();
    assert.equal(await server.read(new Uint8Array(8)), null);
    server.close();
  }
});

Deno.test("TlsConnection.read() gives at most what fits, and loses nothing", async () => {
  const { client, server } = await tlsPair();
  await send(client, "0123456789".repeat(2000));
  let text = "";
  for (const size of [1, 3, 4096, 17]) {
    const buffer = new Uint8Array(size);
    const count = await server.read(buffer);
    assert.ok(count! >= 1 && count! <= size);
    text += new TextDecoder().decode(buffer.subarray(0, count!));
  }
  const rest = new Uint8Array(1000);
  while (text.length < 20000) {
    text += new TextDecoder().decode(rest.subarray(0, (await server.read(rest))!));
  }
  assert.equal(text, "0123456789".repeat(2000));
  client.close();
  server.close();
});

Deno.test("TlsConnection.write() waits for a client that does not read", async () => {
  const [clientEnd, serverEnd] = memoryPair({ capacity: 64 * 1024 });
  const tls = createServerTls(serverOptions());
  const [client, server] = await Promise.all([
    secureClient(clientEnd, trusting, { timeout: 5000 }),
    secureServer(serverEnd, tls, { handshakeTimeout: 5000 }),
  ]);
  let accepted = 0;
  const chunk = new Uint8Array(64 * 1024);
  const writing = (async () => {
    for (let i = 0; i < 400; i++) {
      await server.write(chunk.fill(i));
      accepted += chunk.length;
    }
    server.close();
  })();
  await new Promise((resolve) => setTimeout(resolve, 100));
  // What our side holds, the transport's buffer and the client's read-ahead together.
  assert.ok(accepted < 1024 * 1024, `${accepted} bytes were taken without a reader`);
  assert.equal(await within(30_000, countToEnd(client)), 400 * chunk.length);
  await writing;
  client.close();
});

Deno.test("TlsConnection.close() ends a write that the client does not take", async () => {
  const { client, server } = await tlsPair();
  const chunk = new Uint8Array(1024 * 1024);
  const writing = (async () => {
    while (true) await server.write(chunk);
  })();
  writing.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 100));
  server.close();
  // Whoever wrote holds a mailbox, and must get it back.
  await assert.rejects(within(10_000, writing), /closed/);
  client.close();
});

Deno.test("TlsConnection.close() gives up a client that takes nothing of what waits for it", async () => {
  const [clientEnd, serverEnd] = memoryPair({ capacity: 1024 });
  const tls = createServerTls(serverOptions());
  const [client, server] = await Promise.all([
    secureClient(clientEnd, trusting, { timeout: 5000 }),
    secureServer(serverEnd, tls, { handshakeTimeout: 5000 }),
  ]);
  await server.write(new Uint8Array(32 * 1024));
  server.close();
  while (!serverEnd.isClosed) await new Promise((resolve) => setTimeout(resolve, 50));
  client.close();
});

Deno.test("TlsConnection.write() copies before it returns: the buffer may be used again", async () => {
  const { client, server } = await tlsPair();
  const bytes = new Uint8Array(50_000);
  const reading = (async () => {
    const buffer = new Uint8Array(8192);
    for (let total = 0; total < 20 * bytes.length;) {
      const count = (await client.read(buffer))!;
      for (let i = 0; i < count; i++) {
        assert.equal(buffer[i], Math.floor((total + i) / bytes.length));
      }
      total += count;
    }
  })();
  for (let round = 0; round < 20; round++) await server.write(bytes.fill(round));
  await within(10_000, reading);
  server.close();
  client.close();
});

Deno.test("TlsConnection.close() delivers what was written before, input unread or not", async () => {
  const { client, server } = await tlsPair();
  await send(client, "NOOP\r\n".repeat(3000));
  await server.read(new Uint8Array(6));
  await server.write(new Uint8Array(300_000).fill(65));
  server.close();
  await send(client, "NOOP\r\n").catch(() => {});
  assert.equal(await within(5000, countToEnd(client)), 300_000);
  client.close();
});

Deno.test("TlsConnection reports the peer's end, and still writes to it", async () => {
  const [clientEnd, serverEnd] = memoryPair();
  const tls = createServerTls(serverOptions());
  const [client, server] = await Promise.all([
    secureClient(clientEnd, trusting, { timeout: 5000 }),
    secureServer(serverEnd, tls, { handshakeTimeout: 5000 }),
  ]);
  const reading = server.read(new Uint8Array(8));
  // The transport's end without close_notify.
  clientEnd.shutdown();
  assert.equal(await within(2000, reading), null);
  await send(server, "+OK bye\r\n");
  assert.equal(await receive(client), "+OK bye\r\n");
  server.close();
  client.close();
});

Deno.test("TlsConnection fails when the connection below is reset", async () => {
  const [clientEnd, serverEnd] = memoryPair();
  const tls = createServerTls(serverOptions());
  const [client, server] = await Promise.all([
    secureClient(clientEnd, trusting, { timeout: 5000 }),
    secureServer(serverEnd, tls, { handshakeTimeout: 5000 }),
  ]);
  const reading = Promise.allSettled([server.read(new Uint8Array(8))]);
  clientEnd.abort();
  await within(2000, reading);
  await assert.rejects((async () => {
    while (true) await server.write(new Uint8Array(1024));
  })());
  server.close();
  client.close();
});

Deno.test("TlsConnection fails on records that were tampered with", async () => {
  const [clientEnd, serverEnd] = memoryPair();
  const tls = createServerTls(serverOptions());
  const [client, server] = await Promise.all([
    secureClient(clientEnd, trusting, { timeout: 5000 }),
    secureServer(serverEnd, tls, { handshakeTimeout: 5000 }),
  ]);
  // An application data record whose content is none.
  await clientEnd.write(new Uint8Array([0x17, 3, 3, 0, 32, ...new Uint8Array(32)]));
  await assert.rejects(within(2000, server.read(new Uint8Array(8))));
  await assert.rejects(server.write(new Uint8Array(8)));
  server.close();
  client.close();
});

Deno.test("secureServer() refuses what is no TLS handshake, and closes", async () => {
  const garbage = [
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "USER alice\r\nPASS secret\r\n",
    "\0".repeat(2000),
    "\x16\x03\x01\xff\xff" + "\xff".repeat(3000),
  ];
  for (const text of garbage) {
    const { client, server } = await tcpPair();
    const tls = createServerTls(serverOptions());
    const securing = secureServer(server, tls, { handshakeTimeout: 5000 });
    await client.write(Uint8Array.from(text, (char) => char.charCodeAt(0)));
    await assert.rejects(within(2000, securing), TlsHandshakeError);
    // A reset or the end, perhaps behind an alert; but not silence.
    await within(3000, countToEnd(client).catch(() => 0));
    client.close();
  }
});

Deno.test("secureServer() gives up a handshake that is not finished in time", async () => {
  for (const start of ["", "\x16\x03\x01\x00\xff\x01"]) {
    const { client, server } = await tcpPair();
    const tls = createServerTls(serverOptions());
    const securing = secureServer(server, tls, { handshakeTimeout: 100 });
    if (start !== "") await client.write(Uint8Array.from(start, (char) => char.charCodeAt(0)));
    await assert.rejects(within(2000, securing), /longer than 100 ms/);
    assert.equal(await within(3000, countToEnd(client)), 0);
    client.close();
  }
});

Deno.test("secureServer() ends with the client, and with the signal", async () => {
  const tls = createServerTls(serverOptions());
  const left = await tcpPair();
  const leaving = secureServer(left.server, tls, { handshakeTimeout: 5000 });
  left.client.close();
  await assert.rejects(within(2000, leaving), /closed the connection during the TLS handshake/);

  const stopped = await tcpPair();
  const controller = new AbortController();
  const options = { handshakeTimeout: 5000, signal: controller.signal };
  const stopping = secureServer(stopped.server, tls, options);
  controller.abort(new Error("shutting down"));
  await assert.rejects(within(2000, stopping), /shutting down/);
  assert.equal(await within(3000, countToEnd(stopped.client)), 0);
  stopped.client.close();
});

Deno.test("createServerTls() refuses a key that does not belong, replace() keeps the old", async () => {
  assert.throws(() => createServerTls(serverOptions({ key: fixture("other.key") })), /not belong/);
  assert.throws(() => createServerTls(serverOptions({ cert: "no certificate" })));
  await using server = await startTlsServer(serverOptions());
  assert.throws(() => server.tls.replace(serverOptions({ key: fixture("other.key") })));
  const client = await connect({ host, port: server.port, timeout: 5000, tls: trusting });
  assert.equal(await receive(client), "+OK hello\r\n");
  client.close();
});

Deno.test("ServerTls.replace() concerns new handshakes only", async () => {
  await using server = await startTlsServer(serverOptions());
  const elsewhere = { ...trusting, serverName: "mail.example.net" };
  const before = await connect({ host, port: server.port, timeout: 5000, tls: trusting });
  await receive(before);
  server.tls.replace({ cert: fixture("elsewhere.pem"), key: fixture("elsewhere.key") });
  const after = await connect({ host, port: server.port, timeout: 5000, tls: elsewhere });
  await receive(after);
  await send(before, "NOOP\r\n");
  assert.equal(await receive(before), "NOOP\r\n");
  before.close();
  after.close();
});

Deno.test("TlsConnection still writes to a client that sent close_notify", async () => {
  const [clientEnd, serverEnd] = memoryPair();
  const cipher = new CipherStream(clientEnd);
  const socket = connectTls({ socket: cipher, host: "localhost", ca: fixture("ca.pem") });
  const [server] = await Promise.all([
    secureServer(serverEnd, createServerTls(serverOptions()), { handshakeTimeout: 5000 }),
    handshake(socket, cipher, "secureConnect", { timeout: 5000 }),
  ]);
  socket.end("QUIT\r\n");
  assert.equal(await receive(server), "QUIT\r\n");
  assert.equal(await within(2000, server.read(new Uint8Array(8))), null);
  await send(server, "+OK bye\r\n");
  server.close();
  const [reply] = await within(2000, once(socket, "data"));
  assert.equal(String(reply), "+OK bye\r\n");
  socket.destroy();
  cipher.destroy();
});

Deno.test("secureServer() settles wherever the client breaks off", async () => {
  const tls = createServerTls(serverOptions({ ca: fixture("ca.pem"), clientAuth: 1 }));
  for (const end of ["close", "abort"] as const) {
    for (let length = 0; length < 1800; length += 150) {
      const [clientEnd, serverEnd] = memoryPair();
      let left = length;
      const cut: Connection = {
        local: clientEnd.local,
        peer: clientEnd.peer,
        read: (buffer) => clientEnd.read(buffer),
        close: () => clientEnd.close(),
        write: async (bytes) => {
          await clientEnd.write(bytes.subarray(0, left));
          left -= bytes.length;
          if (left <= 0) clientEnd[end]();
        },
      };
      const identity = { cert: fixture("alice.pem"), key: fixture("alice.key") };
      const [client, server] = await within(
        10_000,
        Promise.allSettled([
          secureClient(cut, { ...trusting, ...identity }, { timeout: 5000 }),
          secureServer(serverEnd, tls, { handshakeTimeout: 5000 }),
        ]),
      );
      for (const result of [client, server]) {
        if (result.status === "fulfilled") result.value.close();
      }
    }
  }
});
