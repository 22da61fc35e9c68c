/**
 * The real mail programs that the interop tests talk to. One that is not
 * installed skips its tests by name, with the reason; where `REQUIRE_PEERS` is
 * set, as in CI, it fails them.
 *
 * @module
 */

/** A program that a test needs. */
export interface Peer {
  /** The command. */
  readonly command: string;
  /** The Debian package that has it. */
  readonly package: string;
  /** Where else than on PATH to look for it. */
  readonly folders?: readonly string[];
}

/** The peers, by what the tests call them. */
export const PEERS = {
  curl: { command: "curl", package: "curl" },
  openssl: { command: "openssl", package: "openssl" },
  sslscan: { command: "sslscan", package: "sslscan" },
  fetchmail: { command: "fetchmail", package: "fetchmail" },
  mpop: { command: "mpop", package: "mpop" },
  python3: { command: "python3", package: "python3" },
  dovecotPop3: {
    command: "pop3",
    package: "dovecot-pop3d",
    folders: ["/usr/lib/dovecot", "/usr/libexec/dovecot"],
  },
  dovecot: {
    command: "dovecot",
    package: "dovecot-core",
    folders: ["/usr/sbin", "/usr/local/sbin"],
  },
  doveadm: { command: "doveadm", package: "dovecot-core" },
} as const satisfies Record<string, Peer>;

/** The name of a peer. */
export type PeerName = keyof typeof PEERS;

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    return false;
  }
}

/** Where a peer is, or undefined if it is not installed. */
export function findPeer(name: PeerName): string | undefined {
  const peer: Peer = PEERS[name];
  const folders = peer.folders ?? (Deno.env.get("PATH") ?? "").split(":");
  return folders.map((folder) => `${folder}/${peer.command}`).find(isExecutable);
}

/** Why a test that needs these peers cannot run here, or undefined if it can. */
function lack(peers: readonly PeerName[]): string | undefined {
  const missing: Peer[] = peers.filter((name) => findPeer(name) === undefined)
    .map((name) => PEERS[name]);
  if (missing.length === 0) return undefined;
  const names = missing.map((peer) => `"${peer.command}" (Debian package ${peer.package})`);
  return `${names.join(" and ")} not found`;
}

/** Registers a test that needs peers. */
export function peerTest(
  peers: readonly PeerName[],
  name: string,
  run: (t: Deno.TestContext) => Promise<void>,
): void {
  const reason = lack(peers);
  if (reason === undefined) {
    Deno.test(name, run);
  } else if (Deno.env.get("REQUIRE_PEERS") === "1") {
    Deno.test(name, () => Promise.reject(new Error(`${reason}, and REQUIRE_PEERS is set`)));
  } else {
    Deno.test({ name: `${name} [skipped: ${reason}]`, ignore: true, fn: run });
  }
}
