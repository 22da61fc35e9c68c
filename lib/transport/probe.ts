/**
 * Whether a port can be listened on, asked before the threads that will share it start: they
 * share it by `SO_REUSEPORT`, under which a second instance of the program would silently take
 * half of the connections.
 *
 * @module
 */

import { reasonOf } from "../errors.ts";
import { formatEndpoint } from "./address.ts";
import type { Endpoint } from "./connection.ts";
import { codeOf, listen } from "./listener.ts";

/** The result of {@linkcode probePort}. */
export type PortProbe =
  /** The port is free; with port 0 in the question, `port` is a free one. */
  | { readonly free: true; readonly port: number; readonly addresses: readonly Endpoint[] }
  /** It cannot be listened on; `problem` is a sentence that says why and what to do. */
  | { readonly free: false; readonly problem: string };

/**
 * Binds the port for a moment, without sharing it.
 *
 * @param options the interface (an IP address or host name; default all) and the port
 */
export async function probePort(
  options: { readonly hostname?: string | undefined; readonly port: number },
): Promise<PortProbe> {
  try {
    const listener = await listen({ ...options, backlog: 1, reusePort: false });
    const addresses = listener.addresses;
    listener.close();
    return { free: true, port: addresses[0]!.port, addresses };
  } catch (error) {
    return { free: false, problem: explainListenFault(error, options) };
  }
}

/** A sentence on why listening failed and what to do. */
export function explainListenFault(
  error: unknown,
  options: { readonly hostname?: string | undefined; readonly port: number },
): string {
  const { hostname, port } = options;
  const place = hostname === undefined || hostname === ""
    ? `port ${port} on all interfaces`
    : formatEndpoint({ address: hostname, port });
  return `Cannot listen on ${place}: ${cause(error, hostname, port)}`;
}

function cause(error: unknown, hostname: string | undefined, port: number): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "the port is already in use, by another program or another instance of this one; " +
      `stop that one (\`ss -ltnp 'sport = :${port}'\` shows it) or choose another port`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `"${hostname ?? ""}" is not an address of this machine; ` +
      "use one that `ip address` shows, or leave the interface out to listen on all of them";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno was not given the permission to listen there; " +
      "the `permissions` subcommand prints what this config needs";
  }
  const denied = error instanceof Deno.errors.PermissionDenied || codeOf(error) === "EACCES";
  if (denied && port < 1024) {
    return "ports below 1024 need a privilege; grant it to the service " +
      "(systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE), allow such ports to everyone " +
      `(sysctl net.ipv4.ip_unprivileged_port_start=${port}), or use a higher port`;
  }
  if (/lookup|ENOTFOUND|EAI_/.test(`${codeOf(error)} ${reasonOf(error)}`)) {
    return `the host name "${hostname ?? ""}" is unknown (${reasonOf(error)}); ` +
      "use an IP address or a name that this machine can resolve";
  }
  return reasonOf(error);
}
