/**
 * What is wrong with a directory file, and where.
 *
 * @module
 */

/** A fault in a file. */
export interface FileProblem {
  /** The file's path as configured. */
  readonly file: string;
  /** The line, from 1; absent if the file as a whole is meant. */
  readonly line?: number;
  /** A sentence without a full stop. */
  readonly message: string;
}

/** A problem on one line of output, `file:line: message`. */
export function problemText(problem: FileProblem): string {
  const place = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  return `${place}: ${problem.message}`;
}
