/**
 * What a subcommand is made of; the table in `main.ts` lists them, and parsing
 * and help are both derived from these descriptions.
 *
 * @module
 */

/** A flag of a subcommand. */
export interface Flag {
  /** The long name, without dashes. */
  readonly name: string;
  /** A one-letter name, without the dash. */
  readonly short?: string;
  /** What stands for the value in the help (`FILE`); without it the flag takes none. */
  readonly value?: string;
  /** Whether it may be given more than once. */
  readonly multiple?: boolean;
  /** A short line for the help. */
  readonly summary: string;
}

/** A subcommand's command line, checked against its {@linkcode Subcommand.flags}. */
export interface CommandArgs {
  /** The config file, as given or the default. */
  readonly configFile: string;
  /** What was neither a flag nor a flag's value. */
  readonly positionals: readonly string[];
  /** Whether a flag without value was given. */
  has(flag: string): boolean;
  /** The value of a flag, or undefined if it was not given. */
  value(flag: string): string | undefined;
  /** All values of a flag that may be given more than once. */
  values(flag: string): readonly string[];
}

/** An example in a subcommand's help. */
export interface Example {
  /** What stands behind the program's name. */
  readonly line: string;
  /** What it does. */
  readonly does: string;
}

/** A subcommand of the program. */
export interface Subcommand {
  /** What selects it on the command line. */
  readonly name: string;
  /** One line for the list of subcommands. */
  readonly summary: string;
  /** The positional arguments as the usage line shows them, if it takes any. */
  readonly positionals?: string;
  /** Paragraphs of its help, one string each. */
  readonly description?: readonly string[];
  /** Its own flags; `--config`, `--help`, `--version` and `--debug` are understood by every one. */
  readonly flags: readonly Flag[];
  /** Examples for its help. */
  readonly examples: readonly Example[];
  /**
   * Does the work.
   *
   * @returns the exit status
   * @throws {UserError} with the sentence and the status to end with
   */
  run(args: CommandArgs): Promise<number>;
}
