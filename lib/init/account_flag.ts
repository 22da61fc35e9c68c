/**
 * The flag `--account`, which holds an account as `key=value,key=value`.
 *
 * @module
 */
import { nearest } from "../config/problems.ts";
import { EXIT_USAGE, UserError } from "../errors.ts";

/** The keys of `--account` and what they are for, as the help shows them. */
export const ACCOUNT_KEYS = {
  username: "the user there",
  provider: "the provider's short name (by default seen from the user name, else isp)",
  id: "a name for logs",
  host: "the POP3 server, where the provider is isp",
  port: "its port",
  tls: "implicit, stls or none",
  password: "a file whose first line is the password",
  "client-id": "OAuth: the identity of the registered application",
  "refresh-token": "OAuth: a file whose first line is the refresh token",
  token: "OAuth: a file that another program keeps an access token in",
  mailbox: "the local user who gets the messages",
  folder: "or: a folder that they are saved in, below that of the config unless it is absolute",
  smtp: "or: an address that they are sent to",
  "smtp-server": "the mail server that takes them (localhost:25)",
  sender: "the sender that it is told (pop3downloader@localhost)",
  keep: "yes to leave the messages on the server (no)",
  every: "the time between two runs (10m)",
} as const;

/** A key of `--account`. */
export type AccountKey = keyof typeof ACCOUNT_KEYS;

/** What `--account` says. */
export type AccountFlag = ReadonlyMap<AccountKey, string>;

/**
 * Reads `--account`.
 *
 * @throws {UserError} with status 2 if it is not made of known keys, each once, with values
 */
export function parseAccountFlag(text: string): AccountFlag {
  const values = new Map<AccountKey, string>();
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const key = (at < 0 ? part : part.slice(0, at)).trim();
    const value = at < 0 ? "" : part.slice(at + 1).trim();
    if (!Object.hasOwn(ACCOUNT_KEYS, key)) {
      const known = Object.keys(ACCOUNT_KEYS);
      const near = nearest(key, known);
      throw fault(
        `${JSON.stringify(key)} is unknown` +
          (near === undefined ? `; it takes ${known.join(", ")}` : `; did you mean "${near}"?`),
      );
    }
    if (value === "") throw fault(`"${key}" needs a value: ${key}=${key.toUpperCase()}`);
    if (values.has(key as AccountKey)) throw fault(`"${key}" is given twice`);
    values.set(key as AccountKey, value);
  }
  return values;
}

function fault(message: string): UserError {
  return new UserError(`--account: ${message}`, EXIT_USAGE);
}
