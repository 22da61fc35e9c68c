/**
 * The program as its users run it: started by its launcher in a throw-away
 * folder, reached over TCP, ended by a signal.
 *
 * @module
 */
import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url).pathname;
const START_LIMIT = 60_000;
const STOP_LIMIT = 30_000;

/** How a {@linkcode Program} is set up. */
export interface ProgramOptions {
  /** A folder with a config, and what belongs to it; it is kept. Else a new one is made, and removed. */
  readonly folder?: string;
  /** The text of `config.toml`; {@linkcode configText} by default. Not written if `folder` has one. */
  readonly config?: string;
  /** The text of the users file; alice, bob and carol by default. */
  readonly users?: string;
  /** Called with the folder before the program starts, to put mail there. */
  readonly prepare?: (folder: string) => void;
  /** The command that starts it, found out from the folder; the launcher's by default. */
  readonly command?: (folder: string) => Promise<{ command: string; args: string[] }>;
  /** The listeners to wait for; those of {@linkcode configText} by default. */
  readonly listeners?: readonly string[];
}

/** How {@linkcode configText} differs from its defaults. */
export interface ConfigOptions {
  /** Lines for `[pop3server.limits]`. */
  readonly limits?: string;
  /** Lines for `[pop3server]`. */
  readonly pop3server?: string;
  /** Lines for both listeners' `server` block. */
  readonly server?: string;
  /** Where the mail is; a folder beside the config by default. */
  readonly userpath?: string;
  /** Lines for both listeners' `ssl` block. */
  readonly ssl?: string;
  /** Whatever else the config is to hold, behind all of this. */
  readonly more?: string;
}

/** The folder of the certificates made for tests. */
export const certificates: string = `${root}tests/fixtures/tls`;

/** The users file that tests use unless they bring their own. */
export const USERS = "alice:wonder land\nbob:builder\ncarol:christmas\n";

/** A config with a listener `plain` that offers STLS, and one `tls`, on free ports of the loopback. */
export function configText(options: ConfigOptions = {}): string {
  const ssl = `cert = "${certificates}/server.pem"
key = "${certificates}/server.key"
tspath = "${certificates}/ca.pem"
${options.ssl ?? ""}`;
  const listener = (name: string, latent: boolean) => `
[[pop3server.listeners]]
name = "${name}"
interface = "127.0.0.1"
port = 0
[pop3server.listeners.ssl]
latent = ${latent}
${ssl}
[pop3server.listeners.server]
authtypes_ssl = "-"
${options.server ?? ""}
`;
  return `
[directory]
users = "%DIRTOP%/users"
plainpass = true
[message_store]
userpath = "${options.userpath ?? "%DIRTOP%/ms"}"
[pop3server]
workers = 2
${options.pop3server ?? ""}
[pop3server.limits]
auth_delay = "100ms"
${options.limits ?? ""}
${listener("plain", true)}
${listener("tls", false)}
${options.more ?? ""}`;
}

/** The Maildir of a user of {@linkcode configText}. */
export function maildirOf(folder: string, user: string): string {
  return `${folder}/ms/${user}/Maildir`;
}

/** The command line that starts the program: this checkout's, or the one that `MAILISMUS_BIN` names. */
export function programCommand(args: readonly string[]): { command: string; args: string[] } {
  const binary = Deno.env.get("MAILISMUS_BIN");
  if (binary) return { command: binary, args: [...args] };
  return { command: "sh", args: [`${root}scripts/mailismus`, ...args] };
}

/** A throw-away folder. */
export class TempFolder implements AsyncDisposable {
  /** Its absolute path. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes one. */
  static async make(): Promise<TempFolder> {
    return new TempFolder(await Deno.makeTempDir({ prefix: "mailismus-test-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A running server. */
export class Program implements AsyncDisposable {
  /** The folder of its config, users and mail. */
  readonly folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #status: Promise<Deno.CommandStatus>;
  readonly #ownFolder: boolean;
  readonly #ports = new Map<string, number>();
  readonly #outputs: Promise<void>[];
  #text = "";
  #ended = false;
  #noticed: (() => void)[] = [];

  private constructor(child: Deno.ChildProcess, folder: string, ownFolder: boolean) {
    this.#child = child;
    this.folder = folder;
    this.#ownFolder = ownFolder;
    this.#outputs = [this.#collect(child.stdout), this.#collect(child.stderr)];
    this.#status = child.status.then((status) => {
      this.#ended = true;
      this.#notify();
      return status;
    });
  }

  /** Starts the program and waits until it listens. */
  static async start(options: ProgramOptions = {}): Promise<Program> {
    const folder = options.folder ?? await Deno.makeTempDir({ prefix: "mailismus-test-" });
    if (options.folder === undefined || options.config !== undefined) {
      await Deno.writeTextFile(`${folder}/config.toml`, options.config ?? configText());
      await Deno.writeTextFile(`${folder}/users`, options.users ?? USERS, { mode: 0o600 });
    }
    options.prepare?.(folder);
    const { command, args } = await options.command?.(folder) ??
      programCommand(["serve", "--config", `${folder}/config.toml`]);
    const child = new Deno.Command(command, {
      args,
      cwd: folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const program = new Program(child, folder, options.folder === undefined);
    try {
      await program.#ready(options.listeners ?? ["plain", "tls"]);
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
    return program;
  }

  /** All that the program has written so far. */
  get output(): string {
    return this.#text;
  }

  /** The process, of which nothing but its id is ever needed. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The port of the listener of that name. */
  port(listener: string): number {
    const port = this.#ports.get(listener);
    assert(port !== undefined, `No listener "${listener}" in:\n${this.#text}`);
    return port;
  }

  /** Waits until the output matches. */
  async outputMatches(pattern: RegExp, limit = START_LIMIT): Promise<RegExpExecArray> {
    const deadline = performance.now() + limit;
    while (true) {
      const match = pattern.exec(this.#text);
      if (match) return match;
      const left = deadline - performance.now();
      if (this.#ended) await Promise.all(this.#outputs);
      if ((this.#ended && !pattern.test(this.#text)) || left <= 0) {
        throw new Error(
          `The program ${this.#ended ? "ended" : "went on"} without printing ${pattern}:\n` +
            this.#text,
        );
      }
      if (!this.#ended) await this.#change(left);
    }
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Ends the program at once, as a power cut would. */
  async kill(): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGKILL");
    await this.#end();
  }

  /** Ends the program by SIGTERM, as its users do, and checks that it goes by itself, content. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#ended || this.#child.kill("SIGKILL"), STOP_LIMIT);
    const status = await this.#end();
    clearTimeout(timer);
    assert.deepEqual(
      { code: status.code, signal: status.signal },
      { code: 0, signal: null },
      `The program's end:\n${this.#text}`,
    );
  }

  /** Waits for the program to end by itself. */
  async status(): Promise<Deno.CommandStatus> {
    return await this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    if (this.#ownFolder) await Deno.remove(this.folder, { recursive: true });
  }

  async #end(): Promise<Deno.CommandStatus> {
    const status = await this.#status;
    await Promise.all(this.#outputs);
    return status;
  }

  async #ready(listeners: readonly string[]): Promise<void> {
    for (const name of listeners) {
      const line = new RegExp(`Listening on \\S+:(\\d+) \\([^"\\n]*"${name}"\\)`);
      this.#ports.set(name, Number((await this.outputMatches(line))[1]));
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
      this.#notify();
    }
  }

  #notify(): void {
    for (const notice of this.#noticed.splice(0)) notice();
  }

  async #change(limit: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#noticed.push(resolve);
      timer = setTimeout(resolve, limit);
    });
    clearTimeout(timer);
  }
}

/** What a finished command left. */
export interface Outcome {
  readonly code: number;
  readonly stdout: Uint8Array;
  /** Standard error as text. */
  readonly stderr: string;
}

/** How {@linkcode runCommand} runs. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Given on standard input, which is then closed. */
  readonly input?: Uint8Array | string;
  /** After so many milliseconds it is killed; 2 minutes by default. */
  readonly limit?: number;
}

/** Runs a command to its end. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const child = new Deno.Command(command, {
    args: [...args],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), options.limit ?? 120_000);
  const fed = options.input === undefined ? undefined : feed(child.stdin, options.input);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  await fed;
  return { code, stdout, stderr: new TextDecoder().decode(stderr) };
}

/** Runs the program with these arguments to its end. */
export function runProgram(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { command, args: all } = programCommand(args);
  return runCommand(command, all, options);
}

async function feed(
  stdin: WritableStream<Uint8Array>,
  input: Uint8Array | string,
): Promise<void> {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  const writer = stdin.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch {
    // The command ended without reading all of it: its status tells.
  }
}
