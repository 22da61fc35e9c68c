/**
 * What the import of the server's and of the retriever's settings share.
 *
 * @module
 */
import type { Fields } from "../config/schema_kit.ts";
import { carryValue } from "./fields.ts";
import type { Keystores } from "./keystores.ts";
import type { Source } from "./source.ts";
import { tomlString, TomlTable } from "../config/toml_text.ts";

/** What an import gathers. */
export interface Import {
  /** The tables of the config, in their order. */
  readonly tables: TomlTable[];
  /** The keystores that were named. */
  readonly keystores: Keystores;
}

/** Opens a table for an element; one that is disabled stays so. */
export function openTable(
  into: Import,
  source: Source,
  heading: string,
  options: { comment?: string; around?: boolean } = {},
): TomlTable {
  const table = new TomlTable(heading, options.comment);
  into.tables.push(table);
  if (source.disabled && options.around !== true) table.set("enabled", "false");
  return table;
}

/** The items of a list: `<listeners><listener/>…</listeners>`. */
export function itemsOf(source: Source, wrapper: string, item: string): Source[] {
  const list = source.part(wrapper);
  if (list === undefined) return [];
  const items = list.parts(item);
  list.finish();
  return items;
}

/** Carries an `ssl` element over, whose keystores become PEM files. */
export function carrySsl(
  into: Import,
  source: Source,
  heading: string,
  fields: Fields,
  side: "server" | "client",
): void {
  const ssl = source.part("ssl");
  if (ssl === undefined) return;
  const table = openTable(into, ssl, heading, { around: source.disabled });
  carryKey(into, ssl, table, side);
  const clientauth = side === "server" ? ssl.value("clientauth") : undefined;
  carryAuthorities(into, ssl, table, clientauth?.value === "2");
  carryValue(ssl, table, fields, "clientauth", clientauth);
  for (const key of ["peercert", "latent", "mandatory"]) {
    carryValue(ssl, table, fields, key, ssl.value(key));
  }
  // Needed by the conversion's commands, which ask for them.
  for (const password of ["certpass", "kspass", "tspass"]) ssl.value(password);
  ssl.finish();
}

function carryKey(into: Import, ssl: Source, table: TomlTable, side: "server" | "client"): void {
  const alias = ssl.value("cert");
  const keystore = ssl.value("kspath");
  // A client has a certificate only if it names one.
  if (alias === undefined && side === "client") return;
  const { cert, key } = into.keystores.pair(
    keystore?.value ?? "KEYSTORE",
    alias?.value ?? "ALIAS",
  );
  table.set(
    "cert",
    tomlString(cert),
    "Still to be made of the Java keystore: see the end of this file.",
  );
  table.set("key", tomlString(key));
  const about = keystore ?? alias ?? ssl;
  if (keystore === undefined || alias === undefined) {
    const missing = [alias ? [] : "cert", keystore ? [] : "kspath"].flat().join(" and ");
    ssl.note(about, `names no ${missing}; put the certificate and its key into ${cert} and ${key}`);
  } else {
    ssl.note(
      about,
      `the Java keystore ${keystore.value} cannot be read here: make ${cert} and ${key} of ` +
        `${JSON.stringify(alias.value)} in it, by the commands at the end of the config`,
    );
  }
}

function carryAuthorities(into: Import, ssl: Source, table: TomlTable, needed: boolean): void {
  const store = ssl.value("tspath");
  if (store !== undefined) {
    const path = into.keystores.bundle(store.value);
    table.set(
      "tspath",
      tomlString(path),
      "Still to be made of the Java truststore: see the end of this file.",
    );
    ssl.note(
      store,
      `the Java truststore ${store.value} cannot be read here: make ${path} of it, by the commands ` +
        "at the end of the config",
    );
  } else if (needed) {
    const path = "%DIRCONF%/tls/client-authorities.pem";
    table.set(
      "tspath",
      tomlString(path),
      "The authorities that client certificates must come from.",
    );
    ssl.note(
      ssl,
      `requires client certificates without naming a truststore, which meant Java's own: put the ` +
        `authorities that you accept into ${path}, in PEM`,
    );
  }
}
