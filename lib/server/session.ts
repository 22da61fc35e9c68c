/**
 * A POP3 session as a function of bytes.
 *
 * @module
 */

import type { Connection } from "../transport/connection.ts";
import type { SessionOptions } from "./session_options.ts";

/** Serves one connection from the greeting to its end. Never throws; always closes the connection. */
export function runSession(connection: Connection, options: SessionOptions): Promise<void> {
  void options;
  connection.close();
  return Promise.resolve();
}
