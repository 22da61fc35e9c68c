/**
 * Changing a file so that a reader, another writer or a crash at any moment
 * meets either the old content or the new one, whole.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { reasonOf, UserError } from "../errors.ts";
import { decodeText, encodeText } from "../wire/text.ts";

const WINDOWS = Deno.build.os === "windows";

/** How {@linkcode changeFile} waits. */
export interface ChangeFileOptions {
  /** How long to wait for another writer, in milliseconds; 10000 by default. */
  readonly patience?: number;
}

/** What {@linkcode changeFile} did beside the change. */
export interface ChangedFile {
  /** Whether others had access to the file who now have none. */
  readonly closedToOthers: boolean;
}

/**
 * Replaces a text file by what `change` makes of its content, under a lock that keeps other
 * writers out. The file keeps its owner and is readable by that owner alone (mode 0600); but one
 * that was given to a certain group, as to that of a service, stays open to this group. A symbolic
 * link is followed.
 *
 * @param change gets an empty text if there is no file; what it throws is passed on and changes nothing
 * @throws {UserError} if the file cannot be read or replaced
 */
export async function changeFile(
  file: string,
  change: (text: string) => string,
  options: ChangeFileOptions = {},
): Promise<ChangedFile> {
  const target = await realPath(file);
  using lock = await lockFolder(target, file, options.patience ?? 10_000);
  const old = await readOld(target);
  const text = change(old?.text ?? "");
  const mode = await replace(target, text, old?.info);
  if (!WINDOWS) {
    await lock.sync().catch((error) => {
      throw cannot("bring to disk", file, error);
    });
  }
  return { closedToOthers: !WINDOWS && ((old?.info.mode ?? 0) & 0o077 & ~mode) !== 0 };
}

/** An existing file's text and metadata. */
interface OldFile {
  readonly text: string;
  readonly info: Deno.FileInfo;
}

async function realPath(file: string): Promise<string> {
  try {
    return await Deno.realPath(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return file;
    throw cannot("read", file, error);
  }
}

/**
 * The folder itself is locked: nothing is left behind, and the lock ends with its holder.
 * Windows opens no folders, so there it is a file beside.
 */
async function lockFolder(target: string, file: string, patience: number): Promise<Deno.FsFile> {
  let folder: Deno.FsFile;
  try {
    folder = WINDOWS
      ? await Deno.open(`${target}.lock`, { write: true, create: true })
      : await Deno.open(dirname(target));
  } catch (error) {
    throw cannot("change", file, error);
  }
  const end = Date.now() + patience;
  try {
    while (!await folder.tryLock(true)) {
      if (Date.now() >= end) {
        throw new UserError(
          `Cannot change "${file}": another program holds its folder locked; try again`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return folder;
  } catch (error) {
    folder.close();
    throw error instanceof UserError ? error : cannot("lock the folder of", file, error);
  }
}

async function readOld(file: string): Promise<OldFile | undefined> {
  let bytes: Uint8Array;
  let info: Deno.FileInfo;
  try {
    [bytes, info] = await Promise.all([Deno.readFile(file), Deno.stat(file)]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw cannot("read", file, error);
  }
  const text = decodeText(bytes);
  if (text === undefined) throw new UserError(`Cannot change "${file}": it is not UTF-8 text`);
  return { text, info };
}

async function replace(
  file: string,
  text: string,
  old: Deno.FileInfo | undefined,
): Promise<number> {
  let mode = 0o600;
  // Always the same name, which only the holder of the lock uses: what a killed process left of it
  // is in nobody's way, and does not stay.
  const temp = join(dirname(file), `.${basename(file)}.tmp`);
  try {
    await Deno.remove(temp).catch(unlessAbsent);
    {
      using out = await Deno.open(temp, { write: true, createNew: true, mode: 0o600 });
      const bytes = encodeText(text);
      for (let at = 0; at < bytes.length;) at += await out.write(bytes.subarray(at));
      if (old) mode = await keepOwner(temp, old);
      await out.sync();
    }
    await Deno.rename(temp, file);
    return mode;
  } catch (error) {
    await Deno.remove(temp).catch(() => {});
    throw cannot("replace", file, error);
  }
}

/**
 * Gives the new file to whom the old one belongs.
 *
 * @returns its mode
 */
async function keepOwner(temp: string, old: Deno.FileInfo): Promise<number> {
  if (WINDOWS) return 0o600;
  const fresh = await Deno.stat(temp);
  // A group other than the one that a new file gets was chosen for this file.
  const chosen = fresh.gid !== old.gid;
  const mode = 0o600 | (chosen ? (old.mode ?? 0) & 0o060 : 0);
  // The owner first: to give a file away clears bits of its mode.
  if (chosen || fresh.uid !== old.uid) await Deno.chown(temp, old.uid, old.gid);
  await Deno.chmod(temp, mode);
  return mode;
}

function unlessAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function cannot(what: string, file: string, error: unknown): UserError {
  return new UserError(`Cannot ${what} "${file}": ${reasonOf(error)}`, 1, { cause: error });
}
