/**
 * The page that describes every setting, made from the schema.
 *
 * @module
 */
import { schema } from "./schema.ts";
import { logFileFields } from "./schema_common.ts";
import type { Field, Fields, List, Plain, Section, Setting } from "./schema_kit.ts";

const INTRODUCTION = `# Settings

This page is made from the program's own schema of the config (by \`scripts/settings_doc.ts\`), so that
it is complete. \`check\` prints what is in effect, with every default filled in:

\`\`\`sh
sh scripts/mailismus check --config config.toml
\`\`\`

The config is one [TOML](https://toml.io) file, \`config.toml\` unless \`--config\` names another. This is
a whole server, everything else being left to the defaults:

\`\`\`toml
[directory]
users = "%DIRCONF%/users"

[message_store]

[[pop3server.listeners]]
name = "POP3"
\`\`\`

A table such as \`[pop3server.limits]\` holds settings; a table in double brackets such as
\`[[pop3server.listeners]]\` may stand several times, once for each listener. Any table but the file
itself may carry \`enabled = false\`: it then counts as absent, whatever else it holds. A config with
anything wrong in it is refused as a whole, before anything starts, and every problem is told at once.

## How values are written

| Type | Written as |
| --- | --- |
| boolean | \`true\` or \`false\`; also \`"Y"\`, \`"N"\`, \`"Yes"\` and \`"No"\` |
| duration | Text with units, \`"500ms"\`, \`"90s"\`, \`"2m"\`, \`"1h30m"\` or \`"1d"\`, up to 24 days; a bare number is milliseconds |
| size | Text with a unit, \`"8K"\`, \`"10M"\` or \`"1G"\`; a bare number is bytes |
| login methods | An array, \`["USERPASS", "APOP"]\`, or one text, \`"USERPASS \\| APOP"\`; \`"all"\` is all of them and \`"-"\` none. Upper and lower case are the same |
| address | \`"host"\`, \`"host:port"\`, or for IPv6 \`"[2001:db8::1]:995"\` |
| path | A relative path starts at the config file's folder. Tokens stand for folders: \`%DIRTOP%\`, \`%DIRCONF%\`, \`%DIRVAR%\`, \`%DIRLOG%\` and \`%DIRTMP%\`, which \`[paths]\` sets |
| log file | The file's path, or a table with the settings of [log files](#log-files) |
| text | Text of one line |

In the tables below, **mandatory** means that the table cannot do without the setting; "none" that
nothing is set unless the config does. The last column names the chapter of the Mailismus manual
(or of its libraries', the NAF Guide and the GreyLog Guide) that describes the setting; settings without one are additions.

`;

const LOG_FILES = `## Log files

Transcripts, the audit and the trace log are log files. A setting that names one takes the path alone,
or a table:

\`\`\`toml
[pop3server.listeners.server]
transcript = "%DIRLOG%/pop3-%DT%.log"

[pop3download.audit]
file = "%DIRLOG%/audit/%Y%/pop3download-%DT%.log"
rot = "MONTHLY"
\`\`\`

\`%DT%\` is the time at the grain of the rotation: \`2026\`, \`202611\`, \`20261121\` or \`20261121_1400\`, and to
the second where \`maxfile\` is set. A full disk never stops the mail: the fault is reported once, and
writing is tried again.

`;

/** The whole page, in Markdown. */
export function settingsPage(): string {
  let page = INTRODUCTION;
  for (const [key, field] of Object.entries(schema)) page += sectionText(key, field, 2);
  return `${page}${LOG_FILES}${tableText(logFileFields)}`.trimEnd() + "\n";
}

function sectionText(
  name: string,
  field: Section<Fields, boolean> | List<Fields>,
  level: number,
): string {
  const heading = field.kind === "list" ? `[[${name}]]` : `[${name}]`;
  let text = `${"#".repeat(level)} \`${heading}\`\n\n${field.meaning}\n\n${
    tableText(field.fields)
  }`;
  for (const [key, inner] of Object.entries(field.fields)) {
    if (inner.kind !== "setting" && !plainOf(inner)) {
      text += sectionText(`${name}.${key}`, inner, Math.min(level + 1, 4));
    }
  }
  return text;
}

/** The table of the settings that stand directly in a section; nothing if there are none. */
function tableText(fields: Fields): string {
  const rows: string[][] = [];
  for (const [key, field] of Object.entries(fields)) {
    const plain = plainOf(field);
    if (field.kind === "setting") rows.push(settingRow(key, field));
    else if (plain) rows.push(plainRow(key, field.meaning, plain));
  }
  if (rows.length === 0) return "";
  const head = ["Setting", "Type", "Default", "Meaning", "Example", "Manual"];
  return [head, head.map(() => "---"), ...rows].map(line).join("") + "\n";
}

function settingRow(key: string, { type, about, ...field }: Setting<unknown, boolean>): string[] {
  const { fallback } = field;
  const value = field.mandatory
    ? "**mandatory**"
    : fallback === undefined
    ? "none"
    : typeof fallback === "object"
    ? fallback.rule
    : `\`${typeof fallback === "string" ? JSON.stringify(fallback) : fallback}\``;
  return [
    `\`${key}\``,
    type.name,
    value,
    about.meaning,
    `\`${about.example}\``,
    source(about.manual),
  ];
}

/** A table that is mostly written as a plain value has a row like a setting. */
function plainRow(key: string, meaning: string, plain: Plain): string[] {
  const { name, example, manual } = plain;
  return [`\`${key}\``, name, "none", meaning, `\`${example}\``, source(manual)];
}

function plainOf(field: Field): Plain | undefined {
  return field.kind === "section" ? field.plain : undefined;
}

function source(manual: string | undefined): string {
  if (manual === undefined) return "";
  if (manual.startsWith("NAF ")) return `NAF Guide §${manual.slice(4)}`;
  return /^\d/.test(manual) ? `§${manual}` : manual;
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}
