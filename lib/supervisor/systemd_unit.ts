/**
 * A hardened systemd unit for a config.
 *
 * @module
 */
import type { Config } from "../config/config.ts";
import type { ProgramGrants } from "./permissions.ts";

/** What a unit is made of beside its config. */
export interface UnitOptions {
  /** The program's absolute path. */
  readonly binary: string;
  /** What it needs. */
  readonly grants: ProgramGrants;
  /** Whether it unpacks itself into a cache folder. */
  readonly unpacks?: boolean;
}

const CACHE_DIRECTORY = ["CacheDirectory=mailismus", "CacheDirectoryMode=0700"];

/** The user that the unit runs the program as. */
const USER = "mailismus";

/** The unit's text, with comments for whoever installs it. */
export function systemdUnit(
  config: Config,
  { binary, grants, unpacks = false }: UnitOptions,
): string {
  const writable = outermost(grants.write);
  const grace = config.pop3server?.grace ?? 0;
  const lines = [
    "# /etc/systemd/system/mailismus.service, made by `mailismus permissions --systemd`",
    "# Before the first start, for its own user and the folders that it writes:",
    `#   useradd --system --user-group --shell /usr/sbin/nologin ${USER}`,
    ...writable.map((path) => `#   install -d -m 700 -o ${USER} -g ${USER} ${shellWord(path)}`),
    "# Where another program delivers into the same mailboxes, set User= to their owner instead.",
    "[Unit]",
    `Description=${description(config)}`,
    "After=network-online.target",
    "Wants=network-online.target",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${word(binary)} serve --config ${word(config.file)}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Restart=on-failure",
    "# 2 is a config that cannot be used: starting again would not help.",
    "RestartPreventExitStatus=2",
    `TimeoutStopSec=${Math.ceil(grace / 1000) + 5}`,
    `User=${USER}`,
    `Group=${USER}`,
    "UMask=0077",
    "LimitNOFILE=65536",
    ...environment(grants),
    "",
    ...capabilities(config),
    "NoNewPrivileges=yes",
    "",
    "# The file system: all of it read-only but for these folders.",
    "ProtectSystem=strict",
    ...writable.map((path) => `ReadWritePaths=${word(path)}`),
    ...(unpacks
      ? ["# The program unpacks itself into /var/cache/mailismus.", ...CACHE_DIRECTORY]
      : []),
    `ProtectHome=${isAnyIn(["/home", "/root", "/run/user"], config, grants) ? "read-only" : "yes"}`,
    `PrivateTmp=${isAnyIn(["/tmp", "/var/tmp"], config, grants) ? "no" : "yes"}`,
    "PrivateDevices=yes",
    "",
    "# The kernel. MemoryDenyWriteExecute= is missing since V8 compiles to memory.",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectProc=invisible",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "RemoveIPC=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallErrorNumber=EPERM",
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
  return lines.join("\n") + "\n";
}

function description({ pop3server, pop3download }: Config): string {
  if (pop3download === undefined) return "Mailismus POP3 server";
  return pop3server === undefined
    ? "Mailismus POP3 retriever"
    : "Mailismus POP3 server and retriever";
}

function environment({ env }: ProgramGrants): string[] {
  if (env.length === 0) return [];
  return [
    `# Holds ${env.map((name) => `${name}=…`).join(", ")}; readable by root alone.`,
    "EnvironmentFile=/etc/mailismus/environment",
  ];
}

function capabilities({ pop3server }: Config): string[] {
  const low = pop3server?.listeners.some(({ port }) => port > 0 && port < 1024) ?? false;
  return low
    ? [
      "# For ports below 1024, and for nothing else.",
      "AmbientCapabilities=CAP_NET_BIND_SERVICE",
      "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
    ]
    : ["CapabilityBoundingSet="];
}

function isAnyIn(folders: readonly string[], config: Config, grants: ProgramGrants): boolean {
  return [config.file, ...grants.read, ...grants.write].some((path) =>
    folders.some((folder) => isWithin(path, folder))
  );
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** The folders of a list that lie in no other folder of it. */
function outermost(paths: readonly string[]): string[] {
  return paths.filter((path) => !paths.some((other) => other !== path && isWithin(path, other)));
}

/** A word of a unit's setting: `%` begins a specifier, `$` a variable, spaces end it. */
function word(text: string): string {
  const escaped = text.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /[\s"'\\;]/.test(text) ? `"${escaped.replace(/["\\]/g, "\\$&")}"` : escaped;
}

/** A word of a shell's command line. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,[\]-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
