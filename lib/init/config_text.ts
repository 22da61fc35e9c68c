/**
 * The config that a plan comes to, as commented TOML. No secret stands in it.
 *
 * @module
 */
import { tomlComment, tomlString } from "../config/toml_text.ts";
import type { AccountPlan, Destination, Plan, ServerPlan } from "./plan.ts";

/** The file, in `%DIRCONF%`, that holds an account's secret; undefined if there is none to keep. */
export function secretFileOf({ id, secret }: AccountPlan): string | undefined {
  if (secret.kind === "password") return `${id}.password`;
  return secret.kind === "oauth" && secret.refreshToken !== undefined ? refreshFile(id) : undefined;
}

/** In a folder of its own, since the retriever may write there. */
function refreshFile(id: string): string {
  return `tokens/${id}.refresh`;
}

/** The config of a plan. */
export function configText(plan: Plan): string {
  const { server, users, accounts } = plan;
  return head() + (users.length === 0 ? "" : store()) + (server ? listener(server) : "") +
    (accounts.length === 0 ? "" : retriever(accounts));
}

const pair = (key: string, value: string): string => `${key} = ${tomlString(value)}\n`;

function head(): string {
  return tomlComment(
    'Made by "mailismus init". "mailismus check" shows every setting in effect, defaults included, and ' +
      "docs/settings.md describes them all.",
  ) + "\n" +
    tomlComment(
      "The folders that tokens in paths stand for. By default all are below this file's folder.",
    ) +
    '#\n# [paths]\n# config = "/etc/mailismus"         # %DIRCONF%\n' +
    '# var = "/var/lib/mailismus"        # %DIRVAR%: mail, caches, journals\n' +
    '# logs = "/var/log/mailismus"       # %DIRLOG%\n\n' +
    tomlComment("Without a file the log goes to standard error.") +
    '#\n# [log]\n# file = "%DIRLOG%/mailismus-%DT%.log"\n# rot = "WEEKLY"\n';
}

function store(): string {
  return "\n[directory]\n" +
    tomlComment('A user a line; "mailismus user add NAME" adds one or sets a password.') +
    pair("users", "%DIRCONF%/users") +
    "\n[message_store]\n" +
    tomlComment(
      "The Maildir of a user is NAME/Maildir in this folder. An MTA may deliver into it, too.",
    ) +
    pair("userpath", "%DIRVAR%/ms");
}

function listener({ interface: address, port, tls }: ServerPlan): string {
  let text = "\n[[pop3server.listeners]]\n" + pair("name", tls ? "POP3S" : "POP3");
  text += address === undefined
    ? tomlComment("On all addresses of this machine.")
    : pair("interface", address);
  text += `port = ${port}\n`;
  if (tls) {
    text += "\n" +
      tomlComment("TLS from the first byte. A renewed certificate is taken up without a restart.") +
      "[pop3server.listeners.ssl]\n" + pair("cert", tls.cert) + pair("key", tls.key);
  } else {
    text += "\n" +
      tomlComment("TLS, which clients from elsewhere need; the port is then usually 995.") +
      '# [pop3server.listeners.ssl]\n# cert = "/etc/letsencrypt/live/mail.example.org/fullchain.pem"\n' +
      '# key = "/etc/letsencrypt/live/mail.example.org/privkey.pem"\n';
  }
  return text;
}

function retriever(accounts: readonly AccountPlan[]): string {
  return "\n[pop3download]\n" + tomlComment("A line for each message that was fetched.") +
    'audit = { file = "%DIRLOG%/pop3download-%DT%.log", rot = "MONTHLY" }\n' +
    accounts.map(client).join("");
}

function client(account: AccountPlan): string {
  const { id, provider, username, secret, destination, keep, every } = account;
  let text = "\n" + tomlComment(`${username} at ${provider.name}.`) +
    provider.before.map((step) => tomlComment(`- ${step}`)).join("") +
    "[[pop3download.clients]]\n" + pair("id", id);
  if (secret.kind === "oauth" && secret.refreshToken === undefined) {
    text += tomlComment("Off until there is a refresh token: see refresh_token_file below.") +
      "enabled = false\n";
  }
  text += recipient(destination) + pair("freq", every);
  text += keep
    ? tomlComment("The messages stay there, and each is fetched once.") +
      "preserve = true\ntrack_seen = true\n"
    : tomlComment(
      "Messages are deleted there once they are safely here; preserve = true keeps them.",
    ) +
      "preserve = false\n";
  return text + serverSection(account) + sslSection(account) + smtpSection(destination);
}

function recipient(destination: Destination): string {
  if (destination.kind === "mailbox") return pair("recip", destination.user);
  if (destination.kind === "smtp") return pair("recip", destination.recipient);
  return tomlComment("Stands for %U% in the folder's path, and has no other meaning here.") +
    pair("recip", "files") + pair("downloads_directory", destination.path);
}

function serverSection(account: AccountPlan): string {
  const { host, port, username, secret } = account;
  const shown = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const text = "\n[pop3download.clients.server]\n" + pair("address", shown) +
    pair("username", username);
  const file = `%DIRCONF%/${secretFileOf(account) ?? refreshFile(account.id)}`;
  if (secret.kind === "password") return text + pair("password_file", file);
  const byToken = text + 'authtypes = ["SASL_XOAUTH2"]\n';
  if (secret.kind === "token file") {
    return byToken + tomlComment("Kept fresh by another program.") +
      pair("token_file", secret.path);
  }
  const { tokenEndpoint, scope } = account.provider.oauth!;
  return byToken + "\n[pop3download.clients.server.oauth2]\n" +
    pair("token_endpoint", tokenEndpoint) + pair("client_id", secret.clientId) +
    tomlComment("Written anew whenever the provider hands out another token.") +
    pair("refresh_token_file", file) + pair("scope", scope);
}

function sslSection({ tls }: AccountPlan): string {
  if (tls === "none") return "";
  return "\n" +
    (tls === "implicit"
      ? tomlComment("TLS from the first byte.") + "[pop3download.clients.ssl]\n"
      : tomlComment("TLS after the greeting (STLS); without it nobody logs in.") +
        "[pop3download.clients.ssl]\nlatent = true\n");
}

function smtpSection(destination: Destination): string {
  if (destination.kind !== "smtp") return "";
  return "\n[pop3download.clients.smtp]\n" + pair("sender", destination.sender) +
    pair("server", destination.server) +
    tomlComment('If that server wants them: tls = "starttls" or "implicit", username, password.');
}
