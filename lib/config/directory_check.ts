/**
 * The directory's files, read once at the start: what is wrong with them is
 * wrong with the config.
 *
 * @module
 */
import { type DirectoryData, loadDirectory } from "../directory/directory.ts";
import { type FileProblem, problemText } from "../directory/problems.ts";
import type { Schema } from "./schema.ts";
import type { Table } from "./table.ts";

const FILES = ["users", "domains", "aliases"] as const;

/**
 * Reads the directory's files. Their faults become problems of the keys that name them.
 *
 * @returns undefined if there is no directory, or none that can be relied on
 */
export async function checkDirectory(root: Table<Schema>): Promise<DirectoryData | undefined> {
  const directory = root.get("directory");
  const plainpass = directory?.get("plainpass");
  // Without a file that is given, others would seem to be wrong.
  const unusable = FILES.some((key) => directory?.given(key) && directory.get(key) === undefined);
  if (!directory || plainpass === undefined || unusable) return undefined;
  const paths = Object.fromEntries(FILES.map((key) => [key, directory.get(key)]));
  const { data, problems, warnings } = await loadDirectory(paths, { plainpass });
  const keyOf = ({ file }: FileProblem) => FILES.find((key) => paths[key] === file) ?? "users";
  for (const problem of problems) directory.problem(keyOf(problem), problemText(problem));
  for (const warning of warnings) directory.warn(keyOf(warning), problemText(warning));
  return data;
}
