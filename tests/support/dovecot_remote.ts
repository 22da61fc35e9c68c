/**
 * A real Dovecot as the remote server of a retriever: a private instance on the loopback with
 * POP3 (and STLS), POP3S, and every login method that a retriever may use.
 *
 * @module
 */
import { findPeer, type PeerName } from "./peers.ts";
import { certificates, runCommand } from "./program.ts";

/** What must be installed for it. */
export const DOVECOT_PEERS: readonly PeerName[] = ["dovecot", "dovecotPop3"];

/** How a {@linkcode DovecotRemote} differs from its defaults. */
export interface DovecotOptions {
  /** Names and passwords. */
  readonly users: Readonly<Record<string, string>>;
  /** The loopback address where access tokens are judged; see {@linkcode TokenJudge}. */
  readonly tokenInfo?: string;
  /** Whether only clients with a certificate may log in: as its Common Name, by EXTERNAL. */
  readonly certificatesOnly?: boolean;
  /** The mechanisms; `plain cram-md5 apop` by default. */
  readonly mechanisms?: string;
  /** Whether a session locks the maildrop, and the next one waits for its end (10 s at most). */
  readonly locks?: boolean;
}

const START_LIMIT = 30_000;
/** Dovecot never touches mail as root; mail then belongs to the user "nobody". */
const IS_ROOT = Deno.uid() === 0;
const MAIL_UID = IS_ROOT ? 65534 : Deno.uid()!;
const MAIL_GID = IS_ROOT ? 65534 : Deno.gid()!;

/** A running Dovecot. */
export class DovecotRemote implements AsyncDisposable {
  /** The port of POP3, where STLS is offered. */
  readonly plainPort: number;
  /** The port of POP3S. */
  readonly tlsPort: number;
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;

  private constructor(folder: string, ports: readonly [number, number], child: Deno.ChildProcess) {
    this.#folder = folder;
    [this.plainPort, this.tlsPort] = ports;
    this.#child = child;
  }

  /** Starts it and waits until it greets. */
  static async start(options: DovecotOptions): Promise<DovecotRemote> {
    // Nobody keeps a free port free until Dovecot takes it: somebody else may be quicker.
    for (let attempts = 1;; attempts++) {
      const remote = await DovecotRemote.#launch(options);
      try {
        await remote.#ready();
        return remote;
      } catch (error) {
        const log = await Deno.readTextFile(`${remote.#folder}/log`).catch(() => "");
        await remote[Symbol.asyncDispose]();
        if (attempts === 3) throw new Error(`Dovecot does not start: ${log}`, { cause: error });
      }
    }
  }

  static async #launch(options: DovecotOptions): Promise<DovecotRemote> {
    const folder = await Deno.makeTempDir({ prefix: "mailismus-dovecot-" });
    await Deno.chmod(folder, 0o755);
    const ports = freePorts();
    await Deno.writeTextFile(`${folder}/users`, usersText(options.users));
    await Deno.writeTextFile(`${folder}/oauth2.conf`, tokenText(options.tokenInfo ?? ""));
    await Deno.writeTextFile(
      `${folder}/dovecot.conf`,
      configText(folder, ports, options, await ownIdentity()),
    );
    const command = [findPeer("dovecot")!, "-F", "-c", `${folder}/dovecot.conf`];
    const child = new Deno.Command("sh", {
      args: ["-c", 'exec "$@" 2>>"$0"', `${folder}/log`, ...command],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const remote = new DovecotRemote(folder, ports, child);
    for (const user of Object.keys(options.users)) remote.makeMailbox(user);
    return remote;
  }

  /** The Maildir of a user. */
  maildir(user: string): string {
    return `${this.#folder}/mail/${user}/Maildir`;
  }

  /** Gives what was put into a Maildir to Dovecot. */
  handOver(user: string): void {
    if (!IS_ROOT) return;
    for (const part of ["new", "cur", "tmp"]) {
      const folder = `${this.maildir(user)}/${part}`;
      for (const { name } of Deno.readDirSync(folder)) {
        Deno.chownSync(`${folder}/${name}`, MAIL_UID, MAIL_GID);
      }
    }
  }

  /** Delivers a message, as a mail server would: it is there at once and whole. */
  deliver(user: string, name: string, bytes: Uint8Array): void {
    const maildir = this.maildir(user);
    Deno.writeFileSync(`${maildir}/tmp/${name}`, bytes, { mode: 0o600 });
    if (IS_ROOT) Deno.chownSync(`${maildir}/tmp/${name}`, MAIL_UID, MAIL_GID);
    Deno.renameSync(`${maildir}/tmp/${name}`, `${maildir}/new/${name}`);
  }

  /** How many messages a user has. */
  count(user: string): number {
    return ["new", "cur"].reduce(
      (sum, part) => sum + [...Deno.readDirSync(`${this.maildir(user)}/${part}`)].length,
      0,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    // Its processes may outlive it by a moment, and write.
    for (let tries = 0;; tries++) {
      try {
        await Deno.remove(this.#folder, { recursive: true });
        return;
      } catch (error) {
        if (tries === 100) throw error;
        await pause(50);
      }
    }
  }

  /** Makes the Maildir of a user, or gives one that is there to Dovecot. */
  makeMailbox(user: string): void {
    const maildir = this.maildir(user);
    for (const part of ["new", "cur", "tmp"]) {
      Deno.mkdirSync(`${maildir}/${part}`, { recursive: true, mode: 0o700 });
      if (IS_ROOT) Deno.chownSync(`${maildir}/${part}`, MAIL_UID, MAIL_GID);
    }
    if (!IS_ROOT) return;
    Deno.chmodSync(`${this.#folder}/mail`, 0o755);
    for (const folder of [maildir, `${maildir}/..`]) Deno.chownSync(folder, MAIL_UID, MAIL_GID);
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + START_LIMIT;
    let ended = false;
    void this.#child.status.then(() => ended = true);
    while (!await greets(this.plainPort)) {
      if (ended || performance.now() > deadline) throw new Error("No greeting");
      await pause(50);
    }
  }
}

/**
 * Where Dovecot asks whether an access token is good, as it would ask a provider: the tokens are
 * those of this map, by user.
 */
export class TokenJudge implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  /** Good tokens and whose they are. */
  readonly tokens: Map<string, string> = new Map();

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      const token = new URL(request.url).searchParams.get("access_token") ?? "";
      const username = this.tokens.get(token);
      return username === undefined
        ? Response.json({ error: "invalid_token" }, { status: 401 })
        : Response.json({ username, active: true });
    });
  }

  /** For {@linkcode DovecotOptions.tokenInfo}. */
  get address(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/tokeninfo?access_token=`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Names of user and group. */
interface Identity {
  readonly user: string;
  readonly group: string;
}

/** As whom all of Dovecot's processes run where they cannot change that; as root, as packaged. */
async function ownIdentity(): Promise<Identity | undefined> {
  if (IS_ROOT) return undefined;
  const name = async (option: string) =>
    new TextDecoder().decode((await runCommand("id", [option])).stdout).trim();
  return { user: await name("-un"), group: await name("-gn") };
}

function freePorts(): [number, number] {
  const listeners = [0, 0].map((port) => Deno.listen({ hostname: "127.0.0.1", port }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports as [number, number];
}

async function greets(port: number): Promise<boolean> {
  try {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return await connection.read(new Uint8Array(100)) !== null;
  } catch {
    return false;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function usersText(users: Readonly<Record<string, string>>): string {
  return Object.entries(users).map(([name, secret]) => `${name}:{PLAIN}${secret}::::::\n`).join("");
}

function tokenText(tokenInfo: string): string {
  return `tokeninfo_url = ${tokenInfo}
username_attribute = username
active_attribute = active
active_value = true
`;
}

function configText(
  folder: string,
  [plain, tls]: readonly [number, number],
  { mechanisms = "plain cram-md5 apop", certificatesOnly = false, tokenInfo, locks = false }:
    DovecotOptions,
  identity: Identity | undefined,
): string {
  const self = identity === undefined ? "" : `default_internal_user = ${identity.user}
default_login_user = ${identity.user}
default_internal_group = ${identity.group}
service anvil {
  chroot =
}
`;
  const secret = certificatesOnly
    ? `auth_ssl_username_from_cert = yes
auth_ssl_require_client_cert = yes
ssl_ca = <${certificates}/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
ssl_cert_username_field = commonName
passdb {
  driver = static
  args = nopassword=y
}`
    : `passdb {
  driver = passwd-file
  mechanisms = plain cram-md5 apop
  args = username_format=%u ${folder}/users
}`;
  const tokens = tokenInfo === undefined ? "" : `passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${folder}/oauth2.conf
}
`;
  return `protocols = pop3
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/run/state
log_path = ${folder}/log
ssl = yes
ssl_cert = <${certificates}/server.pem
ssl_key = <${certificates}/server.key
disable_plaintext_auth = no
auth_mechanisms = ${mechanisms}
auth_failure_delay = 0
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:${folder}/mail/%u/Maildir
mail_max_userip_connections = 1000
pop3_lock_session = ${locks ? "yes" : "no"}
stats_writer_socket_path =
${secret}
${tokens}userdb {
  driver = static
  args = uid=${MAIL_UID} gid=${MAIL_GID} home=${folder}/mail/%u allow_all_users=yes
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = ${plain}
  }
  inet_listener pop3s {
    port = ${tls}
    ssl = yes
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
${self}`;
}
