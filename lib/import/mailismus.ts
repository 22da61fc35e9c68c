/**
 * Making a config of a Mailismus XML configuration.
 *
 * @module
 */
import { EXIT_USAGE, UserError } from "../errors.ts";
import type { Import } from "./common.ts";
import { Keystores } from "./keystores.ts";
import { importRetriever } from "./retriever.ts";
import { importDirectory, importMessageStore, importServer } from "./server.ts";
import { type Note, Source } from "./source.ts";
import { tomlComment, tomlVerbatim } from "../config/toml_text.ts";
import { type Element, readXml } from "./xml.ts";

/** What an import made. */
export interface Imported {
  /** The config. */
  readonly toml: string;
  /** What was not carried over, or not as it was, in the order of the lines. */
  readonly notes: readonly Note[];
  /** How many listeners and clients there are. */
  readonly counts: { readonly listeners: number; readonly clients: number };
}

/** Parts of Mailismus that this program is not. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  application:
    "the host name announced by SMTP, and a database for the MTA, have no meaning here: greetings take the system's host name",
  mta:
    "the SMTP server and client, the queue and bounces are no part of this program: use an MTA such as " +
    "Postfix, OpenSMTPD or Exim. One that delivers into the mailboxes writes plain Maildir files, which need " +
    "message_store.dotstuffing = true",
  imap:
    "an IMAP server is no part of this program: Dovecot can serve Maildir folders, if they hold plain files",
};
const SMTP_PARTS: readonly string[] = [
  "queue",
  "submit",
  "deliver",
  "report",
  "smtp",
  "smtpserver",
];

/**
 * Imports a configuration.
 *
 * @param bytes the XML file
 * @param file its name, for messages
 * @throws {UserError} with status 2 if it is no Mailismus configuration
 */
export function importMailismus(bytes: Uint8Array, file: string): Imported {
  const { root, comments } = readXml(bytes, file);
  checkRoot(root, file);
  const notes: Note[] = [];
  const into: Import = { tables: [], keystores: new Keystores() };
  const source = new Source(root, "", notes);
  const counts = importParts(into, source);
  source.finish((name) =>
    ELSEWHERE[name] ??
      (SMTP_PARTS.includes(name) ? ELSEWHERE["mta"]! : "is no part of this program")
  );
  if (comments > 0) {
    const they = comments === 1 ? "the comment" : `the ${comments} comments`;
    notes.push({ line: 0, what: "comments", why: `${they} of the XML file` });
  }
  const distinct = [...new Map(notes.map((note) => [noteText(note), note])).values()]
    .sort((a, b) => a.line - b.line);
  const toml = header(file) + into.tables.join("") + footer(distinct, into.keystores);
  return { toml, notes: distinct, counts };
}

function checkRoot(root: Element, file: string): void {
  if (root.name === "mailserver") return;
  const hint = root.name === "naf"
    ? "it is naf.xml, which only says what Mailismus runs: import the file that it names, mailismus.xml"
    : `its outermost element is <${root.name}>, and that of a Mailismus config is <mailserver>`;
  throw new UserError(`Cannot import "${file}": ${hint}`, EXIT_USAGE);
}

function importParts(into: Import, source: Source): Imported["counts"] {
  const directory = source.part("directory");
  const store = source.part("message_store");
  const server = source.part("pop3server");
  const retriever = source.part("pop3download");
  if (directory !== undefined) importDirectory(into, directory);
  if (store !== undefined) importMessageStore(into, store);
  else if (directory !== undefined && (server ?? retriever) !== undefined) {
    importMessageStore(into, defaultStore());
  }
  const listeners = server === undefined ? 0 : importServer(into, server);
  const clients = retriever === undefined ? 0 : importRetriever(into, retriever);
  return { listeners, clients };
}

/** The store of a configuration that does not speak of it. */
function defaultStore(): Source {
  const element = { name: "message_store", line: 0, attributes: new Map(), children: [], text: "" };
  return new Source(element, "message_store", []);
}

function header(file: string): string {
  return tomlComment(`Made by "mailismus import" of ${file.split(/[/\\]/).at(-1)!}.`) +
    "#\n" +
    tomlComment(
      "Relative paths start at this file's folder, which is also %DIRTOP%. Put the file into the folder " +
        "that holds Mailismus' conf and var, or name that folder here, and whatever else dirpaths in naf.xml sets:",
    ) +
    '#\n# [paths]\n# root = "/opt/mailismus"\n#\n' +
    tomlComment(
      "Which parts run is said in naf.xml too (its naflets and dispatchers): switch off here, by " +
        "enabled = false, what was off there.",
    );
}

function footer(notes: readonly Note[], keystores: Keystores): string {
  let text = "";
  if (notes.length > 0) {
    text += "\n# Not carried over, or not as it was (with the line of the XML file):\n#\n" +
      notes.map((note) => tomlComment(`- ${noteText(note)}.`)).join("");
  }
  if (keystores.conversions.length > 0) {
    text += "\n" + tomlComment(
      "Keystores, to be turned into PEM files. Set the shell variables DIRCONF, DIRTOP and so on to the " +
        "folders that the tokens in paths stand for, such as DIRCONF=/opt/mailismus/conf, and run:",
    );
    for (const { purpose, commands } of keystores.conversions) {
      text += `#\n${tomlComment(`${purpose}:`)}#\n${commands.map(tomlVerbatim).join("")}`;
    }
  }
  return text;
}

/** A note as a line. */
export function noteText({ line, what, why }: Note): string {
  return line === 0 ? `${what}: ${why}` : `line ${line}: ${what}: ${why}`;
}
