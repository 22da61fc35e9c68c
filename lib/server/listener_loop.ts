/**
 * A listener's loop: takes connections, keeps the limits, encrypts from the
 * first byte where that is configured, and starts sessions.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { formatEndpoint } from "../transport/address.ts";
import type { Connection } from "../transport/connection.ts";
import type { Listener } from "../transport/listener.ts";
import { encodeText } from "../wire/text.ts";
import type { LimitReport } from "./limit_report.ts";
import type { SessionLog } from "./session_options.ts";
import type { Admission, Refusal } from "./shared_limits.ts";

/** What a loop needs beside its socket. */
export interface LoopOptions {
  /** The listener's name, for the log. */
  readonly name: string;
  /** Counts a connection in. */
  readonly admit: (address: string) => Admission | Refusal;
  /** Makes TLS of a connection, where it begins with the first byte. */
  readonly implicitTls?: (connection: Connection, admission: Admission) => Promise<Connection>;
  /** Serves a connection to its end. */
  readonly serve: (connection: Connection, admission: Admission) => Promise<void>;
  /** The trace log. */
  readonly log: SessionLog;
  /** Where refusals are told of. */
  readonly limits: LimitReport;
}

/**
 * Serves what a listener accepts until it is closed. Nothing that one connection does ends the
 * loop or disturbs another.
 *
 * @throws if the socket is broken for good
 */
export async function runListenerLoop(listener: Listener, options: LoopOptions): Promise<void> {
  while (true) {
    const connection = await listener.accept();
    if (connection === null) return;
    const admission = options.admit(connection.peer.address);
    if (typeof admission === "string") {
      options.limits.refused(
        `${options.name} ${admission}`,
        `Refused a connection from ${formatEndpoint(connection.peer)} to "${options.name}": ` +
          admission,
      );
      refuse(connection, admission, options.implicitTls !== undefined);
    } else void serveOne(connection, admission, options);
  }
}

/** Says why, where the client can read it: a handshake would cost more than a flood is worth. */
function refuse(connection: Connection, refusal: Refusal, implicitTls: boolean): void {
  if (implicitTls) return connection.close();
  // RFC 3206 section 4: the client should try again later.
  connection.write(encodeText(`-ERR [SYS/TEMP] ${refusal}, try again later\r\n`))
    .catch(() => {})
    .finally(() => connection.close());
}

async function serveOne(
  connection: Connection,
  admission: Admission,
  { name, implicitTls, serve, log }: LoopOptions,
): Promise<void> {
  let served = connection;
  try {
    if (implicitTls !== undefined) served = await implicitTls(connection, admission);
  } catch (error) {
    log.trace(
      `TLS handshake with ${formatEndpoint(connection.peer)} failed on "${name}": ${
        reasonOf(error)
      }`,
    );
    admission.release();
    return connection.close();
  }
  try {
    await serve(served, admission);
  } catch (error) {
    log.error(`A session with ${formatEndpoint(connection.peer)} failed: ${reasonOf(error)}`);
    served.close();
  } finally {
    admission.release();
  }
}
