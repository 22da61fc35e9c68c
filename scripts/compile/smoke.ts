/**
 * A look at a finished build, as its users will run it: copied alone into an empty folder, with an
 * empty home and none of the builder's environment.
 *
 * @module
 */
import { fetchMessage } from "./fetch_message.ts";
import { BuildError, type Finished, print, ROOT, run } from "./process.ts";
import { HOST, type Target } from "./targets.ts";

/** What {@linkcode smokeTest} looks at. */
export interface SmokeOptions {
  /** The build. */
  readonly file: string;
  /** What it was built for. */
  readonly target: Target;
  /** Whether it unpacks itself. */
  readonly selfExtracting: boolean;
  /** How its `--version` has to begin. */
  readonly version: string;
}

/** How to run a build here. */
interface Runner {
  readonly command: readonly string[];
  readonly env: Record<string, string>;
}

/** The user of the shipped config, and the password that its comments tell. */
const USER = "anna";
const PASSWORD = "welcome";
const MESSAGE = "From: smoke@example.org\nSubject: A test\n\nRead me.\n.\n";
const START_LIMIT = 90_000;
const STOP_LIMIT = 30_000;

/** Why builds for a platform cannot be run here, or undefined if they can. */
export async function cannotRun(target: Target): Promise<string | undefined> {
  if (target.name === HOST) return undefined;
  if (target.emulator === undefined || Deno.build.os !== "linux") {
    return `builds for ${target.title} do not run here`;
  }
  if (await findEmulator(target) === undefined) {
    return `"${target.emulator}-static" (Debian package qemu-user-static) not found`;
  }
  const there = await Deno.stat(`${target.libraries}/lib`).then(() => true, () => false);
  return there
    ? undefined
    : `no libraries in ${target.libraries} (Debian packages libc6-arm64-cross, ` +
      `libgcc-s1-arm64-cross, libstdc++6-arm64-cross)`;
}

async function findEmulator({ emulator }: Target): Promise<string | undefined> {
  for (const name of [`${emulator}-static`, `${emulator}`]) {
    if ((await run([name, "--version"])).code === 0) return name;
  }
  return undefined;
}

/**
 * Tests a build that can be run here.
 *
 * @throws {BuildError} that says what went wrong
 */
export async function smokeTest(options: SmokeOptions): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mailismus-smoke-" });
  try {
    const runner = await makeRunner(options, folder);
    const smoke = new Smoke(runner, folder);
    // An emulator takes seconds to start Deno.
    await smoke.version(options.version, options.target.name === HOST ? 2 : 1);
    await smoke.check();
    await smoke.mail();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function makeRunner(options: SmokeOptions, folder: string): Promise<Runner> {
  const file = `${folder}/program/mailismus${options.target.extension}`;
  await Deno.mkdir(`${folder}/program`);
  await Deno.mkdir(`${folder}/home`);
  await Deno.copyFile(options.file, file);
  const env: Record<string, string> = {
    HOME: `${folder}/home`,
    PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
  };
  if (options.target.name === HOST) return { command: [file], env };
  const emulator = await findEmulator(options.target) ?? "";
  env["QEMU_LD_PREFIX"] = options.target.libraries ?? "";
  if (!options.selfExtracting) return { command: [emulator, file], env };
  return { command: [file], env: { ...env, MAILISMUS_EMULATOR: emulator } };
}

/** The steps of a test, each of which throws if something is wrong. */
class Smoke {
  readonly #runner: Runner;
  readonly #folder: string;

  constructor(runner: Runner, folder: string) {
    this.#runner = runner;
    this.#folder = folder;
  }

  /** `--version`, so many times: the first start may have to unpack. */
  async version(expected: string, starts: number): Promise<void> {
    const times: string[] = [];
    for (let start = 0; start < starts; start++) {
      const began = performance.now();
      const { stdout } = await this.#run(["--version"]);
      times.push(`${((performance.now() - began) / 1000).toFixed(2)} s`);
      if (!stdout.startsWith(expected)) throw new BuildError(`--version says ${stdout}`);
    }
    print(`   --version: ${expected}; started in ${times.join(", then ")}`);
  }

  /** `check`, on the config that the checkout ships. */
  async check(): Promise<void> {
    const folder = `${this.#folder}/shipped`;
    await Deno.mkdir(`${folder}/conf`, { recursive: true });
    await Deno.copyFile(`${ROOT}/config.toml`, `${folder}/config.toml`);
    for await (const { name, isFile } of Deno.readDir(`${ROOT}/conf`)) {
      if (isFile) await Deno.copyFile(`${ROOT}/conf/${name}`, `${folder}/conf/${name}`);
    }
    await this.#run(["check", "--config", `${folder}/config.toml`]);
    print("   check: the shipped config is right");
  }

  /** A mailbox served, read and retrieved from, and the server's end. */
  async mail(): Promise<void> {
    const folder = `${this.#folder}/mail`;
    const inbox = `${folder}/ms/${USER}/Maildir/new`;
    await Deno.mkdir(inbox, { recursive: true });
    await Deno.writeTextFile(`${inbox}/1767225600.M1P1.smoke`, MESSAGE);
    const users = await Deno.readTextFile(`${ROOT}/conf/users`);
    await Deno.writeTextFile(`${folder}/users`, `${users}\nben\n`, { mode: 0o600 });
    const store = '[directory]\nusers = "%DIRTOP%/users"\n' +
      '[message_store]\nuserpath = "%DIRTOP%/ms"\n';
    await Deno.writeTextFile(
      `${folder}/serve.toml`,
      `${store}[pop3server]\nworkers = 2\n[[pop3server.listeners]]\nname = "smoke"\ninterface = "127.0.0.1"\nport = 0\n`,
    );
    const server = new Server(this.#runner, folder);
    try {
      const port = await server.port();
      const { by, text } = await fetchMessage({ port, user: USER, password: PASSWORD });
      same(text, MESSAGE.replaceAll("\n", "\r\n"), `The message read by ${by}`);
      print(`   serve: a message read by ${by}`);
      await Deno.writeTextFile(
        `${folder}/retrieve.toml`,
        `${store}[[pop3download.clients]]\nid = "smoke"\nrecip = "ben"\n` +
          `omitreceivedheader = true\nserver = { address = "127.0.0.1:${port}", ` +
          `username = "${USER}", password = "${PASSWORD}" }\n`,
      );
      await this.#run(["retrieve", "--once", "--config", `${folder}/retrieve.toml`]);
      same(await onlyFile(`${folder}/ms/ben/Maildir/new`), MESSAGE, "The message retrieved");
      print("   retrieve: the message moved to another mailbox");
    } finally {
      await server.stop();
    }
    print("   SIGTERM: status 0");
  }

  async #run(args: readonly string[]): Promise<Finished> {
    const { command, env } = this.#runner;
    const finished = await run([...command, ...args], {
      ...{ cwd: this.#folder, env, clearEnv: true, seconds: 120 },
    });
    if (finished.code === 0) return finished;
    const said = finished.stderr.trim() || finished.stdout.trim();
    throw new BuildError(`"${args.join(" ")}" ended with status ${finished.code}:\n${said}`);
  }
}

/** A build that serves. */
class Server {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<void>;
  readonly #port = Promise.withResolvers<number>();
  #text = "";

  constructor({ command: [program = "", ...first], env }: Runner, folder: string) {
    this.#child = new Deno.Command(program, {
      args: [...first, "serve", "--config", `${folder}/serve.toml`],
      ...{ cwd: folder, env, clearEnv: true, stdin: "null", stdout: "null", stderr: "piped" },
    }).spawn();
    this.#output = this.#follow();
  }

  /** The port it listens on, as soon as it does. */
  async port(): Promise<number> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), START_LIMIT);
    try {
      return await this.#port.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it by SIGTERM. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_LIMIT);
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It is gone already: its status tells.
    }
    const { code, signal } = await this.#child.status;
    clearTimeout(timer);
    await this.#output;
    if (code === 0 && signal === null) return;
    throw new BuildError(
      `SIGTERM ended the server with ${signal ?? `status ${code}`}:\n${this.#text}`,
    );
  }

  async #follow(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
      const port = /Listening on 127\.0\.0\.1:(\d+)/.exec(this.#text)?.[1];
      if (port !== undefined) this.#port.resolve(Number(port));
    }
    this.#port.reject(new BuildError(`The server does not listen:\n${this.#text}`));
  }
}

function same(found: string, wanted: string, what: string): void {
  if (found === wanted) return;
  throw new BuildError(`${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

/** The text of a folder's only file. */
async function onlyFile(folder: string): Promise<string> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  if (names.length !== 1) throw new BuildError(`There are ${names.length} files in ${folder}`);
  return await Deno.readTextFile(`${folder}/${names[0]}`);
}
