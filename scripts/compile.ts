/**
 * `deno task compile`: builds the program as one executable file, for this machine or others, and
 * tests each that can be run here. docs/build.md describes it for its users.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { ensureDir } from "@std/fs/ensure-dir";
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

/** Builds for one platform, and tests what it built if that can run here. */
async function build(target: Target, kind: Build, info: SourceInfo): Promise<void> {
  const name = `mailismus-${info.version}-${target.name}${target.extension}`;
  const file = `${ROOT}/dist/${name}`;
  const scratch = await Deno.makeTempDir({ prefix: "mailismus-build-" });
  try {
    const files = await bundleProgram(info, kind, scratch);
    const made = kind === "compiled"
      ? await compile(target, info, files.keys(), scratch)
      : await pack(target, info, files, scratch);
    await Deno.chmod(made, 0o755);
    const { size } = await Deno.stat(made);
    print(`dist/${name}: ${(size / 1e6).toFixed(1)} MB, ${kind}`);
    await test(made, target, info, kind);
    await replace(file, made);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Puts a build that passed its test in place. Who runs the old one keeps it: it is not written to. */
async function replace(file: string, made: string): Promise<void> {
  await ensureDir(`${ROOT}/dist`);
  const beside = `${file}.${Deno.pid}.new`;
  await Deno.copyFile(made, beside);
  await Deno.rename(beside, file);
}

/**
 * How each platform is to be built for. Where that is not as `deno compile` does it, says why.
 *
 * @throws {BuildError} if one cannot be built for, unless the request was for all that can be
 */
async function chooseKinds(asked: Request): Promise<Map<Target, Build>> {
  const kinds = new Map<Target, Build>();
  const lacking: Target[] = [];
  for (const target of asked.targets) {
    if (!asked.selfExtracting && await hasBaseRuntime(target)) kinds.set(target, "compiled");
    else if (target.npmPackage === undefined) lacking.push(target);
    else kinds.set(target, "self-extracting");
  }
  const packed = [...kinds.values()].includes("self-extracting");
  if (lacking.length === 0 && (asked.selfExtracting || !packed)) return kinds;
  const why = asked.selfExtracting ? "There are self-extracting files for Linux alone" : NO_BASE;
  const instead = packed && !asked.selfExtracting
    ? ["a self-extracting file is built instead"]
    : [];
  const without = lacking.map(({ title }) => title).join(", ");
  const message = `${why}: ${
    [...instead, ...(lacking.length > 0 ? [`nothing is built for ${without}`] : [])].join("; ")
  }.`;
  if (lacking.length > 0 && asked.strict) throw new BuildError(message);
  print(message);
  return kinds;
}

const NO_BASE =
  'The base runtime that "deno compile" needs cannot be fetched, and DENORT_BIN names no copy of it';

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
    for (const [target, kind] of await chooseKinds(asked)) await build(target, kind, info);
    await writeChecksums(`${ROOT}/dist`);
    return 0;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    print(error.message);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
