/**
 * The demo's certificates: an authority of its own, and signed by it the server's certificate and
 * a client's, for SASL EXTERNAL. All are worth nothing after a day.
 *
 * @module
 */
import type { SelfsignedOptions } from "selfsigned";

/** A certificate and its key, as PEM. */
export interface KeyedCertificate {
  /** The certificate. */
  readonly cert: string;
  /** Its private key, not encrypted. */
  readonly key: string;
}

/** What {@linkcode makeCertificates} makes. */
export interface DemoCertificates {
  /** The certificate of the authority, as PEM; its key is forgotten. */
  readonly authority: string;
  /** For `localhost`, 127.0.0.1 and ::1. */
  readonly server: KeyedCertificate;
  /** With the user's name as its Common Name. */
  readonly client: KeyedCertificate;
}

const DAY = 24 * 60 * 60 * 1000;
/** A clock may be set back a little between now and the handshake. */
const MARGIN = 60 * 60 * 1000;

type Extensions = NonNullable<SelfsignedOptions["extensions"]>;

/** What every certificate says that is no authority's. */
const END_ENTITY: Extensions = [
  { name: "basicConstraints", cA: false, critical: true },
  { name: "keyUsage", digitalSignature: true, critical: true },
];

const FOR_SERVER: Extensions = [
  { name: "extKeyUsage", serverAuth: true },
  {
    name: "subjectAltName",
    altNames: [
      { type: 2, value: "localhost" },
      { type: 7, ip: "127.0.0.1" },
      { type: 7, ip: "::1" },
    ],
  },
];

/**
 * Makes the certificates.
 *
 * @param user whom the client's certificate is for
 */
export async function makeCertificates(user: string): Promise<DemoCertificates> {
  // Loaded only now: nothing else in the program needs it.
  const { generate } = await import("selfsigned");
  const now = Date.now();
  const common = {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: new Date(now - MARGIN),
    notAfterDate: new Date(now + DAY),
  } as const;
  const name = (value: string) => [{ name: "commonName", value }];
  const authority = await generate(name("Mailismus demo authority"), {
    ...common,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const ca = { cert: authority.cert, key: authority.private };
  const signed = async (subject: string, purpose: Extensions): Promise<KeyedCertificate> => {
    const extensions = [...END_ENTITY, ...purpose];
    const { cert, private: key } = await generate(name(subject), { ...common, ca, extensions });
    return { cert, key };
  };
  return {
    authority: authority.cert,
    server: await signed("localhost", FOR_SERVER),
    client: await signed(user, [{ name: "extKeyUsage", clientAuth: true }]),
  };
}
