import assert from "node:assert/strict";
import { formatEndpoint, normaliseAddress } from "../../lib/transport/address.ts";
import type { TcpConnection } from "../../lib/transport/tcp.ts";
import { countToEnd, receive, send, tcpPair, within } from "./support.ts";

Deno.test("normaliseAddress() turns IPv4-mapped addresses into plain ones", () => {
  assert.equal(normaliseAddress("::ffff:192.0.2.1"), "192.0.2.1");
  assert.equal(normaliseAddress("::FFFF:192.0.2.1"), "192.0.2.1");
  for (const address of ["192.0.2.1", "::1", "2001:db8::ffff:1", "::ffff:1", ""]) {
    assert.equal(normaliseAddress(address), address);
  }
});

Deno.test("formatEndpoint() puts IPv6 addresses into brackets", () => {
  assert.equal(formatEndpoint({ address: "192.0.2.1", port: 110 }), "192.0.2.1:110");
  assert.equal(formatEndpoint({ address: "::1", port: 110 }), "[::1]:110");
});

Deno.test("TcpConnection carries bytes both ways and knows its ends", async () => {
  const { client, server } = await tcpPair();
  assert.deepEqual(client.local, server.peer);
  assert.deepEqual(client.peer, server.local);
  assert.equal(client.tls, undefined);
  await send(client, "STAT\r\n");
  assert.equal(await receive(server), "STAT\r\n");
  await send(server, "+OK 0 0\r\n");
  assert.equal(await receive(client), "+OK 0 0\r\n");
  client.close();
  assert.equal(await server.read(new Uint8Array(8)), null);
  server.close();
  await (server as TcpConnection).closed;
  await (client as TcpConnection).closed;
});

Deno.test("TcpConnection.write() sends everything, waiting for the peer to take it", async () => {
  const { client, server } = await tcpPair();
  const size = 16 * 1024 * 1024;
  let written = false;
  const writing = server.write(new Uint8Array(size).fill(65)).then(() => {
    written = true;
    server.close();
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(written, false);
  assert.equal(await countToEnd(client), size);
  await writing;
  client.close();
  await (server as TcpConnection).closed;
  await (client as TcpConnection).closed;
});

Deno.test("TcpConnection.close() delivers the last reply though input is left unread", async () => {
  const { client, server } = await tcpPair();
  await send(client, "NOOP\r\n".repeat(1000));
  await server.read(new Uint8Array(6));
  await send(server, "-ERR Too many errors\r\n");
  server.close();
  // The reset that a plain close() would cause needs time to arrive; this makes sure of it.
  await send(client, "NOOP\r\n".repeat(1000)).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  await send(client, "NOOP\r\n").catch(() => {});
  assert.equal(await receive(client), "-ERR Too many errors\r\n");
  assert.equal(await client.read(new Uint8Array(8)), null);
  client.close();
  await (server as TcpConnection).closed;
});

Deno.test("TcpConnection.close() does not listen forever to a peer that goes on talking", async () => {
  const { client, server } = await tcpPair();
  server.close();
  const flood = (async () => {
    while (true) await client.write(new Uint8Array(64 * 1024));
  })();
  await within(1500, (server as TcpConnection).closed);
  await assert.rejects(flood);
  client.close();
  await (client as TcpConnection).closed;
});

Deno.test("TcpConnection.close() ends a pending read, later reads and writes", async () => {
  const { client, server } = await tcpPair();
  const reading = server.read(new Uint8Array(8));
  server.close();
  server.close();
  assert.equal(await reading, null);
  assert.equal(await server.read(new Uint8Array(8)), null);
  await assert.rejects(server.write(new Uint8Array(1)), /closed/);
  assert.equal(await client.read(new Uint8Array(8)), null);
  client.close();
  await (client as TcpConnection).closed;
});

Deno.test("TcpConnection.close() ends a write that the peer does not take", async () => {
  const { client, server } = await tcpPair();
  const writing = server.write(new Uint8Array(64 * 1024 * 1024));
  await new Promise((resolve) => setTimeout(resolve, 20));
  server.close();
  await assert.rejects(within(2000, writing));
  client.close();
  await (client as TcpConnection).closed;
});

Deno.test("TcpConnection.detach() refuses while a read is pending", async () => {
  const { client, server } = await tcpPair();
  const reading = client.read(new Uint8Array(8));
  assert.throws(() => (client as TcpConnection).detach(), /in use/);
  client.close();
  await reading;
  server.close();
  await (server as TcpConnection).closed;
});
