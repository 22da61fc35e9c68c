/**
 * What the owner of a Maildir could put in the place of its folders.
 *
 * @module
 */

/**
 * How long ago the last change must be for the next one to have another time, in milliseconds:
 * Deno tells these times in whole seconds.
 */
const SETTLED = 1100;

/**
 * Looks at the folders that lead from a user's folder to the messages. Where people have shells on
 * the machine, they can replace these: by a pipe, whose opening would stop the thread and all its
 * sessions, or by a link to another's mailbox, which the server may read though they may not.
 * Links by an administrator, or to what belongs to the one who made them, are followed.
 *
 * @param userPath the folder of all users, whose owner counts as an administrator
 * @param user the user's folder in it
 * @param mailPath the Maildir in that
 * @returns what to ask before each message, if the folders belong to somebody who can replace them
 * at any time; undefined where all of them are an administrator's
 * @throws {Deno.errors.NotADirectory} if something else than a folder is there
 * @throws {Deno.errors.PermissionDenied} if a link is not to be followed
 */
export function checkFolders(
  userPath: string,
  user: string,
  mailPath: string,
): FolderGuard | undefined {
  const root = infoOf(userPath, Deno.statSync);
  if (root === undefined) return undefined;
  const admins = [0, root.uid];
  const folders = [`${userPath}/${user}`];
  for (const part of mailPath.split("/")) folders.push(`${folders.at(-1)}/${part}`);
  const maildir = folders.at(-1)!;
  const all = [...folders, `${maildir}/new`, `${maildir}/cur`];
  for (const folder of all.slice(1)) checkFolder(admins, folder);
  const owner = all.map((folder) => infoOf(folder, Deno.lstatSync)?.uid)
    .find((uid) => uid !== undefined && !admins.includes(uid));
  return typeof owner === "number" ? new FolderGuard(folders, owner, admins) : undefined;
}

/**
 * The same before a delivery, which goes through `tmp/`.
 *
 * @param path the Maildir
 * @returns whether somebody can replace the folders at any time, so that a later delivery must look again
 * @throws as {@linkcode checkFolders}
 */
export function checkDeliveryFolders(userPath: string, path: string): boolean {
  const [user = "", ...mailPath] = path.slice(userPath.length + 1).split("/");
  const guard = checkFolders(userPath, user, mailPath.join("/"));
  const root = infoOf(userPath, Deno.statSync);
  if (root !== undefined) checkFolder([0, root.uid], `${path}/tmp`);
  return guard !== undefined;
}

/** Stands between a session and folders that their owner may replace while it lasts. */
export class FolderGuard {
  readonly #folders: readonly string[];
  readonly #owner: number;
  readonly #admins: readonly (number | null)[];

  /**
   * Use {@linkcode checkFolders}.
   *
   * @param folders the user's folder and those below it, down to the Maildir
   * @param owner the first of their owners who is no administrator
   */
  constructor(folders: readonly string[], owner: number, admins: readonly (number | null)[]) {
    this.#folders = folders;
    this.#owner = owner;
    this.#admins = admins;
  }

  /**
   * Opens a message's file. What belongs to the folders' owner is theirs to read wherever it lies;
   * anything else (mail that root put there, or the file of another user) is given out only if it
   * lies in the folder for certain: the folders on the way did not change while it was opened.
   *
   * @param path of a file in `new/` or `cur/`
   * @param open opens it
   * @throws {Deno.errors.PermissionDenied} if it may be somebody else's
   */
  open(path: string, open: (path: string) => Deno.FsFile): Deno.FsFile {
    const file = open(path);
    // Anybody else's is rare, and a dozen times as much work.
    return keptIf(file, () => file.statSync().uid === this.#owner) ?? this.#openForeign(path, open);
  }

  #openForeign(path: string, open: (path: string) => Deno.FsFile): Deno.FsFile {
    const before = this.#state(path);
    const file = open(path);
    const kept = keptIf(file, () => {
      const { uid, dev, ino } = file.statSync();
      if (uid === this.#owner) return true;
      const there = Deno.lstatSync(path);
      const isThere = there.isFile && there.dev === dev && there.ino === ino;
      return isThere && before !== undefined && before === this.#state(path);
    });
    if (kept === undefined) throw this.#refusal(path);
    return kept;
  }

  /**
   * Looks whether a message's file may be removed or renamed. It cannot be held in place, so a
   * change in the very moment behind this goes unseen.
   *
   * @param target the folder that it is to be moved into
   * @throws {Deno.errors.PermissionDenied} if it may be somebody else's, or the target's way is a
   * link that is not to be followed
   */
  check(path: string, target?: string): void {
    if (target !== undefined) checkFolder(this.#admins, target);
    const state = this.#state(path);
    const { uid, isFile } = Deno.lstatSync(path);
    if (!isFile || (uid !== this.#owner && state === undefined)) throw this.#refusal(path);
  }

  /**
   * What the folders on the way to a file are like; the same text twice means that nobody touched
   * them in between.
   *
   * @returns undefined if one was changed just now, or is a link that its owner can change unseen
   */
  #state(path: string): string | undefined {
    const inner = path.slice(0, path.lastIndexOf("/"));
    let state = "";
    let isSure = true;
    for (const folder of [...this.#folders, inner]) {
      if (folder !== this.#folders[0]) checkFolder(this.#admins, folder);
      const { dev, ino, ctime, isSymlink, uid } = Deno.lstatSync(folder);
      if (isSymlink && !this.#admins.includes(uid)) isSure = false;
      // Of the innermost only the files change, which are looked at themselves.
      const changed = folder === inner ? 0 : ctime?.getTime() ?? Infinity;
      if (Date.now() - changed < SETTLED) isSure = false;
      state += `${dev}:${ino}:${changed} `;
    }
    return isSure ? state : undefined;
  }

  #refusal(path: string): Error {
    return new Deno.errors.PermissionDenied(
      `${path} belongs to another user than the folder, and may not lie there`,
    );
  }
}

/** The file, if it passes; else it is closed. */
function keptIf(file: Deno.FsFile, passes: () => boolean): Deno.FsFile | undefined {
  let kept = false;
  try {
    kept = passes();
  } finally {
    if (!kept) file.close();
  }
  return kept ? file : undefined;
}

function checkFolder(admins: readonly (number | null)[], path: string): void {
  const there = infoOf(path, Deno.lstatSync);
  if (there === undefined || there.isDirectory) return;
  const target = there.isSymlink ? infoOf(path, Deno.statSync) : there;
  if (target === undefined) return;
  if (!target.isDirectory) throw new Deno.errors.NotADirectory(`${path} is not a folder`);
  if (admins.includes(there.uid) || there.uid === target.uid) return;
  throw new Deno.errors.PermissionDenied(
    `${path} is a link to what belongs to another user than the link`,
  );
}

function infoOf(path: string, look: (path: string) => Deno.FileInfo): Deno.FileInfo | undefined {
  try {
    return look(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
