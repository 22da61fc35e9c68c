/**
 * What `init` is to set up, all questions being answered.
 *
 * @module
 */
import type { Provider, TlsMode } from "./providers.ts";

/** How a listener is reached. */
export interface ServerPlan {
  /** The address to listen on; absent for all. */
  readonly interface?: string;
  /** The port. */
  readonly port: number;
  /** The certificate and key, absolute paths, if connections are encrypted. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A local user. */
export interface UserPlan {
  /** The name. */
  readonly name: string;
  /** The password itself; absent for one who gets mail but cannot log in. */
  readonly password?: string;
}

/** What proves to a provider who one is. */
export type Secret =
  | { readonly kind: "password"; readonly value: string }
  /** `refreshToken` is absent where it is still to be had: the account is then set up but off. */
  | { readonly kind: "oauth"; readonly clientId: string; readonly refreshToken?: string }
  /** A file, an absolute path, that another program keeps a token in. */
  | { readonly kind: "token file"; readonly path: string };

/** Where fetched messages go. */
export type Destination =
  | { readonly kind: "mailbox"; readonly user: string }
  | { readonly kind: "folder"; readonly path: string }
  | {
    readonly kind: "smtp";
    readonly recipient: string;
    readonly sender: string;
    readonly server: string;
  };

/** An account to collect from. */
export interface AccountPlan {
  /** The client's id. */
  readonly id: string;
  /** Whose account it is at. */
  readonly provider: Provider;
  /** The user there. */
  readonly username: string;
  /** The POP3 server. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** How the connection is encrypted. */
  readonly tls: TlsMode;
  /** What to log in with. */
  readonly secret: Secret;
  /** Where the messages go. */
  readonly destination: Destination;
  /** Whether the messages stay on the server. */
  readonly keep: boolean;
  /** The time between two runs, as the config writes it. */
  readonly every: string;
}

/** All of it. */
export interface Plan {
  /** The server, if mailboxes are served. */
  readonly server?: ServerPlan;
  /** The local users. */
  readonly users: readonly UserPlan[];
  /** The accounts to collect from. */
  readonly accounts: readonly AccountPlan[];
}
