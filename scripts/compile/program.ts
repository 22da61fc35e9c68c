/**
 * The program as a few JavaScript files: main and one for each kind of worker, each with all that
 * it imports and nothing else.
 *
 * @module
 */
import { dirname, relative, resolve } from "node:path";
import { BuildError, need, ROOT, run } from "./process.ts";

/** How a build runs; see `lib/cli/build_info.ts`. */
export type Build = "compiled" | "self-extracting";

/** What a build is told about the sources. */
export interface SourceInfo {
  /** The version in deno.json. */
  readonly version: string;
  /** The short name of the commit, with `+` if files were changed since; empty without git. */
  readonly commit: string;
  /** Names of Deno's unstable features that the program uses. */
  readonly unstable: readonly string[];
}

/** A worker's entry. */
interface WorkerEntry {
  /** As the program names it, relative to whoever starts it. */
  readonly specifier: string;
  /** Its path below the checkout. */
  readonly source: string;
  /** The name of its bundle. */
  readonly bundle: string;
}

/** The bundle to start. */
export const MAIN = "main.mjs";

/** What the program is allowed, and denied; which config it will have is not known here. */
const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--allow-env",
  "--allow-sys=hostname",
  "--deny-run",
  "--deny-ffi",
];

/** A bound for the memory of new objects; why so small, `scripts/mailismus` says. */
const HEAP = "--v8-flags=--max-semi-space-size=2";

/** The flags that every build has baked in: never ask, and no more rights than any config needs. */
export function runtimeFlags({ unstable }: SourceInfo): string[] {
  return ["--no-prompt", HEAP, ...unstable.map((name) => `--unstable-${name}`), ...PERMISSIONS];
}

/** Reads version, commit and features of the checkout. */
export async function sourceInfo(): Promise<SourceInfo> {
  const { version, unstable } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  const head = await run(["git", "rev-parse", "--short=10", "HEAD"]);
  if (head.code !== 0) return { version, unstable, commit: "" };
  const changes = await run(["git", "status", "--porcelain", "--", "main.ts", "lib", "deno.json"]);
  const mark = changes.stdout === "" ? "" : "+";
  return { version, unstable, commit: head.stdout.trim() + mark };
}

/**
 * Bundles the program.
 *
 * @param scratch an empty folder to work in
 * @returns the files by name, {@linkcode MAIN} first
 * @throws {BuildError} if a bundle cannot be made, or a worker is started in a way not known here
 */
export async function bundleProgram(
  info: SourceInfo,
  build: Build,
  scratch: string,
): Promise<Map<string, Uint8Array>> {
  const sources = `${scratch}/sources`;
  await copySources(sources, info.version);
  await writeBuildInfo(sources, info, build);
  const workers = await findWorkers(sources);
  const files = new Map<string, Uint8Array>();
  const entries = [{ source: "main.ts", bundle: MAIN }, ...workers];
  for (const { source, bundle } of entries) {
    const output = `${scratch}/${bundle}`;
    await need(
      [
        ...["sh", `${ROOT}/scripts/deno.sh`, "bundle", "--quiet", `--config=${ROOT}/deno.json`],
        ...["--platform=deno", `--output=${output}`, `${sources}/${source}`],
      ],
      { cwd: sources },
    );
    const text = nameWorkers(await Deno.readTextFile(output), workers, bundle);
    files.set(bundle, new TextEncoder().encode(text));
  }
  return files;
}

async function copySources(sources: string, version: string): Promise<void> {
  await Deno.mkdir(sources);
  await Deno.copyFile(`${ROOT}/main.ts`, `${sources}/main.ts`);
  await copyFolder(`${ROOT}/lib`, `${sources}/lib`);
  // The program reads its version there, and would carry along all the rest.
  await Deno.writeTextFile(`${sources}/deno.json`, JSON.stringify({ version }));
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Fills in what `lib/cli/build_info.ts` leaves to the build. */
async function writeBuildInfo(sources: string, info: SourceInfo, build: Build): Promise<void> {
  const file = `${sources}/lib/cli/build_info.ts`;
  let text = await Deno.readTextFile(file);
  for (const [name, value] of Object.entries({ COMMIT: info.commit, BUILD: build })) {
    const declaration = new RegExp(`^(export const ${name}: \\w+ = )"\\w*";$`, "m");
    if (!declaration.test(text)) throw new BuildError(`lib/cli/build_info.ts has no "${name}"`);
    text = text.replace(declaration, (_, head: string) => `${head}${JSON.stringify(value)};`);
  }
  await Deno.writeTextFile(file, text);
}

const STARTS_WORKER = /new Worker\(\s*new URL\("([^"]+)", import\.meta\.url\)/g;

async function findWorkers(sources: string): Promise<WorkerEntry[]> {
  const workers = new Map<string, WorkerEntry>();
  for await (const file of sourceFiles(`${sources}/lib`)) {
    for (const [, specifier = ""] of (await Deno.readTextFile(file)).matchAll(STARTS_WORKER)) {
      const source = relative(sources, resolve(dirname(file), specifier));
      const known = workers.get(specifier)?.source ?? source;
      if (known !== source) {
        throw new BuildError(`"${specifier}" names two workers, ${known} and ${source}`);
      }
      const bundle = source.replace(/^lib\//, "").replaceAll("/", "_").replace(/\.ts$/, ".mjs");
      workers.set(specifier, { specifier, source, bundle });
    }
  }
  return [...workers.values()].sort((a, b) => a.bundle < b.bundle ? -1 : 1);
}

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sourceFiles(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

/** `deno bundle` leaves the URLs of workers as they are in the sources; here they get their bundles' names. */
function nameWorkers(text: string, workers: readonly WorkerEntry[], bundle: string): string {
  const named = text.replaceAll(STARTS_WORKER, (whole, specifier: string) => {
    const worker = workers.find((one) => one.specifier === specifier);
    if (worker === undefined) throw new BuildError(`${bundle} starts an unknown "${specifier}"`);
    return whole.replace(`"${specifier}"`, `"./${worker.bundle}"`);
  });
  if (/new URL\("[^"]*\.ts"/.test(named)) {
    throw new BuildError(`${bundle} names a TypeScript file that is not in the build`);
  }
  return named;
}
