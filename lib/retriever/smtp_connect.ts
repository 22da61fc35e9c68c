/**
 * The way to the mail server.
 *
 * @module
 */
import { connect } from "../transport/client.ts";
import type { Connection } from "../transport/connection.ts";
import type { SmtpOptions } from "./options.ts";

/**
 * Connects to a mail server, encrypted where TLS is implicit.
 *
 * @param timeout for the connection and the handshake, in milliseconds
 * @param authorities PEM text of authorities to trust besides the system's
 */
export async function connectMailServer(
  options: SmtpOptions,
  timeout: number,
  authorities?: string,
): Promise<Connection> {
  const { host, port } = options;
  const tls = { serverName: host, ca: authorities };
  return await connect({
    host,
    port,
    timeout,
    ...(options.tls === "implicit" ? { tls } : {}),
  });
}
