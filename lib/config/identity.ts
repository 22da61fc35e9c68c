/**
 * When two things of a config are the same.
 *
 * @module
 */
import { isIpv6 } from "./value_types.ts";

/**
 * Calls `found` for each item whose `key` an earlier item has too.
 *
 * @param found is told the item and the first that has the same
 */
export function duplicates<K extends string, T extends { get(key: K): unknown }>(
  items: readonly T[],
  key: K,
  found: (item: T, first: T) => void,
): void {
  const seen = new Map<unknown, T>();
  for (const item of items) {
    const value = item.get(key);
    if (value === undefined) continue;
    const first = seen.get(value);
    if (first === undefined) seen.set(value, item);
    else found(item, first);
  }
}

/** Whether two hosts to listen on have an address in common; undefined means all. */
export function sameHost(a: string | undefined, b: string | undefined): boolean {
  const [one, two] = [normalHost(a), normalHost(b)];
  if (one === two || one === "::" || two === "::") return true;
  if (one === "0.0.0.0" || two === "0.0.0.0") return !(one.includes(":") || two.includes(":"));
  return false;
}

/** Whether a host to listen on can be reached from this machine alone. */
export function isLoopback(host: string | undefined): boolean {
  const normal = normalHost(host);
  return normal === "::1" || normal.startsWith("127.");
}

function normalHost(host: string | undefined): string {
  if (host === undefined) return "::";
  if (isIpv6(host)) return new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const name = host.toLowerCase().replace(/\.$/, "");
  return name === "localhost" ? "127.0.0.1" : name;
}
