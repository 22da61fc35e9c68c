/**
 * The help texts, derived from the table of subcommands.
 *
 * @module
 */
import { COMMON_FLAGS } from "./arguments.ts";
import type { Flag, Subcommand } from "./command.ts";

/** The name that usage lines and examples begin with. */
export const PROGRAM = "mailismus";

/** Two columns, the first as wide as its widest entry. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

function flagRow(flag: Flag): [string, string] {
  const short = flag.short ? `-${flag.short}, ` : "    ";
  const value = flag.value ? ` ${flag.value}` : "";
  const repeat = flag.multiple ? " (may be repeated)" : "";
  return [`${short}--${flag.name}${value}`, flag.summary + repeat];
}

/** Breaks a paragraph into lines of at most 80 characters. */
function wrap(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > 80) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n") + "\n";
}

/** The help of the program as a whole. */
export function programHelp(subcommands: readonly Subcommand[]): string {
  return `Usage: ${PROGRAM} SUBCOMMAND [flags]\n\n` +
    wrap(
      "A POP3 server for Maildir folders, and a retriever that collects mail from remote ones.",
    ) +
    `\nSubcommands:\n${columns(subcommands.map((one) => [one.name, one.summary]))}` +
    `\nFlags:\n${columns(COMMON_FLAGS.map(flagRow))}` +
    `\nExit status: 0 fine, 1 failed while running, 2 wrong usage or config.\n` +
    `"${PROGRAM} SUBCOMMAND --help" tells more of each.\n`;
}

/** The help of one subcommand. */
export function subcommandHelp(one: Subcommand): string {
  const positionals = one.positionals ? ` ${one.positionals}` : "";
  const paragraphs = [one.summary.charAt(0).toUpperCase() + one.summary.slice(1) + "."]
    .concat(one.description ?? []);
  const flags = [...one.flags, ...COMMON_FLAGS];
  const examples = one.examples.map(({ line, does }) => `  # ${does}\n  ${PROGRAM} ${line}\n`);
  return `Usage: ${PROGRAM} ${one.name}${positionals} [flags]\n\n` +
    paragraphs.map(wrap).join("\n") +
    `\nFlags:\n${columns(flags.map(flagRow))}` +
    (examples.length === 0 ? "" : `\nExamples:\n${examples.join("\n")}`);
}
