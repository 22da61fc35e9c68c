/**
 * A worker that serves one TLS connection; see worker_test.ts.
 *
 * @module
 */

import { listen } from "../../lib/transport/listener.ts";
import {
  createServerTls,
  secureServer,
  type ServerTlsOptions,
} from "../../lib/transport/server_tls.ts";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<ServerTlsOptions>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data }) => {
  const listener = await listen({ hostname: "127.0.0.1", port: 0 });
  scope.postMessage(listener.addresses[0]!.port);
  const accepted = await listener.accept();
  const connection = await secureServer(accepted!, createServerTls(data), {
    handshakeTimeout: 5000,
  });
  scope.postMessage(connection.tls!.verifiedCommonName);
  const buffer = new Uint8Array(100);
  const count = await connection.read(buffer);
  await connection.write(buffer.subarray(0, count!));
  connection.close();
  listener.close();
};
