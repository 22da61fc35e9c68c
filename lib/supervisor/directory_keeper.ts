/**
 * The directory as it is now, for the server and the retriever alike.
 *
 * @module
 */
import type { Config } from "../config/config.ts";
import { type DirectoryData, loadDirectory } from "../directory/directory.ts";
import { problemText } from "../directory/problems.ts";
import { EXIT_USAGE, UserError } from "../errors.ts";
import type { TraceLog } from "../log/trace.ts";
import type { FileWatch } from "./file_watch.ts";

/** Keeps the directory's files read. A version that cannot be used never replaces one that can. */
export class DirectoryKeeper {
  readonly #settings: Config["directory"];
  readonly #log: TraceLog;
  readonly #listeners: (() => Promise<void>)[] = [];
  #data: DirectoryData | undefined;

  /**
   * Reads nothing yet.
   *
   * @param settings the config's directory; undefined if there is none
   * @param log is told of changes and of what is wrong with them
   */
  constructor(settings: Config["directory"], log: TraceLog) {
    this.#settings = settings;
    this.#log = log;
  }

  /** The directory; undefined if none is configured. */
  get data(): DirectoryData | undefined {
    return this.#data;
  }

  /** Calls `changed` after each change. */
  onChange(changed: () => Promise<void>): void {
    this.#listeners.push(changed);
  }

  /**
   * Reads the files for the first time, and from then on whenever they change.
   *
   * @throws {UserError} if they cannot be used
   */
  async load(watch: FileWatch): Promise<void> {
    if (this.#settings === undefined) return;
    const { users, domains, aliases } = this.#settings;
    const paths = [users, domains, aliases].filter((path) => path !== undefined);
    await watch.add({ paths, changed: () => this.#reload() });
    const problems = await this.#read();
    if (problems.length > 0) throw new UserError(problems.join("\n"), EXIT_USAGE);
  }

  /** Returns what is wrong, if anything; then nothing has changed. */
  async #read(): Promise<string[]> {
    const settings = this.#settings!;
    const { data, problems, warnings } = await loadDirectory(settings, settings);
    if (data === undefined) return problems.map(problemText);
    for (const warning of warnings) this.#log.warn(problemText(warning));
    this.#data = data;
    return [];
  }

  async #reload(): Promise<void> {
    const problems = await this.#read();
    if (problems.length > 0) {
      for (const problem of problems) this.#log.error(problem);
      this.#log.error("The changed directory cannot be used; the one read before stays in force");
      return;
    }
    for (const changed of this.#listeners) await changed();
    this.#log.info(`Read the directory anew: ${this.#data!.users.size} users`);
  }
}
