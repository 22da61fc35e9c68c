/**
 * The certificates of the listeners, read by main for the workers.
 *
 * @module
 */
import type { Listener } from "../config/config.ts";
import { fileFault } from "../log/log_file.ts";
import { readRegularFile } from "../regular_file.ts";
import { loadAuthorities, loadKeyPair } from "../transport/certificates.ts";
import type { ClientAuth, ServerTlsOptions } from "../transport/server_tls.ts";

/** The TLS settings of a listener. */
export type ListenerSsl = NonNullable<Listener["ssl"]>;

/** What {@linkcode loadTls} found. */
export interface LoadedTls {
  /** Absent if there are problems. */
  readonly tls?: ServerTlsOptions;
  /** Why the files cannot be used. */
  readonly problems: readonly string[];
}

/** The files that a listener's TLS is made of. */
export function tlsFiles(ssl: ListenerSsl): string[] {
  return [ssl.cert, ssl.key, ...(ssl.tspath === undefined ? [] : [ssl.tspath])];
}

/** Reads and checks a listener's certificate, key and authorities. Never throws. */
export async function loadTls(ssl: ListenerSsl): Promise<LoadedTls> {
  const problems: string[] = [];
  const read = async (path: string): Promise<string | undefined> => {
    try {
      return new TextDecoder().decode(await readRegularFile(path));
    } catch (error) {
      problems.push(`"${path}" cannot be read: ${fileFault(error)}`);
      return undefined;
    }
  };
  const [cert, key] = [await read(ssl.cert), await read(ssl.key)];
  const authorities = ssl.tspath === undefined ? undefined : await read(ssl.tspath);
  if (cert === undefined || key === undefined) return { problems };
  const { pair, problems: faults } = loadKeyPair({ cert, key, certpass: ssl.certpass });
  problems.push(...faults.map((fault) => `"${ssl.cert}", "${ssl.key}": ${fault}`));
  let ca: string | undefined;
  if (authorities !== undefined) {
    const loaded = loadAuthorities(authorities);
    ca = loaded.ca;
    problems.push(...loaded.problems.map((fault) => `"${ssl.tspath}": ${fault}`));
  }
  if (problems.length > 0 || pair === undefined) return { problems };
  const tls: ServerTlsOptions = {
    cert: pair.cert,
    key: pair.key,
    clientAuth: ssl.clientauth as ClientAuth,
    ...(ca === undefined ? {} : { ca }),
    ...(ssl.peercert === undefined ? {} : { peercert: ssl.peercert }),
  };
  return { tls, problems };
}
