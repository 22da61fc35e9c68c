import assert from "node:assert/strict";
import { connect } from "../../lib/transport/client.ts";
import { fixture, receive, send, serverOptions, within } from "./support.ts";

Deno.test("TLS is served by a worker that holds the net permission alone", async () => {
  const worker = new Worker(new URL("./worker_fixture.ts", import.meta.url), {
    type: "module",
    deno: { permissions: { net: ["127.0.0.1"] } },
  });
  try {
    const message = () =>
      new Promise<number | string>((resolve, reject) => {
        worker.onmessage = (event) => resolve(event.data);
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(event.message));
        };
      });
    const started = message();
    worker.postMessage(serverOptions({ ca: fixture("ca.pem"), clientAuth: 2 }));
    const port = await within(10_000, started) as number;
    const named = message();
    const client = await connect({
      host: "127.0.0.1",
      port,
      timeout: 5000,
      tls: {
        serverName: "localhost",
        ca: fixture("ca.pem"),
        cert: fixture("alice.pem"),
        key: fixture("alice.key"),
      },
    });
    assert.equal(await within(5000, named), "alice");
    await send(client, "NOOP\r\n");
    assert.equal(await receive(client), "NOOP\r\n");
    client.close();
  } finally {
    worker.terminate();
  }
});
