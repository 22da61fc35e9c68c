/**
 * A self-extracting file around a shell script that plays Deno, so that what the launcher does can
 * be seen in milliseconds.
 *
 * @module
 */
import { makeSingleFile, packRuntime } from "../../scripts/compile/single_file.ts";

/** Plays Deno: prints what it was given, and with `wait` as its last argument waits for a signal. */
const RUNTIME = `#!/bin/sh
[ "$*" != --version ] || exit 0
printf '<%s>' "$@"
echo
echo "file=$MAILISMUS_FILE"
echo "cache=$DENO_DIR"
echo "umask=$(umask)"
echo "pid=$$"
for last; do :; done
case $last in
  read) cat ;;
  wait)
    trap 'kill $sleeper; echo "got TERM"; exit 7' TERM
    sleep 60 >/dev/null 2>&1 &
    sleeper=$!
    echo ready
    wait
    ;;
esac
exit "\${STATUS:-0}"
`;

/** How a fake build differs from the usual. */
export interface FakeOptions {
  /** The script that plays Deno. */
  readonly runtime?: string;
}

/** What is unpacked. */
export const NAMES = ["deno", "main.mjs", "worker.mjs"];

/** The bytes of a fake build. */
export function fakeBuild(options: FakeOptions = {}): Promise<Uint8Array> {
  const bytes = (text: string) => new TextEncoder().encode(text);
  return makeSingleFile({
    version: "1.2.3",
    platform: "anything with a shell",
    flags: ["--quiet", "--allow-sys=hostname"],
    runtime: packRuntime(bytes(options.runtime ?? RUNTIME)),
    files: new Map([["main.mjs", bytes("main\n")], ["worker.mjs", bytes("worker\n")]]),
  });
}

/** What a start left. */
export interface Started {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with a fake build in it, a home, and a folder for temporary files. */
export class Place implements AsyncDisposable {
  /** The folder. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes one. */
  static async make(build?: Uint8Array): Promise<Place> {
    const place = new Place(await Deno.makeTempDir({ prefix: "mailismus-launcher-" }));
    // Others have to reach the program, as in /usr/local/bin.
    await Deno.chmod(place.path, 0o755);
    await Deno.mkdir(place.home);
    await Deno.mkdir(place.temporary);
    await Deno.chmod(place.temporary, 0o1777);
    await Deno.writeFile(place.program, build ?? await fakeBuild());
    await Deno.chmod(place.program, 0o755);
    return place;
  }

  /** The build. */
  get program(): string {
    return `${this.path}/a program`;
  }

  /** What HOME says. */
  get home(): string {
    return `${this.path}/home`;
  }

  /** What TMPDIR says. */
  get temporary(): string {
    return `${this.path}/tmp`;
  }

  /** Where it unpacks below the home. */
  get store(): string {
    return `${this.home}/.cache/mailismus`;
  }

  /** The folder that it unpacked into below a store, by default that of the home. */
  unpacked(store = this.store): string {
    const names = [...Deno.readDirSync(store)].map(({ name }) => name);
    if (names.length !== 1) throw new Error(`In ${store}: ${names}`);
    return `${store}/${names[0]}`;
  }

  /** How a command is started here. */
  command(
    args: readonly string[],
    env: Record<string, string | undefined> = {},
    [program = this.program, ...first]: readonly string[] = [],
  ): Deno.Command {
    const all: Record<string, string | undefined> = {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      HOME: this.home,
      TMPDIR: this.temporary,
      ...env,
    };
    const set = Object.entries(all).filter((entry): entry is [string, string] =>
      entry[1] !== undefined
    );
    return new Deno.Command(program, {
      args: [...first, ...args],
      cwd: this.path,
      env: Object.fromEntries(set),
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
  }

  /** Starts the program, or what `by` names, with nothing on standard input, and waits for its end. */
  async start(
    args: readonly string[] = [],
    env: Record<string, string | undefined> = {},
    by: readonly string[] = [],
  ): Promise<Started> {
    const child = this.command(args, env, by).spawn();
    await child.stdin.close();
    const { code, stdout, stderr } = await child.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
