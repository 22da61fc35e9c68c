/**
 * Where a session gets the access token for XOAUTH2 and OAUTHBEARER.
 *
 * @module
 */

/** Gives access tokens, from a file or from a provider's token endpoint. */
export interface TokenSource {
  /**
   * A token that should be valid now.
   *
   * @throws {Error} with a sentence that says what was attempted and what to do
   */
  token(): Promise<string>;

  /**
   * Says that the server refused a token.
   *
   * @returns whether {@linkcode token} may now give another one, with which to try again
   */
  refused(token: string): boolean;

  /** Ends requests under way; safe to call more than once. */
  close(): void;
}
