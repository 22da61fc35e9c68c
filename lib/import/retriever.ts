/**
 * Importing the POP3 retriever (chapter 4.9 of the manual).
 *
 * @module
 */
import { schema } from "../config/schema.ts";
import { carrySsl, type Import, itemsOf, openTable } from "./common.ts";
import { carryAll, carryLogFile, carryValue, isUsable } from "./fields.ts";
import type { Source } from "./source.ts";
import { tomlString, type TomlTable } from "../config/toml_text.ts";

const RETRIEVER = schema.pop3download.fields;
const CLIENT = RETRIEVER.clients.fields;

/** Imports `<pop3download>`. */
export function importRetriever(into: Import, source: Source): number {
  const table = openTable(into, source, "[pop3download]");
  carryLogFile(source, table, RETRIEVER, "audit");
  carryLogFile(source, table, RETRIEVER, "transcript");
  carryAll(source, table, RETRIEVER, ["timeout", "delay_start"]);
  const clients = itemsOf(source, "clients", "client");
  const ids = new Set<string>();
  for (const client of clients) importClient(into, client, ids, source.disabled);
  source.finish();
  return clients.length;
}

function importClient(into: Import, source: Source, ids: Set<string>, around: boolean): void {
  const server = source.part("server");
  const address = server?.value("address", "addr");
  const recip = source.value("recip", "localuser");
  const id = newId(source, ids, [recip?.value, address?.value.replace(/:\d+$/, "")]);
  const incomplete = !isUsable(CLIENT, "recip", recip)
    ? "recip"
    : !isUsable(CLIENT.server.fields, "address", address)
    ? "server/address"
    : undefined;
  const table = openTable(into, source, "[[pop3download.clients]]", {
    around: around || (incomplete !== undefined && !source.disabled),
  });
  if (incomplete !== undefined && !source.disabled) {
    source.note(source, `has no ${incomplete} that can be used, so it is switched off`);
    table.set("enabled", "false", `It has no ${incomplete} that can be used.`);
  }
  table.set("id", tomlString(id));
  carryValue(source, table, CLIENT, "recip", recip);
  carryAll(source, table, CLIENT, ["freq", "runs", "preserve", "capa", "omitreceivedheader"]);
  const folder = source.value("downloads_directory");
  carryValue(source, table, CLIENT, "downloads_directory", folder);
  if (server !== undefined) importClientServer(into, server, address);
  carrySsl(into, source, "[pop3download.clients.ssl]", CLIENT.ssl.fields, "client");
  importSmtp(into, source, folder !== undefined);
  source.finish();
}

/** The client's id, which older files do not have, made different from all others. */
function newId(source: Source, ids: Set<string>, parts: readonly (string | undefined)[]): string {
  const given = source.value("id");
  const wish = given?.value ?? (parts.filter((part) => part).join("-") || "client");
  let id = wish;
  for (let n = 2; ids.has(id); n++) id = `${wish}-${n}`;
  ids.add(id);
  if (given === undefined) source.note(source, `has no id; it was given "${id}"`);
  else if (id !== wish) source.note(given, `"${wish}" is another client's id; it became "${id}"`);
  return id;
}

function importClientServer(
  into: Import,
  source: Source,
  address: ReturnType<Source["value"]>,
): void {
  const table = openTable(into, source, "[pop3download.clients.server]", { around: true });
  const fields = CLIENT.server.fields;
  carryValue(source, table, fields, "address", address);
  carryValue(source, table, fields, "username", source.value("username"));
  carryPassword(source, table);
  // initrsp is an attribute of authtypes.
  const methods = source.part("authtypes");
  const listed = methods?.element.text ?? "";
  const found = methods !== undefined && listed !== ""
    ? { value: listed, path: methods.path, line: methods.line }
    : source.value("authtypes");
  carryValue(source, table, fields, "authtypes", found);
  carryValue(
    source,
    table,
    fields,
    "initrsp",
    methods?.value("initrsp") ?? source.value("initrsp"),
  );
  methods?.finish();
  source.finish();
}

function carryPassword(source: Source, table: TomlTable): void {
  const found = source.value("password");
  if (found === undefined) return;
  if (carryValue(source, table, CLIENT.server.fields, "password", found)) {
    source.note(found, "was carried over as it is; password_file keeps it out of the config");
  }
}

function importSmtp(into: Import, source: Source, asFiles: boolean): void {
  const smtp = source.part("smtp");
  if (smtp === undefined) return;
  const table = openTable(into, smtp, "[pop3download.clients.smtp]", {
    around: source.disabled || asFiles,
  });
  if (asFiles) {
    table.set("enabled", "false");
    if (!smtp.disabled) {
      smtp.note(
        smtp,
        "stands beside downloads_directory, and one of the two must go: it is switched off",
      );
    }
  }
  const sender = smtp.value("sender");
  if (!carryValue(smtp, table, CLIENT.smtp.fields, "sender", sender)) {
    table.set("sender", tomlString("pop3downloader@localhost"));
    if (sender === undefined) {
      smtp.note(smtp, 'has no sender; it was given "pop3downloader@localhost"');
    }
  }
  table.set(
    "server",
    tomlString("localhost:25"),
    "Mailismus put messages straight into its own queue; here any mail server takes them by SMTP.",
  );
  if (!smtp.disabled && !asFiles) {
    smtp.note(
      smtp,
      "Mailismus put messages straight into its own MTA's queue; they now go to the mail server at " +
        "localhost:25, so set smtp.server if it is elsewhere",
    );
  }
  smtp.finish();
}
