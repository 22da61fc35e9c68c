/**
 * Importing the directory, the message store and the POP3 server.
 *
 * @module
 */
import { schema } from "../config/schema.ts";
import { carrySsl, type Import, itemsOf, openTable } from "./common.ts";
import { carryAll, carryLogFile, carryValue } from "./fields.ts";
import { type Source, yesOrNo } from "./source.ts";
import { tomlString, type TomlTable } from "../config/toml_text.ts";

/** Imports `<directory>` (chapter 4.10 of the manual). */
export function importDirectory(into: Import, source: Source): void {
  const table = openTable(into, source, "[directory]");
  carryAll(source, table, schema.directory.fields, ["users", "domains", "aliases", "plainpass"]);
  const virtual = source.value("virtualusers");
  if (virtual !== undefined && yesOrNo(virtual.value) === false) {
    source.note(
      virtual,
      "mailboxes of the system's own users, each owned by its user, are unknown here: all mail is " +
        "read and written as the user that the program runs as, who needs the right to do so",
    );
  }
  source.finish();
}

const WIRE_FORM =
  "false: the files are in the protocol's own form (CRLF, dots doubled), as Mailismus writes them " +
  "by default. Other programs (an MTA, Dovecot) need plain files: true, for a store of such.";

/** Imports `<message_store>` (chapter 4.2), or makes up the one that Mailismus has by default. */
export function importMessageStore(into: Import, source: Source): void {
  const table = openTable(into, source, "[message_store]");
  const fields = schema.message_store.fields;
  const kind = source.value("class");
  if (kind !== undefined && !/(^|\.)MaildirStore$/.test(kind.value)) {
    source.note(
      kind,
      `the store ${kind.value} is Java code of your own; only Maildir folders can be served`,
    );
  }
  carryAll(source, table, fields, ["userpath", "mailpath"]);
  const found = source.value("dotstuffing");
  const plain = found === undefined ? false : yesOrNo(found.value);
  if (found !== undefined && plain === undefined) {
    source.note(
      found,
      `${JSON.stringify(found.value)} is neither Y nor N; it counts as N, the default`,
    );
  }
  table.set("dotstuffing", String(plain ?? false), plain === true ? "" : WIRE_FORM);
  carryAll(source, table, fields, ["exclusive", "filename_colon", "filename_comma"]);
  source.finish();
}

/** Imports `<pop3server>` (chapter 4.8). */
export function importServer(into: Import, source: Source): number {
  const listeners = itemsOf(source, "listeners", "listener");
  const table = openTable(into, source, "[pop3server]");
  if (!source.disabled && listeners.every(({ disabled }) => disabled)) {
    table.set("enabled", "false", "It has no listener that is enabled.");
  }
  const names = new Map(listeners.map((one) => [one.value("name")?.value, one]));
  for (const listener of listeners) importListener(into, listener, names, source.disabled);
  source.finish();
  return listeners.length;
}

const LISTENER = schema.pop3server.fields.listeners.fields;

function importListener(
  into: Import,
  source: Source,
  names: ReadonlyMap<string | undefined, Source>,
  around: boolean,
): void {
  const table = openTable(into, source, "[[pop3server.listeners]]", { around });
  carryAll(source, table, LISTENER, ["name", "port", "interface", "maxservers", "backlog"]);
  const server = serverSection(source, table, names);
  if (server !== undefined) importServerSection(into, server);
  carrySsl(into, source, "[pop3server.listeners.ssl]", LISTENER.ssl.fields, "server");
  source.finish();
}

/** The server section to import with a listener; none if a link to another's does. */
function serverSection(
  source: Source,
  table: TomlTable,
  names: ReadonlyMap<string | undefined, Source>,
): Source | undefined {
  const own = source.part("server");
  const link = source.value("configlink");
  if (link === undefined) return own;
  const target = names.get(link.value);
  if (target === undefined || target === source) {
    source.note(link, `"${link.value}" names no other listener`);
  } else if (target.value("configlink") !== undefined) {
    source.note(link, `"${link.value}" names a listener that is itself linked`);
  } else if (target.disabled && !source.disabled) {
    source.note(link, `"${link.value}" is disabled: its server section was copied here`);
    return target.part("server");
  } else {
    if (own !== undefined) source.note(own, `does not count beside configlink="${link.value}"`);
    table.set("configlink", tomlString(link.value));
    return undefined;
  }
  return own;
}

function importServerSection(into: Import, source: Source): void {
  const table = openTable(into, source, "[pop3server.listeners.server]", { around: true });
  const fields = LISTENER.server.fields;
  carryLogFile(source, table, fields, "transcript");
  carryAll(source, table, fields, ["greet", "authtypes", "authtypes_ssl"]);
  carryValue(source, table, fields, "timeout", source.value("timeout"));
  carryValue(source, table, fields, "expire", source.value("expire"));
  source.finish((name) =>
    name === "class" || name === "factory"
      ? "names Java code; this program has one POP3 server"
      : "is no setting of this program"
  );
}
