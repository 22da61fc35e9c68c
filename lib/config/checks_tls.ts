/**
 * Certificates and keys that the config names.
 *
 * @module
 */
import { readRegularTextSync } from "../regular_file.ts";
import { loadAuthorities, loadKeyPair } from "../transport/certificates.ts";
import type { clientSslFields } from "./schema_retriever.ts";
import type { listenerSslFields } from "./schema_server.ts";
import type { Table } from "./table.ts";

/** An `ssl` section, of a listener or of a client. */
export type SslTable = Table<typeof listenerSslFields> | Table<typeof clientSslFields>;

/** The part that the two have in common. */
interface PemTable {
  get(key: "cert" | "key" | "certpass" | "tspath"): string | undefined;
  given(key: "cert" | "key"): boolean;
  problem(key: "cert" | "key", message: string): void;
  wrong(key: "cert" | "key" | "tspath", message: string): void;
  warn(key: "cert" | "tspath", message: string): void;
}

/** Checks that a certificate and its key can be used together, and that authorities can be read. */
export function checkPems(ssl: SslTable): void {
  const table = ssl as PemTable;
  checkPair(table);
  const pem = readPem(table.get("tspath"));
  if (pem === undefined) return;
  const { problems, warnings } = loadAuthorities(pem);
  for (const problem of problems) table.wrong("tspath", `cannot be used: ${problem}`);
  for (const warning of warnings) table.warn("tspath", warning);
}

function checkPair(table: PemTable): void {
  const cert = readPem(table.get("cert"));
  const key = readPem(table.get("key"));
  if (cert === undefined || key === undefined) return;
  const { problems, warnings } = loadKeyPair({ cert, key, certpass: table.get("certpass") });
  for (const problem of problems) {
    const which = /^the private key|no private key/.test(problem) ? "key" : "cert";
    table.wrong(which, `cannot be used: ${problem}`);
  }
  for (const warning of warnings) table.warn("cert", warning);
}

/** The text of a file; undefined if it cannot be read, which is told already. */
function readPem(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readRegularTextSync(path);
  } catch {
    return undefined;
  }
}
