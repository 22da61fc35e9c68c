/**
 * `@std/cli/parse-args` where JSR cannot be reached. Both it and npm's
 * `minimist` take the same options and give the same result; this names the
 * part of them that the program uses.
 *
 * @module
 */
import minimist from "minimist";

/** The options of `parseArgs` that the program uses. */
export interface ParseOptions {
  /** Flags that take a text. */
  string?: string[];
  /** Flags that take nothing. */
  boolean?: string[];
  /** Other names of a flag. */
  alias?: Record<string, string | string[]>;
  /** Called with every argument that no option names; `false` leaves it out of the result. */
  unknown?: (arg: string) => boolean;
  /** Flags that may come more than once; given so, they have an array. (`minimist` needs no telling.) */
  collect?: string[];
  /** Ends the flags at the first argument that is none. */
  stopEarly?: boolean;
  /** Whether what follows a `--` goes into an array of that name, rather than into `_`. */
  "--"?: boolean;
}

/** The flags by name, and in `_` what was no flag. */
export type Args = { _: (string | number)[]; [flag: string]: unknown };

/** Parses a command line's arguments into flags and the rest. */
export function parseArgs(args: string[], options: ParseOptions = {}): Args {
  return minimist(args, options as minimist.Opts) as Args;
}
