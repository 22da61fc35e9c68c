/**
 * Words that both ends of a login share.
 *
 * @module
 */

/** The login methods, as the settings `authtypes` and `authtypes_ssl` name them. */
export const SERVER_MECHANISMS = [
  "USERPASS",
  "APOP",
  "SASL_PLAIN",
  "SASL_CRAM_MD5",
  "SASL_EXTERNAL",
] as const;

/** A login method that the server offers. */
export type ServerMechanism = typeof SERVER_MECHANISMS[number];

/** The login methods that the retriever can use at a remote server. */
export const CLIENT_MECHANISMS = [
  ...SERVER_MECHANISMS,
  "SASL_XOAUTH2",
  "SASL_OAUTHBEARER",
] as const;

/** A login method of the retriever. */
export type ClientMechanism = typeof CLIENT_MECHANISMS[number];

/** How an attempt to log in ended; the session maps each to its reply (RFC 3206). */
export type AuthOutcome =
  /** The user is who they say. */
  | { readonly kind: "accepted"; readonly user: string }
  /** Unknown user, wrong password, no password: indistinguishable on purpose. */
  | { readonly kind: "refused" }
  /** The check itself could not be made; `reason` is for the log, never for the client. */
  | { readonly kind: "unavailable"; readonly reason: string };

/**
 * The server session's view of the directory. Every method costs the same time
 * whether the user exists or not.
 */
export interface Authenticator {
  /** Whether plain passwords are kept, without which APOP and CRAM-MD5 are impossible. */
  readonly digestsPossible: boolean;

  /**
   * Checks a password given in the clear (USER and PASS, SASL PLAIN).
   *
   * @param origin where the login comes from: the checks of one place take their turns
   */
  checkPassword(user: string, password: string, origin?: string): Promise<AuthOutcome>;

  /**
   * Checks a digest of a secret (APOP, CRAM-MD5).
   *
   * @param expected computes from the user's password the digest that a right client sent
   */
  checkDigest(
    user: string,
    digest: Uint8Array,
    expected: (password: string) => Uint8Array,
  ): Promise<AuthOutcome>;

  /** Checks that a verified certificate's name is a user (SASL EXTERNAL). */
  checkCertificate(commonName: string): Promise<AuthOutcome>;
}
