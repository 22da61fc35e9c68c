/**
 * What the retriever must know, as plain data that a worker can be sent: paths resolved, secrets
 * and PEM files read, aliases expanded. Times are in milliseconds, sizes in bytes.
 *
 * @module
 */
import type { ClientMechanism } from "../auth/types.ts";

/** The retriever as a whole. */
export interface RetrieverOptions {
  /** The folder of the journals; created if absent. */
  readonly stateDirectory: string;
  /** This host's name, for Received headers and file names. */
  readonly hostName: string;
  /** How long a server may say nothing. */
  readonly timeout: number;
  /** How long the first runs are put off. */
  readonly delayStart: number;
  /** How many sessions may run at once; at least 1. */
  readonly maxParallel: number;
  /** The accounts. */
  readonly clients: readonly ClientOptions[];
}

/** One account that mail is collected from. */
export interface ClientOptions {
  /** Unique among the clients. */
  readonly id: string;
  /** The recipient, as configured. */
  readonly recip: string;
  /** The time from the end of a run to the next; 0 = at once. */
  readonly freq: number;
  /** How many runs; 0 = without end. */
  readonly runs: number;
  /** Whether messages stay on the server. */
  readonly preserve: boolean;
  /** With `preserve`: whether a message is fetched only once. */
  readonly trackSeen: boolean;
  /** Whether CAPA is sent after connecting and after STLS. */
  readonly capa: boolean;
  /** Whether no Received header is added. */
  readonly omitReceivedHeader: boolean;
  /** The largest message to fetch. */
  readonly maxSize?: number;
  /** The remote server. */
  readonly server: ServerOptions;
  /** Where messages go. */
  readonly destination: DestinationOptions;
}

/** A remote server and the login there. */
export interface ServerOptions {
  /** The server's name or address. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** TLS from the first byte, by STLS, or not at all. */
  readonly tls: "implicit" | "stls" | "none";
  /** Present unless `tls` is `none`. */
  readonly tlsOptions?: TlsOptions;
  /** The user there. */
  readonly username?: string;
  /** The password there. */
  readonly password?: string;
  /** Tried in this order until one succeeds. */
  readonly authtypes: readonly ClientMechanism[];
  /** Whether SASL answers go with the AUTH command. */
  readonly initrsp: boolean;
  /** A file that holds an access token, read anew for every login. */
  readonly tokenFile?: string;
  /** How access tokens are fetched and refreshed. */
  readonly oauth2?: OAuthOptions;
}

/** How the server's certificate is judged, and our own. */
export interface TlsOptions {
  /** The name that the certificate must bear. */
  readonly serverName: string;
  /** PEM text of the authorities to trust; the system's if absent. */
  readonly ca?: string;
  /** PEM text of our certificate and its chain. */
  readonly cert?: string;
  /** PEM text of its key. */
  readonly key?: string;
  /** The passphrase of the key. */
  readonly passphrase?: string;
}

/** An OAuth 2.0 token endpoint (RFC 6749 section 6). */
export interface OAuthOptions {
  /** The endpoint's URL. */
  readonly tokenEndpoint: string;
  /** Identifies this program to the provider. */
  readonly clientId: string;
  /** The secret that belongs to it. */
  readonly clientSecret?: string;
  /** The refresh token, if it stands in the config. */
  readonly refreshToken?: string;
  /** Rewritten when the provider hands out a new one. */
  readonly refreshTokenFile?: string;
  /** The scope to ask for. */
  readonly scope?: string;
}

/** Where messages go. */
export type DestinationOptions = MaildirOptions | FilesOptions | SmtpOptions;

/** A mailbox of this machine. */
export interface MaildirOptions {
  /** Tells the destinations apart. */
  readonly kind: "maildir";
  /** The Maildir; created if absent. */
  readonly path: string;
  /** The folder of all users that it lies in: what they put in the Maildir's place is looked at. */
  readonly userPath?: string;
  /** The store's `filename_colon`. */
  readonly colon: string;
  /** The store's `filename_comma`. */
  readonly comma: string;
  /** Whether the store keeps messages in wire form (`dotstuffing = false`). */
  readonly wire: boolean;
}

/** A folder of files, one a message. */
export interface FilesOptions {
  /** Tells the destinations apart. */
  readonly kind: "files";
  /** `downloads_directory`, `%U%` still in it; created if absent. */
  readonly directory: string;
}

/** A mail server. */
export interface SmtpOptions {
  /** Tells the destinations apart. */
  readonly kind: "smtp";
  /** The envelope sender. */
  readonly sender: string;
  /** The addresses after alias expansion; none for the sink. */
  readonly recipients: readonly string[];
  /** The mail server's name or address. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** What it speaks. */
  readonly protocol: "smtp" | "lmtp";
  /** No TLS, STARTTLS, or TLS from the first byte. */
  readonly tls: "none" | "starttls" | "implicit";
  /** The user to log in as, if it wants a login. */
  readonly username?: string;
  /** The password that belongs to it. */
  readonly password?: string;
}
