/**
 * `deno task compile`: builds the program as one executable file, for this machine or others, and
 * tests each that can be run here. docs/build.md describes it for its users.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { writeChecksums } from "./compile/checksums.ts";
import { BuildError, need, print, ROOT } from "./compile/process.ts";
import {
  type Build,
  bundleProgram,
  MAIN,
  runtimeFlags,
  type SourceInfo,
  sourceInfo,
} from "./compile/program.ts";
import { hasBaseRuntime, packedRuntime } from "./compile/runtimes.ts";
import { makeSingleFile } from "./compile/single_file.ts";
import { cannotRun, smokeTest } from "./compile/smoke.ts";
import { findTarget, HOST, type Target, TARGETS } from "./compile/targets.ts";

const HELP = `Builds the program as one executable file in dist/, and tests it.

Usage: deno task compile [FLAG …]

  --target NAME      for another platform than this; may be given more than once:
${TARGETS.map(({ name, title }) => `                       ${name.padEnd(27)}${title}`).join("\n")}
  --all              for all of them
  --runnable         for all that can be run, and so tested, here
  --self-extracting  as a self-extracting file even if "deno compile" could be used (Linux)
  --help             show this help

"deno compile" needs a base runtime, which it downloads; DENORT_BIN may name a local copy of it.
`;

/** What a command line asks for. */
interface Request {
  readonly targets: readonly Target[];
  /** Whether a platform that cannot be built for is a failure. */
  readonly strict: boolean;
  readonly selfExtracting: boolean;
}

async function request(args: readonly string[]): Promise<Request> {
  const unknown = (arg: string) => {
    throw new BuildError(`"${arg}" is not known (see --help)`);
  };
  const boolean = ["all", "runnable", "self-extracting"];
  const flags = parseArgs([...args], { string: ["target"], collect: ["target"], boolean, unknown });
  const names = [flags["target"] ?? []].flat().map(String);
  const targets = names.map((name) => {
    const target = findTarget(name);
    if (target !== undefined) return target;
    const known = TARGETS.map((one) => one.name).join(", ");
    throw new BuildError(`There is no target "${name}" (there are ${known})`);
  });
  const strict = !flags["all"];
  const selfExtracting = flags["self-extracting"] === true;
  if (flags["all"]) return { targets: TARGETS, strict, selfExtracting };
  if (flags["runnable"]) targets.push(...await runnable());
  if (targets.length > 0) return { targets: [...new Set(targets)], strict, selfExtracting };
  const host = findTarget(HOST);
  if (host === undefined) throw new BuildError(`Nothing is known of this platform, ${HOST}`);
  return { targets: [host], strict, selfExtracting };
}

/** What can be run here; where all tests must run, what could be if everything were installed. */
async function runnable(): Promise<Target[]> {
  const all = Deno.env.get("REQUIRE_PEERS") === "1";
  const found: Target[] = [];
  for (const target of TARGETS) {
    const isLinux = target.npmPackage !== undefined && Deno.build.arch === "x86_64";
    const reason = await cannotRun(target);
    if (reason === undefined || (all && isLinux)) found.push(target);
    else if (isLinux) print(`Not built for ${target.title}: ${reason}`);
  }
  return found;
}

/** Builds for one platform; the file's path, or undefined if it cannot be done here. */
async function build(target: Target, info: SourceInfo, asked: Request): Promise<boolean> {
  const kind = await chooseKind(target, asked);
  if (kind === undefined) return false;
  const name = `mailismus-${info.version}-${target.name}${target.extension}`;
  const file = `${ROOT}/dist/${name}`;
  const scratch = await Deno.makeTempDir({ prefix: "mailismus-build-" });
  try {
    const files = await bundleProgram(info, kind, scratch);
    const made = kind === "compiled"
      ? await compile(target, info, files.keys(), scratch)
      : await pack(target, info, files, scratch);
    // A running program keeps its file: it is replaced, not written to.
    await Deno.mkdir(`${ROOT}/dist`, { recursive: true });
    await Deno.copyFile(made, `${file}.new`);
    await Deno.chmod(`${file}.new`, 0o755);
    await Deno.rename(`${file}.new`, file);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  const { size } = await Deno.stat(file);
  print(`dist/${name}: ${(size / 1e6).toFixed(1)} MB, ${kind}`);
  await test(file, target, info, kind);
  return true;
}

async function chooseKind(target: Target, asked: Request): Promise<Build | undefined> {
  if (!asked.selfExtracting && await hasBaseRuntime(target)) return "compiled";
  const why = asked.selfExtracting
    ? "There is no self-extracting form"
    : 'The base runtime that "deno compile" needs cannot be fetched, and DENORT_BIN names no copy of it';
  if (target.npmPackage !== undefined) {
    if (!asked.selfExtracting) print(`${why}: building a self-extracting file instead.`);
    return "self-extracting";
  }
  const message = `${why}: nothing built for ${target.title}.`;
  if (asked.strict) throw new BuildError(message);
  print(message);
  return undefined;
}

/** By `deno compile`, around the bundles. */
async function compile(
  target: Target,
  info: SourceInfo,
  bundles: Iterable<string>,
  scratch: string,
): Promise<string> {
  const output = `${scratch}/mailismus${target.extension}`;
  const workers = [...bundles].filter((name) => name !== MAIN);
  await need([
    ...[Deno.execPath(), "compile", "--quiet", "--no-config", "--no-lock", "--no-check"],
    ...[...runtimeFlags(info), ...workers.map((name) => `--include=${scratch}/${name}`)],
    ...["--app-name=mailismus", `--target=${target.name}`, `--output=${output}`],
    `${scratch}/${MAIN}`,
  ], { cwd: scratch });
  return output;
}

/** As a self-extracting file. */
async function pack(
  target: Target,
  info: SourceInfo,
  files: ReadonlyMap<string, Uint8Array>,
  scratch: string,
): Promise<string> {
  const isolation = ["--quiet", "--no-config", "--no-lock", "--no-npm", "--no-remote"];
  const bytes = await makeSingleFile({
    version: info.version,
    platform: target.title,
    flags: [...isolation, "--deny-import", ...runtimeFlags(info)],
    runtime: await packedRuntime(target),
    files,
  });
  const output = `${scratch}/mailismus`;
  await Deno.writeFile(output, bytes);
  return output;
}

async function test(file: string, target: Target, info: SourceInfo, kind: Build): Promise<void> {
  const reason = await cannotRun(target);
  if (reason !== undefined) {
    if (Deno.env.get("REQUIRE_PEERS") === "1" && target.npmPackage !== undefined) {
      throw new BuildError(`Cannot test it: ${reason}, and REQUIRE_PEERS is set`);
    }
    print(`   not tested: ${reason}`);
    return;
  }
  const commit = info.commit === "" ? "" : ` (${info.commit})`;
  await smokeTest({
    ...{ file, target, selfExtracting: kind === "self-extracting" },
    version: `mailismus ${info.version}${commit}`,
  });
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    print(HELP.trimEnd());
    return 0;
  }
  try {
    const asked = await request(args);
    if (Deno.env.get("DENORT_BIN") && asked.targets.length > 1) {
      throw new BuildError("DENORT_BIN is the base runtime of one platform: name it with --target");
    }
    const info = await sourceInfo();
    for (const target of asked.targets) await build(target, info, asked);
    await writeChecksums(`${ROOT}/dist`);
    return 0;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    print(error.message);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
