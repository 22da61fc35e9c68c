/**
 * The program as a retriever: its config, its runs, and what they left.
 *
 * @module
 */
import assert from "node:assert/strict";
import { certificates, type RunOptions, runProgram, TempFolder } from "./program.ts";

/** A client of a {@linkcode Collector}. */
export interface ClientText {
  readonly id: string;
  /** `alice` by default. */
  readonly recip?: string;
  /** The port of the remote server on the loopback. */
  readonly port: number;
  /** The user there; none for a login by certificate. */
  readonly username?: string;
  readonly password?: string;
  /** TLS from the first byte or by STLS; none by default. */
  readonly tls?: "implicit" | "stls";
  /** Whose certificate to show, of those made for tests. */
  readonly certificate?: string;
  /** More lines for the client. */
  readonly more?: string;
  /** More lines for its `server` section. */
  readonly server?: string;
  /** Lines of its `smtp` section. */
  readonly smtp?: string;
}

/** A client's part of the config. */
export function clientText(client: ClientText): string {
  const { id, recip = "alice", port, username, password, tls, certificate, more, server } = client;
  const line = (key: string, value: string | undefined) =>
    value === undefined ? "" : `${key} = ${JSON.stringify(value)}\n`;
  const ssl = tls === undefined ? "" : `[pop3download.clients.ssl]
latent = ${tls === "stls"}
tspath = "${certificates}/ca.pem"
${line("cert", certificate && `${certificates}/${certificate}.pem`)}${
    line("key", certificate && `${certificates}/${certificate}.key`)
  }`;
  return `
[[pop3download.clients]]
id = "${id}"
recip = "${recip}"
${more ?? ""}
[pop3download.clients.server]
address = "localhost:${port}"
${line("username", username)}${line("password", password)}${server ?? ""}
${ssl}${client.smtp === undefined ? "" : `[pop3download.clients.smtp]\n${client.smtp}\n`}`;
}

/** How a {@linkcode Collector} differs from its defaults. */
export interface CollectorOptions {
  /** Lines for `[pop3download]`. */
  readonly settings?: string;
  /** Lines for `[directory]`. */
  readonly directory?: string;
  /** Files beside the config: name and contents. */
  readonly files?: Readonly<Record<string, string>>;
  /** Where mailboxes and journals are; a folder beside the config by default. */
  readonly var?: string;
}

/** A folder with a retriever's config. The local users are alice, bob and carol. */
export class Collector implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #var: string;

  private constructor(folder: TempFolder, options: CollectorOptions) {
    this.#folder = folder;
    this.#var = options.var ?? `${folder.path}/var`;
  }

  /** Makes one. */
  static async make(
    clients: readonly ClientText[],
    options: CollectorOptions = {},
  ): Promise<Collector> {
    const folder = await TempFolder.make();
    const collector = new Collector(folder, options);
    await Deno.writeTextFile(`${folder.path}/users`, "alice\nbob\ncarol\n", { mode: 0o600 });
    for (const [name, text] of Object.entries(options.files ?? {})) {
      await Deno.writeTextFile(`${folder.path}/${name}`, text, { mode: 0o600 });
    }
    await collector.configure(clients, options);
    return collector;
  }

  /** Writes the config anew. */
  async configure(clients: readonly ClientText[], options: CollectorOptions = {}): Promise<void> {
    const text = `[paths]
var = "${this.#var}"
[directory]
users = "%DIRTOP%/users"
${options.directory ?? ""}
[message_store]
userpath = "%DIRVAR%/ms"
[pop3download]
audit = "%DIRTOP%/audit.log"
transcript = "%DIRTOP%/transcript.log"
${options.settings ?? ""}
${clients.map(clientText).join("")}`;
    await Deno.writeTextFile(`${this.#folder.path}/config.toml`, text, { mode: 0o600 });
  }

  /** The folder of the config. */
  get path(): string {
    return this.#folder.path;
  }

  /** Runs `retrieve` to its end. */
  async retrieve(
    args: readonly string[] = ["--once"],
    options: RunOptions = {},
  ): Promise<Retrieved> {
    const outcome = await runProgram(["retrieve", ...args], {
      cwd: this.path,
      limit: 60_000,
      ...options,
    });
    const stdout = new TextDecoder().decode(outcome.stdout);
    return { code: outcome.code, stdout, stderr: outcome.stderr, all: stdout + outcome.stderr };
  }

  /** What lies in a local user's mailbox, by file name in order. */
  mailbox(user: string): Uint8Array[] {
    return filesIn(`${this.#var}/ms/${user}/Maildir/new`);
  }

  /** The audit's lines, without their time stamps. */
  audit(): string[] {
    return this.#lines("audit.log").map((line) => line.slice(24));
  }

  /** The transcript's lines, without their time stamps. */
  transcript(): string[] {
    return this.#lines("transcript.log").map((line) => line.slice(24));
  }

  /** Fails if any of the secrets stands in any file that the program wrote, or in its output. */
  assertNoSecrets(secrets: readonly string[], output: string): void {
    for (const [path, text] of [["its output", output], ...this.#written()]) {
      for (const secret of secrets) {
        assert(!text!.includes(secret), `"${secret}" stands in ${path}`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }

  #lines(name: string): string[] {
    const path = `${this.path}/${name}`;
    return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
  }

  /** Logs, journals, state: all but the mail and what the test itself wrote. */
  *#written(): Iterable<[string, string]> {
    const pending = [`${this.#var}`, `${this.path}/audit.log`, `${this.path}/transcript.log`];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const here = path;
      if (here === `${this.#var}/ms` || !exists(here)) continue;
      if (Deno.statSync(here).isFile) yield [here, latin1File(here)];
      else pending.push(...[...Deno.readDirSync(here)].map(({ name }) => `${here}/${name}`));
    }
  }
}

/** What a run of `retrieve` left. */
export interface Retrieved {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both outputs. */
  readonly all: string;
}

/** The contents of a folder's files, in the order of their names; none if it is not there. */
export function filesIn(folder: string): Uint8Array[] {
  if (!exists(folder)) return [];
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return names.filter((name) => !name.startsWith(".")).sort()
    .map((name) => Deno.readFileSync(`${folder}/${name}`));
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function latin1File(path: string): string {
  return new TextDecoder("latin1").decode(Deno.readFileSync(path));
}

/** A message as Unix keeps it: every CRLF as LF. */
export function lfForm(wire: Uint8Array): Uint8Array {
  const lf = new Uint8Array(wire.length);
  let length = 0;
  for (let i = 0; i < wire.length; i++) {
    if (wire[i] !== 0x0d || wire[i + 1] !== 0x0a) lf[length++] = wire[i]!;
  }
  return lf.slice(0, length);
}
