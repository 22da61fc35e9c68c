/**
 * What a POP3 server's settings must be to each other.
 *
 * @module
 */
import type { ServerMechanism } from "../auth/types.ts";
import { checkPems } from "./checks_tls.ts";
import type { Links } from "./links.ts";
import { duplicates, isLoopback, sameHost } from "./identity.ts";
import type { Schema } from "./schema.ts";
import type { listenerFields, serverSections } from "./schema_server.ts";
import type { Table } from "./table.ts";

type ServerTable = Table<typeof serverSections.pop3server.fields>;
type ListenerTable = Table<typeof listenerFields>;

/** Checks `[pop3server]` and what it needs beside itself. */
export function checkServer(root: Table<Schema>, links: Links): void {
  const server = root.get("pop3server");
  if (!server) return;
  const directory = root.get("directory");
  if (!root.given("directory")) {
    root.problem("directory", "missing: the POP3 server needs it, with a users file");
  } else if (directory && !directory.given("users")) {
    directory.problem("users", "missing: without it nobody could log in to the POP3 server");
  }
  if (!root.given("message_store")) {
    root.problem(
      "message_store",
      "missing: the POP3 server needs it; the heading alone takes all defaults",
    );
  }
  checkLimits(server);
  const all = server.get("listeners");
  duplicates(
    all,
    "name",
    (listener, first) =>
      listener.wrong("name", `is also the name of ${first.path}; each listener needs its own`),
  );
  checkAddresses(all);
  for (const listener of all) checkListener(listener, directory?.get("plainpass") === true, links);
}

function checkLimits(server: ServerTable): void {
  const limits = server.get("limits");
  const delay = limits?.get("auth_delay");
  const max = limits?.get("auth_delay_max");
  if (delay !== undefined && max !== undefined && max < delay) {
    const shownMax = limits!.fields.auth_delay_max.type.show(max);
    const key = limits!.given("auth_delay_max") ? "auth_delay_max" : "auth_delay";
    limits!.wrong(
      key,
      key === "auth_delay_max"
        ? "is not allowed; it takes at least auth_delay"
        : `is not allowed; it takes at most auth_delay_max, which is ${shownMax}`,
    );
  }
}

function checkAddresses(all: readonly ListenerTable[]): void {
  all.forEach((listener, index) => {
    const port = listener.get("port");
    if (port === undefined || port === 0) return;
    const other = all.slice(0, index).find((earlier) =>
      earlier.get("port") === port && sharesInterface(earlier, listener)
    );
    if (!other) return;
    const whose = `${other.path}${other.item === undefined ? "" : ` (${other.item})`}`;
    listener.problem(
      "port",
      `${port} is taken by ${whose}: give one of them another port or interface`,
    );
  });
}

/** Whether one address would be listened on by both; all interfaces include each. */
function sharesInterface(a: ListenerTable, b: ListenerTable): boolean {
  // A wrong interface is a problem of its own.
  if ([a, b].some((each) => each.given("interface") && each.get("interface") === undefined)) {
    return false;
  }
  return sameHost(a.get("interface"), b.get("interface"));
}

function checkListener(listener: ListenerTable, plainpass: boolean, links: Links): void {
  const fault = links.fault(indexOf(listener.path));
  if (fault !== undefined) listener.wrong("configlink", fault);
  const ssl = listener.get("ssl");
  if (ssl) {
    checkPems(ssl);
    if (ssl.get("clientauth") === 2 && !ssl.given("tspath")) {
      ssl.wrong("clientauth", "requires client certificates, but tspath names no authorities");
    }
    if (ssl.get("mandatory") === true && ssl.get("latent") === false) {
      ssl.warn("mandatory", "has no meaning without latent: TLS is on from the start");
    }
  }
  warnOfLogins(listener, plainpass);
}

function warnOfLogins(listener: ListenerTable, plainpass: boolean): void {
  const server = listener.get("server");
  const authtypes = server?.get("authtypes");
  const encrypted = server?.get("authtypes_ssl");
  const ssl = listener.get("ssl");
  if (!authtypes || !encrypted || (listener.given("ssl") && !ssl)) return;
  const clear = !ssl || (ssl.get("latent") === true && ssl.get("mandatory") !== true);
  const possible = (name: ServerMechanism): boolean => {
    if (!plainpass && (name === "APOP" || name === "SASL_CRAM_MD5")) return false;
    if (name === "SASL_EXTERNAL") {
      return ssl?.given("tspath") === true && ssl.get("clientauth") !== 0;
    }
    return ssl !== undefined || !encrypted.includes(name);
  };
  if (!authtypes.some(possible)) {
    server!.warn("authtypes", "leaves no method by which anybody could log in");
  }
  const open = authtypes.filter((name) =>
    clear && !encrypted.includes(name) && (name === "USERPASS" || name === "SASL_PLAIN")
  );
  if (open.length > 0 && !isLoopback(listener.get("interface"))) {
    const remedy = ssl ? "set ssl.mandatory = true" : "add an ssl section";
    server!.warn(
      "authtypes",
      `lets passwords cross the network unencrypted (${open.join(", ")}): ${remedy}`,
    );
  }
}

/** The index that a path of an item ends in. */
function indexOf(path: string): number {
  return Number(/\[(\d+)\]$/.exec(path)?.[1]);
}
