/**
 * What a retriever client's settings must be to each other.
 *
 * @module
 */
import type { ClientMechanism } from "../auth/types.ts";
import type { DirectoryData } from "../directory/directory.ts";
import { expandRecipient } from "../directory/recipients.ts";
import { checkPems } from "./checks_tls.ts";
import { duplicates, isLoopback } from "./identity.ts";
import { nearest } from "./problems.ts";
import { findPassword } from "./passwords.ts";
import type { Secrets } from "./resolve.ts";
import type { Schema } from "./schema.ts";
import type { clientFields, clientServerFields } from "./schema_retriever.ts";
import type { Table } from "./table.ts";

type ClientTable = Table<typeof clientFields>;
type ServerTable = Table<typeof clientServerFields>;

const OAUTH: readonly ClientMechanism[] = ["SASL_XOAUTH2", "SASL_OAUTHBEARER"];
const CLEAR: readonly ClientMechanism[] = ["USERPASS", "SASL_PLAIN", ...OAUTH];

/**
 * Checks the clients of `[pop3download]`.
 *
 * @param directory what the directory's files say, if they can be relied on
 * @param env looks up an environment variable
 * @returns the passwords that stand outside the file
 */
export function checkClients(
  root: Table<Schema>,
  directory: DirectoryData | undefined,
  env: (name: string) => string | undefined,
): Secrets {
  const all = root.get("pop3download")?.get("clients") ?? [];
  duplicates(
    all,
    "id",
    (client, first) =>
      client.wrong("id", `is also the id of ${first.path}; each client needs its own`),
  );
  const secrets = new Map<string, string>();
  for (const client of all) {
    checkDestination(client, root, directory);
    checkLogin(client);
    checkTls(client);
    checkSmtp(client);
    warnOfCopies(client);
    const password = findPassword(client.get("server"), env);
    const id = client.get("id");
    if (password !== undefined && id !== undefined) secrets.set(id, password);
  }
  return secrets;
}

function checkDestination(
  client: ClientTable,
  root: Table<Schema>,
  directory: DirectoryData | undefined,
): void {
  if (client.given("smtp")) {
    if (client.given("downloads_directory")) {
      client.problem("smtp", "stands beside downloads_directory; a client takes one of the two");
    }
    checkAddress(client, directory);
  } else if (client.given("downloads_directory")) {
    if (client.get("downloads_directory")?.includes("%U%")) checkFolderName(client);
  } else {
    checkMailbox(client, root, directory);
  }
}

/** With `smtp`, what the aliases make of the recipient must be addresses. */
function checkAddress(client: ClientTable, directory: DirectoryData | undefined): void {
  const recip = client.get("recip");
  if (recip === undefined) return;
  if (!/^[^\s<>]+$/.test(recip)) {
    client.wrong("recip", 'is no address; with smtp it takes one, such as "anna@example.org"');
    return;
  }
  for (const fault of expandRecipient(directory, recip).problems) {
    client.wrong("recip", `cannot be delivered to: ${fault}`);
  }
}

/** Without another destination, the recipient must have a mailbox here. */
function checkMailbox(
  client: ClientTable,
  root: Table<Schema>,
  directory: DirectoryData | undefined,
): void {
  const recip = client.get("recip");
  const missing = (["directory", "message_store"] as const).filter((key) => !root.given(key));
  if (missing.length > 0) {
    client.problem(
      "recip",
      `is to be a local user, which needs ${missing.map((key) => `[${key}]`).join(" and ")}; ` +
        "or set downloads_directory or smtp",
    );
  } else if (root.get("directory")?.given("users") === false) {
    client.problem("recip", "is to be a local user, which needs directory.users");
  }
  if (recip === undefined || !checkFolderName(client) || !directory?.hasUsers) return;
  if (directory.users.has(recip)) return;
  const near = nearest(recip, [...directory.users.keys()]);
  client.wrong(
    "recip",
    `is no local user (${root.get("directory")?.get("users")})` +
      (near === undefined ? "" : `. Did you mean "${near}"?`),
  );
}

/** A recipient that becomes part of a path must not lead out of the folder. */
function checkFolderName(client: ClientTable): boolean {
  const recip = client.get("recip");
  if (recip === undefined || !(/[/\\]/.test(recip) || recip === "." || recip === "..")) return true;
  client.wrong("recip", 'names a folder here: it takes no "/" or "\\", and is not "." or ".."');
  return false;
}

function checkLogin(client: ClientTable): void {
  const server = client.get("server");
  const methods = server?.get("authtypes");
  if (!server || !methods) return;
  if (methods.length === 0) {
    server.wrong("authtypes", "names no login method; a client needs one");
    return;
  }
  const certificate = client.get("ssl")?.given("cert") === true;
  if (methods.includes("SASL_EXTERNAL") && !certificate) {
    const needs = "SASL_EXTERNAL needs ssl.cert and ssl.key";
    if (methods.length === 1) server.problem("authtypes", `cannot work: ${needs}`);
    else server.warn("authtypes", `${needs}; it will not be tried`);
  }
  const named = methods.filter((name) => name !== "SASL_EXTERNAL");
  if (named.length === 0) return;
  if (!server.given("username")) {
    server.problem("username", `missing; ${named.join(", ")} need it`);
  }
  const byPassword = named.filter((name) => !OAUTH.includes(name));
  const password = ["password", "password_file", "password_env"] as const;
  if (byPassword.length > 0 && !password.some((key) => server.given(key))) {
    server.problem(
      "password",
      `missing; ${byPassword.join(", ")} need it, or password_file or password_env`,
    );
  }
  checkTokens(server, named.filter((name) => OAUTH.includes(name)));
}

function checkTokens(server: ServerTable, methods: readonly ClientMechanism[]): void {
  const given = (["token_file", "oauth2"] as const).filter((key) => server.given(key));
  if (methods.length > 0 && given.length === 0) {
    server.problem("authtypes", `names ${methods.join(", ")}, which needs token_file or oauth2`);
  } else if (given.length === 2) {
    server.problem("token_file", "stands beside oauth2; a client takes one of the two");
  } else if (methods.length === 0 && given.length > 0) {
    server.warn(
      given[0]!,
      "is not used: authtypes names neither SASL_XOAUTH2 nor SASL_OAUTHBEARER",
    );
  }
  const oauth2 = server.get("oauth2");
  if (!oauth2) return;
  const tokens = (["refresh_token", "refresh_token_file"] as const).filter((key) =>
    oauth2.given(key)
  );
  if (tokens.length === 0) {
    oauth2.problem("refresh_token", "missing; it takes this or refresh_token_file");
  } else if (tokens.length === 2) {
    oauth2.problem("refresh_token", "stands beside refresh_token_file; it takes one of the two");
  }
}

function checkTls(client: ClientTable): void {
  const ssl = client.get("ssl");
  if (ssl) {
    checkPems(ssl);
    if (ssl.given("cert") && !ssl.given("key")) {
      ssl.problem("key", "missing; cert needs its private key");
    }
    if (ssl.given("key") && !ssl.given("cert")) {
      ssl.problem("cert", "missing; key needs the certificate that it belongs to");
    }
    return;
  }
  const server = client.get("server");
  const host = server?.get("address")?.host;
  const open = server?.get("authtypes")?.some((name) => CLEAR.includes(name));
  if (!client.given("ssl") && host !== undefined && open && !isLoopback(host)) {
    client.warn("ssl", `missing: the password goes unencrypted to ${host}`);
  }
}

function checkSmtp(client: ClientTable): void {
  const smtp = client.get("smtp");
  if (!smtp) return;
  if (smtp.given("username") && !smtp.given("password")) {
    smtp.problem("password", "missing; username needs it");
  }
  if (smtp.given("password") && !smtp.given("username")) {
    smtp.problem("username", "missing; password needs it");
  }
}

function warnOfCopies(client: ClientTable): void {
  if (client.get("preserve") !== true || client.get("track_seen") !== false) return;
  if (client.get("runs") !== 1) {
    client.warn("preserve", "downloads every message again at each run; set track_seen = true");
  }
}
