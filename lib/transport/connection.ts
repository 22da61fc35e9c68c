/**
 * What a protocol session needs of the network: a duplex stream of bytes that
 * knows its two ends and whether it is encrypted. Sockets, TLS on either side
 * and the tests' in-memory pipes all look like this.
 *
 * @module
 */

/** One end of a connection. */
export interface Endpoint {
  /** An IP address; IPv4 peers of a dual-stack listener as plain IPv4. */
  readonly address: string;
  /** The TCP port. */
  readonly port: number;
}

/** What is known of an encrypted connection. */
export interface TlsInfo {
  /** For example `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher suite's standard name. */
  readonly cipher: string;
  /**
   * The Common Name of the peer's certificate, present only if that certificate
   * is known to have been verified against the configured authorities.
   */
  readonly verifiedCommonName?: string;
  /** Why a certificate that the peer did present was not accepted. */
  readonly certificateFault?: string;
}

/** A duplex byte stream. */
export interface Connection {
  /** Our end. */
  readonly local: Endpoint;
  /** The other end. */
  readonly peer: Endpoint;
  /** Present once the stream is encrypted. */
  readonly tls?: TlsInfo;

  /**
   * Reads some bytes into `buffer`.
   *
   * @returns how many (at least 1), or null at the end of the stream
   * @throws if the connection broke; after {@linkcode close} it returns null or throws, at once
   */
  read(buffer: Uint8Array): Promise<number | null>;

  /**
   * Writes all of `bytes`, waiting while the peer does not take them. The
   * caller must not change `bytes` until the promise settles.
   *
   * @throws if the connection broke or was closed
   */
  write(bytes: Uint8Array): Promise<void>;

  /**
   * Ends the connection: what was written before is still delivered (with TLS, close_notify
   * follows it), and pending reads and writes end. Safe to call more than once.
   */
  close(): void;
}
