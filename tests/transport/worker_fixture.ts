/**
 * A worker that serves one TLS connection, to itself, and reports what it saw; see worker_test.ts.
 *
 * @module
 */

import { type ClientTlsOptions, connect } from "../../lib/transport/client.ts";
import { listen } from "../../lib/transport/listener.ts";
import {
  createServerTls,
  secureServer,
  type ServerTlsOptions,
} from "../../lib/transport/server_tls.ts";

/** What the worker is told. */
export interface WorkerOptions {
  readonly server: ServerTlsOptions;
  readonly client: ClientTlsOptions;
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<WorkerOptions>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data }) => {
  const listener = await listen({ hostname: "127.0.0.1", port: 0 });
  const { address: host, port } = listener.addresses[0]!;
  const serving = (async () => {
    const accepted = await listener.accept();
    const tls = createServerTls(data.server);
    const server = await secureServer(accepted!, tls, { handshakeTimeout: 5000 });
    const buffer = new Uint8Array(100);
    const count = await server.read(buffer);
    await server.write(buffer.subarray(0, count!));
    server.close();
    return server.tls!.verifiedCommonName;
  })();
  const client = await connect({ host, port, timeout: 5000, tls: data.client });
  await client.write(new TextEncoder().encode("NOOP"));
  const buffer = new Uint8Array(100);
  const count = await client.read(buffer);
  client.close();
  listener.close();
  scope.postMessage([await serving, new TextDecoder().decode(buffer.subarray(0, count!))]);
};
