/**
 * The server's side of TLS, from the first byte or after STLS (RFC 2595), with client
 * certificates.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  createSecureContext,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type SecureContext,
  TLSSocket,
} from "node:tls";
import { commonNameOf } from "./common_name.ts";
import type { Connection, TlsInfo } from "./connection.ts";
import { handshake } from "./tls_handshake.ts";
import { CipherStream, TlsConnection } from "./tls_stream.ts";

/** How many verified client certificates are remembered for resumed sessions. */
const REMEMBERED = 1000;

/** What to do about client certificates: 0 do not ask, 1 accept one, 2 require one. */
export type ClientAuth = 0 | 1 | 2;

/** The server's certificate and what it wants of clients; all texts are PEM. */
export interface ServerTlsOptions {
  /** The certificate, and behind it the intermediate ones. */
  readonly cert: string;
  /** Its private key, not encrypted (see `loadKeyPair`). */
  readonly key: string;
  /** The authorities that sign client certificates. Without them none is ever accepted. */
  readonly ca?: string | undefined;
  /** Default 0. */
  readonly clientAuth?: ClientAuth | undefined;
  /** The Common Name that a client certificate must have; default: any. */
  readonly peercert?: string | undefined;
}

/** A TLS configuration that can be replaced while connections live on. */
export interface ServerTls {
  /** The one in force. */
  readonly current: ServerTlsState;

  /**
   * Puts another certificate (and the rest) in force, for handshakes that begin from now on.
   *
   * @throws if it cannot be used; the old one stays in force
   */
  replace(options: ServerTlsOptions): void;
}

/** What one handshake needs. */
export interface ServerTlsState {
  /** Node's context. */
  readonly context: SecureContext;
  /** As in the options. */
  readonly clientAuth: ClientAuth;
  /** Whether there are authorities to verify client certificates with. */
  readonly verifiable: boolean;
  /** As in the options. */
  readonly peercert: string | undefined;
  /** The authorities' certificates. */
  readonly ca: string | undefined;
  /** Those among them that are no authority's: each is trusted itself and may vouch for no other. */
  readonly pinned: readonly X509Certificate[];
  /** The client certificates that passed verification by these authorities. */
  readonly verified: {
    has(fingerprint: string): boolean;
    add(fingerprint: string): void;
  };
}

/** The handshake did not lead to a usable connection, which is closed. */
export class TlsHandshakeError extends Error {
  /** The error's name. */
  override name = "TlsHandshakeError";
}

/**
 * Makes a TLS configuration.
 *
 * @throws if the certificate or the key cannot be parsed or do not belong together
 */
export function createServerTls(options: ServerTlsOptions): ServerTls {
  let current = stateOf(options);
  return {
    get current(): ServerTlsState {
      return current;
    },
    replace(next: ServerTlsOptions): void {
      // Verified certificates stay so as long as the authorities stay.
      current = stateOf(next, next.ca === current.ca ? current.verified : undefined);
    },
  };
}

function stateOf(
  options: ServerTlsOptions,
  verified: ServerTlsState["verified"] = new Verified(),
): ServerTlsState {
  const { cert, key, ca, clientAuth = 0, peercert } = options;
  // Node would accept what then fails in every handshake.
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new Error("the private key does not belong to the certificate");
  }
  const context = createSecureContext({
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    minVersion: "TLSv1.2",
  });
  const pinned = certificatesOf(ca ?? "").filter((certificate) => !certificate.ca);
  return { context, clientAuth, verifiable: ca !== undefined, peercert, ca, pinned, verified };
}

function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/**
 * Does the server's side of a TLS handshake over a connection, which belongs to the result from
 * now on. For STLS, call it when the `+OK` was written; what the client had sent in the clear
 * before must have been refused by then.
 *
 * @param options the most milliseconds that the handshake may take
 * @throws {TlsHandshakeError} if it fails or, with `clientAuth` 2, no trusted certificate was
 * presented; the connection is closed then
 */
export async function secureServer(
  connection: Connection,
  tls: ServerTls,
  options: { readonly handshakeTimeout: number; readonly signal?: AbortSignal | undefined },
): Promise<Connection> {
  const state = tls.current;
  const cipher = new CipherStream(connection);
  const asks = state.clientAuth > 0 && state.verifiable;
  try {
    const socket = new TLSSocket(cipher, {
      isServer: true,
      secureContext: state.context,
      requestCert: asks,
      // Judged below, on the whole of what is known; Node would leave it to a tls.Server.
      rejectUnauthorized: false,
    });
    await handshake(socket, cipher, "secure", {
      timeout: options.handshakeTimeout,
      signal: options.signal,
    });
    const info = infoOf(socket, state, asks);
    const secured = new TlsConnection(connection, cipher, socket, info);
    if (state.clientAuth === 2 && info.verifiedCommonName === undefined) {
      secured.close();
      throw new Error(info.certificateFault ?? "the client presented no certificate");
    }
    return secured;
  } catch (error) {
    cipher.destroy();
    const reason = error instanceof Error ? error.message : String(error);
    throw new TlsHandshakeError(reason, { cause: error });
  }
}

function infoOf(socket: TLSSocket, state: ServerTlsState, asks: boolean): TlsInfo {
  const protocol = socket.getProtocol() ?? "unknown";
  const cipher = socket.getCipher()?.standardName ?? "unknown";
  return { protocol, cipher, ...(asks ? judgeCertificate(socket, state) : {}) };
}

/**
 * The certificate's name, if it is present and known to be verified; or what is wrong with it.
 *
 * Sessions are resumed (Deno gives out tickets and cannot be told not to), and a resumed one
 * carries its first handshake's certificate without verifying it: `verifyError` is empty then,
 * also for one that failed. So only certificates remembered as verified are taken from resumed
 * sessions.
 */
function judgeCertificate(
  socket: TLSSocket,
  state: ServerTlsState,
): Pick<TlsInfo, "verifiedCommonName" | "certificateFault"> {
  const raw = socket.getPeerCertificate()?.raw;
  if (raw === undefined || raw.length === 0) return {};
  const certificate = new X509Certificate(raw);
  const fault = dateFault(certificate) ??
    (socket.isSessionReused()
      ? resumptionFault(certificate, state)
      : verifyFault(socket) ?? vouchingFault(socket, state));
  if (fault !== undefined) return { certificateFault: fault };
  state.verified.add(certificate.fingerprint256);
  const name = commonNameOf(raw);
  if (name === undefined) return { certificateFault: "the certificate has no usable Common Name" };
  if (state.peercert !== undefined && name !== state.peercert) {
    return { certificateFault: `the certificate is for "${name}", not "${state.peercert}"` };
  }
  return { verifiedCommonName: name };
}

/** Node's verification does this too, but does not say it. */
function dateFault(certificate: X509Certificate): string | undefined {
  const now = Date.now();
  if (!(Date.parse(certificate.validTo) >= now)) {
    return `the certificate expired on ${certificate.validTo}`;
  }
  if (!(Date.parse(certificate.validFrom) <= now)) {
    return `the certificate is valid from ${certificate.validFrom} on only`;
  }
  return undefined;
}

function resumptionFault(certificate: X509Certificate, state: ServerTlsState): string | undefined {
  return state.verified.has(certificate.fingerprint256)
    ? undefined
    : "the certificate of a resumed TLS session was never verified";
}

/** What Deno's socket has beside Node's typed interface. */
interface Verifying {
  readonly ssl: { verifyError(): unknown } | null;
}

function verifyFault(socket: TLSSocket): string | undefined {
  const handle = (socket as unknown as Verifying).ssl;
  if (handle === null) return "the connection has ended";
  const fault = handle.verifyError();
  if (fault === null || fault === undefined || fault === "") return undefined;
  const code = fault instanceof Error ? fault.message : String(fault);
  return `the certificate is not one for clients by an authority in tspath (${code})`;
}

/**
 * Deno takes every certificate of `tspath` for an authority's. One that says it is none is there to
 * let its owner in, who could else make certificates in the names of all other users.
 */
function vouchingFault(socket: TLSSocket, { pinned }: ServerTlsState): string | undefined {
  if (pinned.length === 0) return undefined;
  const fingerprints = new Set(pinned.map(({ fingerprint256 }) => fingerprint256));
  const subjects = new Set(pinned.map(({ subject }) => subject));
  // All that was presented, since any of it may be a part of the way to the trusted certificate.
  const seen = new Set<object>();
  let link: PeerCertificate | undefined = socket.getPeerCertificate(true);
  while (link?.raw !== undefined && !seen.has(link)) {
    seen.add(link);
    const { fingerprint256, issuer } = new X509Certificate(link.raw);
    if (!fingerprints.has(fingerprint256) && subjects.has(issuer)) {
      return "the certificate was signed by one in tspath that is not an authority's";
    }
    link = (link as Partial<DetailedPeerCertificate>).issuerCertificate;
  }
  return undefined;
}

/** Fingerprints of certificates that passed; the oldest are forgotten. */
class Verified {
  readonly #fingerprints = new Set<string>();

  has(fingerprint: string): boolean {
    return this.#fingerprints.has(fingerprint);
  }

  add(fingerprint: string): void {
    this.#fingerprints.delete(fingerprint);
    this.#fingerprints.add(fingerprint);
    if (this.#fingerprints.size <= REMEMBERED) return;
    for (const oldest of this.#fingerprints) {
      this.#fingerprints.delete(oldest);
      return;
    }
  }
}
