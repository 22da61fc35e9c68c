/**
 * Connections to remote servers over the network.
 *
 * @module
 */
import { type ClientTlsOptions, connect, secureClient } from "../transport/client.ts";
import type { Dialer } from "./open_session.ts";
import type { ServerOptions } from "./options.ts";

/** Connects by TCP and TLS. */
export const transportDialer: Dialer = {
  async connect(server, limits) {
    const { host, port } = server;
    const tls = server.tls === "implicit" ? tlsOptions(server) : undefined;
    return await connect({ host, port, ...limits, tls });
  },

  async secure(connection, server, limits) {
    return await secureClient(connection, tlsOptions(server), limits);
  },
};

function tlsOptions({ host, tlsOptions: options }: ServerOptions): ClientTlsOptions {
  return {
    serverName: options?.serverName ?? host,
    ca: options?.ca,
    cert: options?.cert,
    key: options?.key,
    certpass: options?.passphrase,
  };
}
