/**
 * The directory: who has a mailbox and may log in, which domains are local,
 * and where aliases lead.
 *
 * @module
 */
import type { Credentials } from "../auth/authenticator.ts";
import { type Alias, type AliasesFile, parseAliases } from "./aliases_file.ts";
import type { FileProblem } from "./problems.ts";
import { expandRecipient } from "./recipients.ts";
import { type FileLine, readLines } from "./text_file.ts";
import { parseUsers, type UsersFile } from "./users_file.ts";

/** The directory's files; an absent one is as good as empty. */
export interface DirectoryPaths {
  /** `user:password` a line. */
  readonly users?: string | undefined;
  /** A domain a line. */
  readonly domains?: string | undefined;
  /** `alias : recipient : …` a line. */
  readonly aliases?: string | undefined;
}

/** All that the directory's files say; structured-cloneable, so that it can be sent to workers. */
export interface DirectoryData extends Credentials {
  /** Whether there is a users file; without one no name can be said to be unknown. */
  readonly hasUsers: boolean;
  /** In lower case and in the file's order. */
  readonly domains: readonly string[];
  /** By name in lower case. */
  readonly aliases: ReadonlyMap<string, Alias>;
}

/** The outcome of {@linkcode loadDirectory}. */
export interface LoadedDirectory {
  /** Absent if there are problems. */
  readonly data?: DirectoryData;
  /** All that makes the files unusable. */
  readonly problems: readonly FileProblem[];
  /** What should be known but stops nothing, such as a hash of an unknown kind. */
  readonly warnings: readonly FileProblem[];
}

/**
 * Reads the directory's files. Never throws: what is wrong with them is in the
 * result, all of it at once.
 */
export async function loadDirectory(
  paths: DirectoryPaths,
  options: { plainpass: boolean },
): Promise<LoadedDirectory> {
  const problems: FileProblem[] = [];
  const linesOf = async (file: string | undefined): Promise<FileLine[]> => {
    const lines = file === undefined ? [] : await readLines(file);
    if (Array.isArray(lines)) return lines;
    problems.push(lines);
    return [];
  };
  const users: UsersFile = parseUsers(await linesOf(paths.users), {
    file: paths.users ?? "",
    plainpass: options.plainpass,
  });
  const domains = parseDomains(await linesOf(paths.domains), paths.domains ?? "");
  const aliases: AliasesFile = parseAliases(await linesOf(paths.aliases), paths.aliases ?? "");
  problems.push(...users.problems, ...domains.problems, ...aliases.problems);
  const data: DirectoryData = {
    ...users.credentials,
    hasUsers: paths.users !== undefined,
    domains: domains.domains,
    aliases: aliases.aliases,
  };
  // Where aliases lead is only known once the users and domains are.
  if (problems.length === 0) problems.push(...aliasProblems(data, paths.aliases ?? ""));
  const { warnings } = users;
  return problems.length === 0 ? { data, problems, warnings } : { problems, warnings };
}

function parseDomains(
  lines: Iterable<FileLine>,
  file: string,
): { domains: string[]; problems: FileProblem[] } {
  const domains = new Set<string>();
  const problems: FileProblem[] = [];
  for (const { number: line, text } of lines) {
    if (/^[^\s\p{Cc}@:<>/]+$/u.test(text)) domains.add(text.toLowerCase());
    else problems.push({ file, line, message: `"${text}" is not a domain (one a line)` });
  }
  return { domains: [...domains], problems };
}

function aliasProblems(data: DirectoryData, file: string): FileProblem[] {
  const problems: FileProblem[] = [];
  for (const [name, { line }] of data.aliases) {
    for (const problem of expandRecipient(data, name).problems) {
      problems.push({ file, line, message: `Cannot expand the alias "${name}": ${problem}` });
    }
  }
  return problems;
}
