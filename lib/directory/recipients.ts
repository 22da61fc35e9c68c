/**
 * From a recipient as configured to the addresses that mail for it goes to.
 *
 * @module
 */
import { type Alias, aliasKey, SINK } from "./aliases_file.ts";

/** What the expansion of recipients needs of a directory. */
export interface RecipientData {
  /** Whether there is a users file; without one no name can be said to be unknown. */
  readonly hasUsers: boolean;
  /** Local users by name. */
  readonly users: ReadonlyMap<string, unknown>;
  /** Local domains, in lower case, the main one first. */
  readonly domains: readonly string[];
  /** By {@linkcode aliasKey}. */
  readonly aliases: ReadonlyMap<string, Alias>;
}

/** Where mail for a recipient goes. */
export interface Expansion {
  /** All of the addresses, as they are given to an SMTP server, without repetitions. */
  readonly addresses: readonly string[];
  /** The local users among them, by name. */
  readonly users: readonly string[];
  /** Whether the mail is to be accepted and discarded; then there are no addresses. */
  readonly sink: boolean;
  /** What is wrong with the recipient, each a sentence; mail must not be sent then. */
  readonly problems: readonly string[];
}

const NOTHING: RecipientData = {
  hasUsers: false,
  users: new Map(),
  domains: [],
  aliases: new Map(),
};

/** How deep aliases can lead to aliases. */
const MAX_DEPTH = 50;

/**
 * Expands a recipient: an alias (that of the full address before that of the mailbox part) is
 * replaced by its recipients, and theirs in turn; a bare user gets the first
 * local domain, or `localhost`. An alias that leads back to itself means the user of that name.
 *
 * @param data undefined without a directory, which leaves any address as it is
 */
export function expandRecipient(data: RecipientData | undefined, recipient: string): Expansion {
  const walk = new Walk(data ?? NOTHING);
  walk.visit(recipient, []);
  return walk.result();
}

class Walk {
  readonly #data: RecipientData;
  readonly #addresses = new Map<string, string>();
  readonly #users: string[] = [];
  readonly #problems = new Set<string>();
  readonly #expanded = new Set<string>();
  #sink = false;

  constructor(data: RecipientData) {
    this.#data = data;
  }

  result(): Expansion {
    const addresses = [...this.#addresses.values()];
    return {
      addresses,
      users: this.#users,
      sink: this.#sink && addresses.length === 0,
      problems: [...this.#problems],
    };
  }

  /** @param path the keys of the aliases that led here */
  visit(recipient: string, path: readonly string[]): void {
    const { mailbox, domain } = splitAddress(recipient);
    if (mailbox === "" || domain === "" || /[\s\p{Cc}<>]/u.test(recipient)) {
      this.#problems.add(`"${recipient}" is neither a user nor an address`);
      return;
    }
    const local = this.#isLocal(domain);
    const key = this.#aliasOf(recipient, local ? mailbox : undefined, path);
    if (key === undefined) this.#deliver(recipient, { mailbox, domain, local }, path);
    else this.#expand(key, path);
  }

  #expand(key: string, path: readonly string[]): void {
    // Each alias once: more would only repeat addresses, and could do so without end.
    if (this.#expanded.has(key)) return;
    this.#expanded.add(key);
    if (path.length >= MAX_DEPTH) {
      this.#problems.add(`alias "${path[0]}" leads through more than ${MAX_DEPTH} aliases`);
      return;
    }
    for (const recipient of this.#data.aliases.get(key)!.recipients) {
      if (recipient === SINK) this.#sink = true;
      else this.visit(recipient, [...path, key]);
    }
  }

  /** The key of the most specific alias that is not being expanded already. */
  #aliasOf(
    recipient: string,
    mailbox: string | undefined,
    path: readonly string[],
  ): string | undefined {
    for (const name of [recipient, mailbox]) {
      const key = name === undefined ? undefined : aliasKey(name);
      if (key !== undefined && this.#data.aliases.has(key) && !path.includes(key)) return key;
    }
    return undefined;
  }

  #deliver(
    recipient: string,
    { mailbox, domain, local }: { mailbox: string; domain: string | undefined; local: boolean },
    path: readonly string[],
  ): void {
    const { hasUsers, users, domains } = this.#data;
    const user = users.has(recipient)
      ? recipient
      : local && users.has(mailbox)
      ? mailbox
      : undefined;
    const address = domain === undefined ? `${mailbox}@${domains[0] ?? "localhost"}` : recipient;
    if (user !== undefined) {
      if (this.#users.includes(user)) return;
      this.#users.push(user);
    } else if (local && hasUsers) {
      this.#problems.add(
        path.some((key) => key === aliasKey(recipient) || key === aliasKey(mailbox))
          ? `alias "${path[0]}" leads to itself: ${[...path, recipient].join(" → ")}`
          : `"${recipient}" is no local user and no alias`,
      );
      return;
    }
    const { mailbox: box, domain: host } = splitAddress(address);
    const key = `${box}@${host!.toLowerCase()}`;
    if (!this.#addresses.has(key)) this.#addresses.set(key, address);
  }

  #isLocal(domain: string | undefined): boolean {
    if (domain === undefined) return true;
    const { domains } = this.#data;
    const name = domain.toLowerCase();
    // Without domains a bare user is written with "localhost", so that means the same.
    return domains.length === 0 ? name === "localhost" : domains.includes(name);
  }
}

function splitAddress(address: string): { mailbox: string; domain: string | undefined } {
  const at = address.lastIndexOf("@");
  if (at < 0) return { mailbox: address, domain: undefined };
  return { mailbox: address.slice(0, at), domain: address.slice(at + 1) };
}
