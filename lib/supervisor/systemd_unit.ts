/**
 * A hardened systemd unit for a config.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Config } from "../config/config.ts";
import { graceOf } from "./grace.ts";
import type { ProgramGrants } from "./permissions.ts";

/** What a unit is made of beside its config. */
export interface UnitOptions {
  /** The program's absolute path. */
  readonly binary: string;
  /** What it needs. */
  readonly grants: ProgramGrants;
  /** Whether it unpacks itself into a cache folder. */
  readonly unpacks?: boolean;
  /** The user, and the group of that name, that it runs as; {@linkcode SERVICE_USER} by default. */
  readonly user?: string;
}

const CACHE_DIRECTORY = ["CacheDirectory=mailismus", "CacheDirectoryMode=0700"];

/** The user that the unit runs the program as unless it is told another. */
export const SERVICE_USER = "mailismus";

/** The unit's text, with comments for whoever installs it. */
export function systemdUnit(config: Config, options: UnitOptions): string {
  const user = options.user ?? SERVICE_USER;
  const writable = writtenFolders(options.grants);
  const lines = [
    "# /etc/systemd/system/mailismus.service, made by `mailismus permissions --systemd`",
    "# Before the first start, for its own user and the folders that it writes:",
    `#   useradd --system --user-group --shell /usr/sbin/nologin ${user}`,
    ...writable.map((path) => `#   install -d -m 700 -o ${user} -g ${user} ${shellWord(path)}`),
    "# Where another program delivers into the same mailboxes, set User= to their owner instead.",
    "[Unit]",
    `Description=${description(config)}`,
    "After=network-online.target",
    "Wants=network-online.target",
    "",
    "[Service]",
    ...process(config, options, user),
    "",
    ...capabilities(config),
    "NoNewPrivileges=yes",
    "",
    ...fileSystem(config, options, writable),
    "",
    ...KERNEL,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ];
  return lines.join("\n") + "\n";
}

/** How it is started, ended, and as whom it runs. */
function process(config: Config, { binary, grants }: UnitOptions, user: string): string[] {
  return [
    "Type=exec",
    `ExecStart=${word(binary)} serve --config ${word(config.file)}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Restart=on-failure",
    "# Slowly enough that systemd never gives up on it.",
    "RestartSec=3",
    "# 2 is a config that cannot be used: starting again would not help.",
    "RestartPreventExitStatus=2",
    `TimeoutStopSec=${Math.ceil(graceOf(config) / 1000) + 5}`,
    `User=${user}`,
    `Group=${user}`,
    "UMask=0077",
    "LimitNOFILE=65536",
    ...environment(config, grants),
  ];
}

function fileSystem(
  config: Config,
  { binary, grants, unpacks = false }: UnitOptions,
  writable: readonly string[],
): string[] {
  const touched = [binary, config.file, ...grants.read, ...grants.write];
  return [
    "# The file system: all of it read-only but for these folders.",
    "ProtectSystem=strict",
    ...writable.map((path) => `ReadWritePaths=${word(path)}`),
    ...(unpacks
      ? ["# The program unpacks itself into /var/cache/mailismus.", ...CACHE_DIRECTORY]
      : []),
    `ProtectHome=${isAnyIn(["/home", "/root", "/run/user"], touched) ? "read-only" : "yes"}`,
    `PrivateTmp=${isAnyIn(["/tmp", "/var/tmp"], touched) ? "no" : "yes"}`,
    "PrivateDevices=yes",
  ];
}

const KERNEL = [
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
];

function description({ pop3server, pop3download }: Config): string {
  if (pop3download === undefined) return "Mailismus POP3 server";
  return pop3server === undefined
    ? "Mailismus POP3 retriever"
    : "Mailismus POP3 server and retriever";
}

function environment({ file }: Config, { env }: ProgramGrants): string[] {
  if (env.length === 0) return [];
  return [
    `# Holds ${env.map((name) => `${name}=…`).join(", ")}; readable by root alone.`,
    `EnvironmentFile=${word(`${dirname(file)}/environment`)}`,
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

function isAnyIn(folders: readonly string[], paths: readonly string[]): boolean {
  return paths.some((path) => folders.some((folder) => isWithin(path, folder)));
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** The folders that the program writes, without those that lie in another of them. */
export function writtenFolders(grants: ProgramGrants): string[] {
  return outermost(grants.write);
}

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
