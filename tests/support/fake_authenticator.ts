/**
 * A directory in memory that checks logins at once.
 *
 * @module
 */
import type { Authenticator, AuthOutcome } from "../../lib/auth/types.ts";
import { latin1 } from "../../lib/wire/text.ts";

/** Users and their plain passwords. */
export class FakeAuthenticator implements Authenticator {
  readonly users = new Map<string, string>();
  digestsPossible = true;
  /** How many checks were made. */
  checks = 0;
  /** Awaited before a check is answered. */
  gate: Promise<void> | undefined;
  /** Makes every check fail for a reason that is not the client's. */
  unavailable: string | undefined;

  /** @param users names and passwords */
  constructor(users: Iterable<readonly [string, string]> = []) {
    for (const [name, password] of users) this.users.set(name, password);
  }

  checkPassword(user: string, password: string): Promise<AuthOutcome> {
    return this.#outcome(user, (right) => password !== "" && right === password);
  }

  checkDigest(
    user: string,
    digest: Uint8Array,
    expected: (password: string) => Uint8Array,
  ): Promise<AuthOutcome> {
    return this.#outcome(user, (right) => latin1(expected(right)) === latin1(digest));
  }

  checkCertificate(commonName: string): Promise<AuthOutcome> {
    return this.#outcome(commonName, () => true);
  }

  async #outcome(user: string, matches: (right: string) => boolean): Promise<AuthOutcome> {
    this.checks++;
    await this.gate;
    if (this.unavailable !== undefined) return { kind: "unavailable", reason: this.unavailable };
    const right = this.users.get(user);
    return right !== undefined && matches(right) ? { kind: "accepted", user } : { kind: "refused" };
  }
}
