/**
 * Where the runtimes come from that the builds are made around: the small base runtime of
 * `deno compile`, or else Deno itself.
 *
 * @module
 */
import { ensureDir } from "@std/fs/ensure-dir";
import { BuildError, need, print, ROOT } from "./process.ts";
import { type PackedRuntime, packRuntime } from "./single_file.ts";
import { HOST, type Target } from "./targets.ts";

const DOWNLOAD_HOST = "dl.deno.land";
const ANSWER_LIMIT = 5000;

/** Whether `deno compile` has the base runtime for a platform, or can fetch it. */
export async function hasBaseRuntime(target: Target): Promise<boolean> {
  if (Deno.env.get("DENORT_BIN")) return true;
  const archive = `release/v${Deno.version.deno}/denort-${target.name}.zip`;
  const { denoDir } = JSON.parse(await need([Deno.execPath(), "info", "--json"]));
  return await isFile(`${denoDir}/dl/${archive}`) || await answers(archive);
}

async function answers(archive: string): Promise<boolean> {
  try {
    const response = await fetch(`https://${DOWNLOAD_HOST}/${archive}`, {
      method: "HEAD",
      signal: AbortSignal.timeout(ANSWER_LIMIT),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * Deno for a platform, compressed; kept in `.deno/runtimes` for the next build.
 *
 * @throws {BuildError} if npm cannot give it
 */
export async function packedRuntime(target: Target): Promise<PackedRuntime> {
  const isHost = target.name === HOST;
  const version = isHost ? Deno.version.deno : await pinnedVersion();
  const folder = `${ROOT}/.deno/runtimes`;
  const base = `${folder}/deno-${version}-${target.name}`;
  await ensureDir(folder);
  const source = isHost ? Deno.execPath() : `${base}.bin`;
  if (!isHost && !await isFile(source)) await download(target, version, source);
  const { size, mtime } = await Deno.stat(source);
  const kept = `${base}-${size}-${mtime?.getTime() ?? 0}.gz`;
  if (await isFile(kept)) return { size, packed: await Deno.readFile(kept) };
  print(`Compressing Deno ${version} for ${target.title} (once)`);
  const runtime = packRuntime(await Deno.readFile(source));
  await Deno.writeFile(`${kept}.${Deno.pid}`, runtime.packed);
  await Deno.rename(`${kept}.${Deno.pid}`, kept);
  return runtime;
}

/** The version of Deno that the checkout is pinned to: npm has it for every platform. */
async function pinnedVersion(): Promise<string> {
  const launcher = await Deno.readTextFile(`${ROOT}/scripts/deno.sh`);
  const version = /^pinned=([\d.]+)$/m.exec(launcher)?.[1];
  if (version === undefined) {
    throw new BuildError("scripts/deno.sh does not say which Deno it pins");
  }
  return version;
}

/** Gets Deno for another platform from npm, which checks what it downloads. */
async function download(target: Target, version: string, file: string): Promise<void> {
  if (target.npmPackage === undefined) {
    throw new BuildError(`There is no self-extracting file for ${target.title}`);
  }
  const wanted = `${target.npmPackage}@${version}`;
  print(`Fetching ${wanted} from npm (once)`);
  const scratch = await Deno.makeTempDir({ prefix: "mailismus-runtime-" });
  try {
    const name = await need(
      ["npm", "pack", "--silent", `--pack-destination=${scratch}`, wanted],
      { cwd: scratch },
    );
    await need(["tar", "-xzf", name.trim(), "package/deno"], { cwd: scratch });
    await Deno.copyFile(`${scratch}/package/deno`, `${file}.${Deno.pid}`);
    await Deno.rename(`${file}.${Deno.pid}`, file);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}
