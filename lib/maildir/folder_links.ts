/**
 * What the owner of a Maildir could put in the place of its folders.
 *
 * @module
 */

/**
 * Looks at the folders that lead from a user's folder to the messages. Where people have shells on
 * the machine, they can replace these: by a pipe, whose opening would stop the thread and all its
 * sessions, or by a link to another's mailbox, which the server may read though they may not.
 * Links by an administrator, or to what belongs to the one who made them, are followed.
 *
 * @param userPath the folder of all users, whose owner counts as an administrator
 * @param user the user's folder in it
 * @param mailPath the Maildir in that
 * @throws {Deno.errors.NotADirectory} if something else than a folder is there
 * @throws {Deno.errors.PermissionDenied} if a link is not to be followed
 */
export function checkFolders(userPath: string, user: string, mailPath: string): void {
  let path = `${userPath}/${user}`;
  for (const part of mailPath.split("/")) checkFolder(userPath, path += `/${part}`);
  for (const part of ["new", "cur"]) checkFolder(userPath, `${path}/${part}`);
}

function checkFolder(userPath: string, path: string): void {
  const there = infoOf(path, Deno.lstatSync);
  if (there === undefined || there.isDirectory) return;
  const target = there.isSymlink ? infoOf(path, Deno.statSync) : there;
  if (target === undefined) return;
  if (!target.isDirectory) throw new Deno.errors.NotADirectory(`${path} is not a folder`);
  const mayLink = [0, target.uid, Deno.statSync(userPath).uid];
  if (mayLink.includes(there.uid)) return;
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
