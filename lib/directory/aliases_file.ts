/**
 * The aliases file: `alias : recipient : recipient …` a line.
 *
 * @module
 */
import type { FileProblem } from "./problems.ts";
import { type FileLine, trim } from "./text_file.ts";

/** The recipient that stands for "accept and discard". */
export const SINK = ".";

/** An alias and where it leads. */
export interface Alias {
  /** The line of its definition. */
  readonly line: number;
  /** Local users, other aliases and full addresses, or only {@linkcode SINK}. */
  readonly recipients: readonly string[];
}

/** What an aliases file holds. */
export interface AliasesFile {
  /** By {@linkcode aliasKey}. */
  readonly aliases: ReadonlyMap<string, Alias>;
  /** Faults that make the file unusable. */
  readonly problems: readonly FileProblem[];
}

/** The form in which aliases are looked up: unlike user names, in any case. */
export function aliasKey(name: string): string {
  return name.toLowerCase();
}

/** Reads the lines of an aliases file; where the recipients lead is not looked at. */
export function parseAliases(lines: Iterable<FileLine>, file: string): AliasesFile {
  const aliases = new Map<string, Alias>();
  const problems: FileProblem[] = [];
  for (const { number: line, text } of lines) {
    const [name = "", ...rest] = text.split(":").map(trim);
    const recipients = rest.filter((recipient) => recipient !== "");
    const message = lineFault(name, recipients, aliases.get(aliasKey(name)));
    if (message !== undefined) problems.push({ file, line, message });
    else aliases.set(aliasKey(name), { line, recipients });
  }
  return { aliases, problems };
}

function lineFault(name: string, recipients: string[], first?: Alias): string | undefined {
  if (name === "") return `There is no alias before the ":" (expected alias : recipient : …)`;
  if (recipients.length === 0) {
    return `Alias "${name}" has no recipient: name one, or "." to discard its mail`;
  }
  if (recipients.length > 1 && recipients.includes(SINK)) {
    return `Alias "${name}" has "." beside other recipients: it can only stand alone`;
  }
  if (first) {
    return `Alias "${name}" stands in the file twice, first on line ${first.line}: ` +
      `put all its recipients on one line`;
  }
  return undefined;
}
