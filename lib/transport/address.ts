/**
 * IP addresses in the form that limits, logs and permissions compare.
 *
 * @module
 */

import type { Endpoint } from "./connection.ts";

const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/**
 * An IPv4 peer of a dual-stack socket appears as `::ffff:192.0.2.1`; this gives `192.0.2.1`.
 * Every other address is returned as it is.
 */
export function normaliseAddress(address: string): string {
  // Hot path: an IPv4 address does not start with a colon.
  if (address.charCodeAt(0) !== 0x3a) return address;
  return MAPPED.exec(address)?.[1] ?? address;
}

/** An address and a port as logs and messages show them: `192.0.2.1:110`, `[2001:db8::1]:110`. */
export function formatEndpoint(endpoint: Endpoint): string {
  const { address, port } = endpoint;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
