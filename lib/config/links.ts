/**
 * `configlink`: a listener that uses the `server` section of another.
 *
 * @module
 */
import { asBoolean } from "./value_types.ts";
import { isTable, type RawTable } from "./table.ts";

/** The listeners' links, followed. */
export interface Links {
  /** The file's tables, each linked listener having the `server` section of the other. */
  readonly tables: RawTable;
  /** The name that the listener at this index links to, if that could be followed. */
  target(index: number): string | undefined;
  /** Whether a problem at this path is told already, at the listener that is linked to. */
  repeats(path: string): boolean;
  /** What is wrong with the link of the listener at this index. */
  fault(index: number): string | undefined;
}

/** Follows the links of all listeners. What cannot be followed is left as it is. */
export function linkListeners(tables: RawTable): Links {
  const server = tables.pop3server;
  const raw = isTable(server) && Array.isArray(server.listeners) ? server.listeners : [];
  const listeners = raw.map((item) => isTable(item) ? item : {});
  const faults = listeners.map((listener) => faultOf(listener, listeners));
  const targets = listeners.map((listener, i) =>
    typeof listener.configlink === "string" && faults[i] === undefined
      ? listeners.find((other) => other.name === listener.configlink)
      : undefined
  );
  const linked = raw.map((item, i) => {
    const target = targets[i];
    return target === undefined ? item : { ...item, server: target.server ?? {} };
  });
  return {
    tables: linked.length === 0
      ? tables
      : { ...tables, pop3server: { ...(server as RawTable), listeners: linked } },
    target: (index) => targets[index]?.name as string | undefined,
    repeats(path) {
      const index = /^pop3server\.listeners\[(\d+)\]\.server\b/.exec(path)?.[1];
      return index !== undefined && targets[Number(index)] !== undefined;
    },
    fault: (index) => faults[index],
  };
}

function faultOf(listener: RawTable, all: readonly RawTable[]): string | undefined {
  const { configlink } = listener;
  if (typeof configlink !== "string") return undefined;
  if (configlink === listener.name) return "is the listener's own name; it takes another's";
  const target = all.find((other) => other.name === configlink);
  if (target !== undefined && asBoolean(target.enabled) === false) {
    return "names a listener that is disabled";
  }
  if (target === undefined) {
    const names = all.filter((other) => other !== listener && typeof other.name === "string")
      .map((other) => JSON.stringify(other.name));
    return names.length === 0
      ? "names no listener: there is no other"
      : `names no listener; the others are ${names.join(", ")}`;
  }
  if (target.configlink !== undefined) {
    return "names a listener that is itself linked; link to one with a server section of its own";
  }
  if (listener.server !== undefined) {
    return "stands beside a server section of the listener's own; leave one of the two";
  }
  return undefined;
}
