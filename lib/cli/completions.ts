/**
 * `completions`: what a shell needs to complete the program's command line,
 * derived from the table of subcommands.
 *
 * @module
 */
import { EXIT_USAGE, UserError } from "../errors.ts";
import { COMMON_FLAGS } from "./arguments.ts";
import type { CommandArgs, Flag, Subcommand } from "./command.ts";
import { PROGRAM } from "./help.ts";
import { writeOut } from "./output.ts";

/** Makes the script for one shell. */
type Script = (subcommands: readonly Subcommand[]) => string;

const SCRIPTS: Readonly<Record<string, Script>> = { bash, fish, zsh };
const SHELLS = Object.keys(SCRIPTS).join(", ");

/**
 * The subcommand for a table of subcommands, which is asked for only when it runs: the table holds
 * this one too.
 */
export function completionsCommand(subcommands: () => readonly Subcommand[]): Subcommand {
  return {
    name: "completions",
    summary: "print a script that completes this program's command line in a shell",
    positionals: "SHELL",
    description: [`SHELL is one of ${SHELLS}.`],
    flags: [],
    examples: [
      {
        line: "completions bash >/etc/bash_completion.d/mailismus",
        does: "for all users of bash",
      },
      {
        line: "completions fish >~/.config/fish/completions/mailismus.fish",
        does: "for yourself in fish",
      },
    ],
    run: (args) => new Promise((resolve) => resolve(printScript(args, subcommands()))),
  };
}

function printScript({ positionals }: CommandArgs, subcommands: readonly Subcommand[]): number {
  const [shell, more] = positionals;
  const script = shell === undefined || more !== undefined ? undefined : SCRIPTS[shell];
  if (script === undefined) {
    const given = shell === undefined ? "none was given" : `"${positionals.join(" ")}"`;
    throw new UserError(`completions takes one of ${SHELLS}: ${given}`, EXIT_USAGE);
  }
  writeOut(script(subcommands));
  return 0;
}

function flagsOf(one: Subcommand): readonly Flag[] {
  return [...one.flags, ...COMMON_FLAGS];
}

/** Flags whose values are files are followed by file names, all others by nothing. */
function takesFile({ value }: Flag): boolean {
  return value !== undefined && /FILE|DIR|PATH/.test(value);
}

function bash(subcommands: readonly Subcommand[]): string {
  const cases = subcommands.map((one) => {
    const words = flagsOf(one).map(({ name }) => `--${name}`).join(" ");
    return `    ${one.name}) words="${words}" ;;`;
  });
  const files = [
    ...new Set(subcommands.flatMap(flagsOf).filter(takesFile).map(({ name }) => name)),
  ];
  return `# bash completion of ${PROGRAM}
_${PROGRAM}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  case "$before" in
    ${files.map((name) => `--${name}`).join("|")})
      COMPREPLY=($(compgen -f -- "$word"))
      return
      ;;
  esac
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${subcommands.map(({ name }) => name).join(" ")} --help --version"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if [ \${#COMPREPLY[@]} -eq 0 ] && [ "\${word#-}" = "$word" ] && [ "$COMP_CWORD" -gt 1 ]; then
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _${PROGRAM} ${PROGRAM}
`;
}

function zsh(subcommands: readonly Subcommand[]): string {
  const list = subcommands.map((one) => `    ${single(`${one.name}:${one.summary}`)}`).join("\n");
  const cases = subcommands.map((one) => {
    const flags = flagsOf(one).map((flag) => {
      const value = flag.value === undefined
        ? ""
        : `:${flag.value}:${takesFile(flag) ? "_files" : ""}`;
      return `        ${
        single(`${flag.multiple ? "*" : ""}--${flag.name}[${flag.summary}]${value}`)
      }`;
    });
    return `    ${one.name})\n      _arguments \\\n${
      flags.join(" \\\n")
    } \\\n        '*:argument:_files'\n      ;;`;
  });
  return `#compdef ${PROGRAM}
_${PROGRAM}() {
  local -a subcommands
  subcommands=(
${list}
  )
  if (( CURRENT == 2 )); then
    _describe subcommand subcommands
    return
  fi
  local subcommand=$words[2]
  shift words
  (( CURRENT-- ))
  case $subcommand in
${cases.join("\n")}
  esac
}
compdef _${PROGRAM} ${PROGRAM}
`;
}

function fish(subcommands: readonly Subcommand[]): string {
  const lines = [`# fish completion of ${PROGRAM}`, `complete -c ${PROGRAM} -f`];
  for (const one of subcommands) {
    lines.push(
      `complete -c ${PROGRAM} -n __fish_use_subcommand -a ${one.name} -d ${single(one.summary)}`,
    );
    for (const flag of flagsOf(one)) {
      const value = flag.value === undefined ? "" : takesFile(flag) ? " -rF" : " -x";
      lines.push(
        `complete -c ${PROGRAM} -n '__fish_seen_subcommand_from ${one.name}' -l ${flag.name}${value} -d ${
          single(flag.summary)
        }`,
      );
    }
  }
  return lines.join("\n") + "\n";
}

/** A text as one word of a shell. */
function single(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
