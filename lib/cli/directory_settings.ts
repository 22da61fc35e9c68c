/**
 * The directory's settings, also of a config that cannot be served yet.
 *
 * @module
 */
import { formatProblems, loadConfig } from "../config/config.ts";
import { EXIT_USAGE, UserError } from "../errors.ts";

/** What `user` needs of a config. */
export interface DirectorySettings {
  /** The users file, if one is configured. */
  readonly usersFile: string | undefined;
  /** Whether it holds the passwords themselves. */
  readonly plainpass: boolean;
}

/**
 * Reads the directory's settings. Other problems of the config do not count: a users file that is
 * not there or lacks somebody is what `user` is about to mend.
 *
 * @throws {UserError} if the settings themselves are wrong
 */
export async function directorySettings(file: string): Promise<DirectorySettings> {
  const { problems, settings } = await loadConfig(file, { mayBeMissing: ["directory.users"] });
  const text = (path: string): string => settings.find((one) => one.path === path)?.text ?? "";
  const [users, plainpass] = [text("directory.users"), text("directory.plainpass")];
  const own = problems.filter(({ path }) =>
    path === "" || path.startsWith("paths") || path === "directory" ||
    path === "directory.plainpass" || (path === "directory.users" && users === "")
  );
  if (own.length > 0) throw new UserError(formatProblems(file, own).trimEnd(), EXIT_USAGE);
  return {
    usersFile: users === "" ? undefined : String(JSON.parse(users)),
    plainpass: plainpass === "true",
  };
}
