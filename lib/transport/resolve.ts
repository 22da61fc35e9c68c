/**
 * Host names to IP addresses.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { normaliseAddress } from "./address.ts";

/** All interfaces, IPv6 and IPv4. */
export const ANY_V6 = "::";
/** All interfaces, IPv4 alone. */
export const ANY_V4 = "0.0.0.0";

/**
 * All addresses of a host name, in the system's order; of an IP address (also in brackets, as in
 * `[::1]`), itself.
 *
 * @throws if the name is unknown
 */
export async function resolveHost(host: string): Promise<string[]> {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  if (isIP(bare) !== 0) return [bare];
  const found = await lookup(bare, { all: true });
  return [...new Set(found.map((entry) => normaliseAddress(entry.address)))];
}
