/**
 * Connects to the port and the server name given, with no authority configured, and prints what it
 * hears; see client_test.ts.
 *
 * @module
 */

import { connect } from "../../lib/transport/client.ts";

const [port, serverName] = Deno.args;
const output: string[] = [];
try {
  const tls = { serverName: serverName! };
  const client = await connect({ host: "127.0.0.1", port: Number(port), timeout: 5000, tls });
  output.push(`${client.tls!.protocol}: `);
  await client.write(new TextEncoder().encode("QUIT\r\n"));
  const buffer = new Uint8Array(1000);
  let count: number | null;
  while ((count = await client.read(buffer)) !== null) {
    output.push(new TextDecoder().decode(buffer.subarray(0, count)));
  }
  output.push("end");
  client.close();
} catch (error) {
  output.push(error instanceof Error ? error.message : String(error));
}
await Deno.stdout.write(new TextEncoder().encode(output.join("") + "\n"));
