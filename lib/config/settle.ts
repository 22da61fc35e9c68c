/**
 * What one setting's value means for another's, beyond its default.
 *
 * @module
 */
import type { Schema } from "./schema.ts";
import type { Table } from "./table.ts";

/** Narrows methods down and fills ports in, so that each value is what is in effect. */
export function settle(root: Table<Schema>): void {
  for (const listener of root.get("pop3server")?.get("listeners") ?? []) {
    const server = listener.get("server");
    const authtypes = server?.get("authtypes");
    const encrypted = server?.get("authtypes_ssl");
    if (authtypes && encrypted) {
      server!.replace("authtypes_ssl", encrypted.filter((name) => authtypes.includes(name)));
    }
  }
  for (const client of root.get("pop3download")?.get("clients") ?? []) {
    const ssl = client.get("ssl");
    const address = client.get("server")?.get("address");
    if (address) {
      const port = ssl && ssl.get("latent") !== true ? 995 : 110;
      client.get("server")!.replace("address", { port, ...address });
    }
    const smtp = client.get("smtp");
    const relay = smtp?.get("server");
    if (relay) {
      smtp!.replace("server", { port: smtp!.get("tls") === "implicit" ? 465 : 25, ...relay });
    }
  }
}
