import assert from "node:assert/strict";
import { fixture, serverOptions, within } from "./support.ts";
import type { WorkerOptions } from "./worker_fixture.ts";

Deno.test("TLS works on both sides in a worker that holds the net permission alone", async () => {
  const worker = new Worker(new URL("./worker_fixture.ts", import.meta.url), {
    type: "module",
    deno: { permissions: { net: ["127.0.0.1"] } },
  });
  try {
    const answer = new Promise((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
    const ca = fixture("ca.pem");
    const options: WorkerOptions = {
      server: serverOptions({ ca, clientAuth: 2 }),
      client: {
        serverName: "localhost",
        ca,
        cert: fixture("alice.pem"),
        key: fixture("alice.key"),
      },
    };
    worker.postMessage(options);
    assert.deepEqual(await within(10_000, answer), ["alice", "NOOP"]);
  } finally {
    worker.terminate();
  }
});
