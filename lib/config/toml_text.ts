/**
 * Writing TOML with comments.
 *
 * @module
 */

/** A text as a TOML string. */
export function tomlString(text: string): string {
  // JSON's escapes are TOML's, but for DEL, which TOML wants escaped and JSON does not.
  return JSON.stringify(text).replaceAll("\x7f", "\\u007F");
}

/** A text as comment lines of at most 100 characters; what breaks lines in it becomes spaces. */
export function tomlComment(text: string): string {
  const words = text.replace(/[\s\p{Cc}]+/gu, " ").trim().split(" ");
  const lines: string[] = [];
  let line = "#";
  for (const word of words) {
    if (line !== "#" && line.length + 1 + word.length > 100) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return [...lines, line].join("\n") + "\n";
}

/** A line of a comment that must not be broken, such as a command. */
export function tomlVerbatim(text: string): string {
  return `#   ${text.replace(/[\p{Cc}]+/gu, " ")}\n`;
}

/** A table under its heading. */
export class TomlTable {
  /** Its heading with brackets. */
  readonly heading: string;
  readonly #comment: string;
  readonly #lines: string[] = [];

  /** Opens a table; the comment goes above its heading. */
  constructor(heading: string, comment = "") {
    this.heading = heading;
    this.#comment = comment;
  }

  /** Adds a key with a value that is TOML already, and a comment above it. */
  set(key: string, value: string, comment = ""): void {
    if (comment !== "") this.#lines.push(tomlComment(comment));
    this.#lines.push(`${key} = ${value}\n`);
  }

  /** The table as text, with an empty line above. */
  toString(): string {
    const comment = this.#comment === "" ? "" : tomlComment(this.#comment);
    return `\n${comment}${this.heading}\n${this.#lines.join("")}`;
  }
}
