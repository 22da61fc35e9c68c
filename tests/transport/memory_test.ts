import assert from "node:assert/strict";
import { memoryPair } from "../support/memory.ts";
import { countToEnd, receive, send } from "./support.ts";

Deno.test("memoryPair() carries bytes both ways, in pieces of the size told", async () => {
  for (const chunk of [1, 2, 3, 7, 100]) {
    const [client, server] = memoryPair({ chunk });
    await send(client, "CAPA\r\nNOOP\r\n");
    const buffer = new Uint8Array(64);
    assert.equal(await server.read(buffer), Math.min(chunk, 12));
    await send(server, "+OK\r\n");
    assert.equal(await receive(client), "+OK\r\n");
    client.close();
    server.close();
  }
});

Deno.test("memoryPair() joins small writes for a large read, and keeps no caller's buffer", async () => {
  const [client, server] = memoryPair();
  const bytes = new Uint8Array([65, 66]);
  await client.write(bytes);
  bytes.fill(90);
  await client.write(new Uint8Array([67]));
  const buffer = new Uint8Array(8);
  assert.equal(await server.read(buffer), 3);
  assert.deepEqual([...buffer.subarray(0, 3)], [65, 66, 67]);
});

Deno.test("memoryPair() with a capacity makes writes wait for reads", async () => {
  const [client, server] = memoryPair({ capacity: 10 });
  let done = false;
  const writing = client.write(new Uint8Array(25)).then(() => {
    done = true;
    client.close();
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(done, false);
  assert.equal(client.unread, 10);
  assert.equal(await countToEnd(server), 25);
  await writing;
});

Deno.test("MemoryConnection.close() lets the other end read the rest, then the end", async () => {
  const [client, server] = memoryPair();
  await send(client, "QUIT\r\n");
  const pending = client.read(new Uint8Array(1));
  client.close();
  assert.equal(await pending, null);
  assert.equal(await receive(server), "QUIT\r\n");
  assert.equal(await server.read(new Uint8Array(1)), null);
  await assert.rejects(server.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
  await assert.rejects(client.write(new Uint8Array(1)), Deno.errors.BadResource);
  assert.ok(client.isClosed && !server.isClosed);
});

Deno.test("MemoryConnection.abort() fails both ends, shutdown() only ends the sending", async () => {
  const [client, server] = memoryPair();
  client.shutdown();
  assert.equal(await server.read(new Uint8Array(1)), null);
  await send(server, "+OK\r\n");
  assert.equal(await receive(client), "+OK\r\n");
  const pending = server.write(new Uint8Array(1));
  await pending;
  client.abort();
  await assert.rejects(server.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  await assert.rejects(server.write(new Uint8Array(1)), Deno.errors.ConnectionReset);
});
