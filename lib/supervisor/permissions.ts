/**
 * Which permissions the parts of the program need for a config: each worker's,
 * which it is given and no more, and those of the program as a whole.
 *
 * @module
 */
import { isIP } from "node:net";
import { dirname } from "node:path";
import { ANY_V4, ANY_V6, resolveHost } from "../transport/resolve.ts";
import { safeFolderName } from "../retriever/files_destination.ts";
import type { Client, Config, LogFile } from "../config/config.ts";
import { logFolder } from "../log/name_template.ts";

/** What a part of the program may do; everything else is denied to it. */
export interface Grants {
  /** Addresses that it may listen on or connect to: `host:port`, `[v6]:port`, or `host` for any port. */
  readonly net: readonly string[];
  /** Files and folders that it may read. */
  readonly read: readonly string[];
  /** Files and folders that it may write. */
  readonly write: readonly string[];
}

/** For workers that only compute. */
export const NO_GRANTS: Grants = { net: [], read: [], write: [] };

/** What the program as a whole may do. */
export interface ProgramGrants extends Grants {
  /** Environment variables that it may read. */
  readonly env: readonly string[];
  /** What it may ask the system. */
  readonly sys: readonly string[];
}

/** An address that a worker listens on. */
export interface ListenAddress {
  /** An IP address. */
  readonly address: string;
  /** The TCP port. */
  readonly port: number;
}

/** The folder of caches, the only one beside the mail folder that a server worker writes. */
export function cacheFolder(config: Config): string {
  return `${config.paths.var}/cache`;
}

/** The folder of the retriever's journals. */
export function journalFolder(config: Config): string {
  return `${config.paths.var}/retriever`;
}

/** What a server worker may do. */
export function serverGrants(config: Config, addresses: readonly ListenAddress[]): Grants {
  const folders = unique([...mailFolders(config), cacheFolder(config)]);
  return {
    net: unique(addresses.map(({ address, port }) => hostPort(address, port))),
    read: folders,
    write: folders,
  };
}

/** What the retriever's worker may do. */
export function retrieverGrants(config: Config): Grants {
  const clients = config.pop3download?.clients ?? [];
  const folders = clients.flatMap((client) => clientFolders(config, client));
  const refreshed = clients.flatMap(({ server }) => optional(server.oauth2?.refresh_token_file));
  const read = clients.flatMap(({ server }) => optional(server.token_file));
  // A new refresh token replaces the file by way of a temporary one beside it.
  const beside = refreshed.map((file) => dirname(file));
  return {
    net: unique(clients.flatMap(clientAddresses)),
    read: unique([journalFolder(config), ...folders, ...read, ...beside]),
    write: unique([journalFolder(config), ...folders, ...beside]),
  };
}

/** What {@linkcode programGrants} cannot see in the config itself. */
export interface ProgramSurroundings {
  /** The folder of the program's sources, absent in a compiled binary. */
  readonly program?: string | undefined;
  /** Files that hold passwords (`password_file`). */
  readonly secretFiles: readonly string[];
  /** Environment variables that hold them (`password_env`). */
  readonly envNames: readonly string[];
  /** What the listeners need; see {@linkcode listenGrants}. */
  readonly listen: readonly string[];
}

/**
 * What the program as a whole needs: what its workers need, since nobody can
 * give more than they have, and what main itself reads and writes.
 */
export function programGrants(
  config: Config,
  { program, secretFiles, envNames, listen }: ProgramSurroundings,
): ProgramGrants {
  const parts: Grants[] = [];
  if (config.pop3server !== undefined) parts.push({ ...serverGrants(config, []), net: listen });
  if (config.pop3download !== undefined) parts.push(retrieverGrants(config));
  const logs = logFiles(config).map(({ file }) => logFolder(file));
  return {
    net: unique(parts.flatMap(({ net }) => net)),
    read: unique([
      ...optional(program),
      config.file,
      ...configuredFiles(config),
      ...secretFiles,
      ...parts.flatMap(({ read }) => read),
      ...logs,
    ]),
    write: unique([...parts.flatMap(({ write }) => write), ...logs]),
    env: unique(envNames),
    sys: ["hostname"],
  };
}

/**
 * Where the listeners of a config listen, before their ports are tried: a host name is given with
 * its addresses, and port 0 as any port. To look a name up takes the permission for all its ports.
 */
export async function listenGrants(config: Config): Promise<string[]> {
  const grants: string[] = [];
  for (const { interface: host, port } of config.pop3server?.listeners ?? []) {
    // Without an interface IPv6 takes IPv4 along, and where there is no IPv6, IPv4 is left.
    const hosts = host === undefined ? [ANY_V6, ANY_V4] : await resolveHost(host).catch(() => []);
    if (host !== undefined && isIP(host) === 0) grants.push(host);
    grants.push(...hosts.map((one) => port === 0 ? anyPort(one) : hostPort(one, port)));
  }
  return unique(grants);
}

function anyPort(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** A worker's permissions as `new Worker` takes them. */
export function workerPermissions(grants: Grants): Deno.PermissionOptionsObject {
  const list = (entries: readonly string[]) => entries.length === 0 ? false : [...entries];
  return {
    net: list(grants.net),
    read: list(grants.read),
    write: list(grants.write),
    env: false,
    sys: false,
    run: false,
    ffi: false,
    import: false,
  };
}

/** An address as permissions name it. */
function hostPort(address: string, port: number): string {
  return `${anyPort(address)}:${port}`;
}

function mailFolders(config: Config): string[] {
  return config.message_store === undefined ? [] : [config.message_store.userpath];
}

function clientFolders(config: Config, client: Client): string[] {
  if (client.smtp !== undefined) return [];
  const { downloads_directory: downloads } = client;
  return downloads === undefined
    ? mailFolders(config)
    : [downloads.replaceAll("%U%", safeFolderName(client.recip))];
}

function clientAddresses({ server, smtp }: Client): string[] {
  const addresses = [hostPort(server.host, server.port)];
  if (smtp !== undefined) addresses.push(hostPort(smtp.server.host, smtp.server.port));
  if (server.oauth2 !== undefined) {
    const { hostname, port, protocol } = new URL(server.oauth2.token_endpoint);
    addresses.push(`${hostname}:${port || (protocol === "http:" ? "80" : "443")}`);
  }
  return addresses;
}

/** All log files of a config. */
function logFiles(config: Config): LogFile[] {
  const { log, pop3server, pop3download } = config;
  return [
    ...(log.file === undefined ? [] : [{ ...log, file: log.file }]),
    ...(pop3server?.listeners ?? []).flatMap(({ server }) => optional(server.transcript)),
    ...optional(pop3download?.audit),
    ...optional(pop3download?.transcript),
  ];
}

/** The files beside the config that it names and main reads. */
function configuredFiles({ directory, pop3server, pop3download }: Config): string[] {
  const listeners = (pop3server?.listeners ?? []).flatMap(({ ssl }) =>
    ssl === undefined ? [] : [ssl.cert, ssl.key, ...optional(ssl.tspath)]
  );
  const clients = (pop3download?.clients ?? []).flatMap(({ ssl, server }) => [
    ...optional(ssl?.cert),
    ...optional(ssl?.key),
    ...optional(ssl?.tspath),
    ...optional(server.password_file),
    ...optional(server.token_file),
    ...optional(server.oauth2?.refresh_token_file),
  ]);
  return [
    ...optional(directory?.users),
    ...optional(directory?.domains),
    ...optional(directory?.aliases),
    ...listeners,
    ...clients,
  ];
}

function optional<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

function unique(entries: Iterable<string>): string[] {
  return [...new Set(entries)];
}
