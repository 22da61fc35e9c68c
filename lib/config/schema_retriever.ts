/**
 * The settings of the POP3 retriever.
 *
 * @module
 */
import { CLIENT_MECHANISMS, SERVER_MECHANISMS } from "../auth/types.ts";
import { existingFile, recipientFolder } from "./paths.ts";
import { logFile } from "./schema_common.ts";
import { list, mandatory, optional, optionalSection, section, setting } from "./schema_kit.ts";
import {
  address,
  boolean,
  choice,
  duration,
  integer,
  mechanisms,
  secureUrl,
  size,
  text,
} from "./value_types.ts";

const nonEmpty = text({ pattern: /\S/, allowed: "a text of one line that is not empty" });
const noSpace = text({
  pattern: /^[^\s<>]+$/,
  allowed: 'a user or an address without spaces, such as "anna" or "anna@example.org"',
});

const oauth2 = optionalSection(
  "Access tokens fetched and refreshed by the program, for SASL_XOAUTH2 and SASL_OAUTHBEARER.",
  {
    token_endpoint: mandatory(secureUrl, {
      meaning: "Where the provider hands out tokens.",
      example: '"https://oauth2.example.org/token"',
    }),
    client_id: mandatory(nonEmpty, {
      meaning: "The identity under which this program is registered with the provider.",
      example: '"0a1b2c3d"',
    }),
    client_secret: optional(nonEmpty, {
      meaning: "The secret that belongs to it, if the provider gave one.",
      example: '"secret"',
      secret: true,
    }),
    refresh_token: optional(nonEmpty, {
      meaning: "The long-lived token from which access tokens are made.",
      example: '"secret"',
      secret: true,
    }),
    refresh_token_file: optional(existingFile, {
      meaning:
        "A file that holds it instead; exactly one of the two is needed. The retriever may write in its folder, which should hold nothing else.",
      example: '"%DIRCONF%/tokens/work.refresh"',
      private: true,
    }),
    scope: optional(nonEmpty, {
      meaning: "The scope to ask for, if the provider wants one named.",
      example: '"https://outlook.office.com/POP.AccessAsUser.All offline_access"',
    }),
  },
);

/** `server` of a client */
export const clientServerFields = {
  address: mandatory(address, {
    meaning:
      "The remote server: `host`, `host:port` or `[v6]:port`. The port defaults to 995 with TLS from the start, else to 110.",
    example: '"pop.example.org:995"',
    manual: "4.9.2",
  }),
  username: optional(nonEmpty, {
    meaning: "The user there; needed unless SASL_EXTERNAL is the only method.",
    example: '"anna@example.org"',
    manual: "4.9.2",
  }),
  password: optional(nonEmpty, {
    meaning: "The password there. One of the next two keeps it out of this file.",
    example: '"secret"',
    manual: "4.9.2",
    secret: true,
  }),
  password_file: optional(existingFile, {
    meaning: "A file whose first line is the password.",
    example: '"%DIRCONF%/anna.password"',
    private: true,
  }),
  password_env: optional(
    text({ pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, allowed: "the name of an environment variable" }),
    { meaning: "The environment variable that holds the password.", example: '"ANNA_PASSWORD"' },
  ),
  authtypes: setting(mechanisms(CLIENT_MECHANISMS, SERVER_MECHANISMS), "USERPASS | SASL_PLAIN", {
    meaning:
      "The login methods, tried in this order until one succeeds: those of the server's `authtypes`, and `SASL_XOAUTH2` and `SASL_OAUTHBEARER`. `all` means those of the server.",
    example: '["SASL_XOAUTH2"]',
    manual: "4.9.2",
  }),
  initrsp: setting(boolean, false, {
    meaning: "Sends the first answer of a SASL login on the line of the AUTH command.",
    example: "true",
    manual: "4.9.2",
  }),
  token_file: optional(existingFile, {
    meaning:
      "A file whose first line is an access token, kept fresh by another program; for the two OAuth methods.",
    example: '"/run/tokens/work"',
    private: true,
  }),
  oauth2,
};

/** `ssl` of a client */
export const clientSslFields = {
  latent: setting(boolean, false, {
    meaning:
      "`false`: TLS from the first byte. `true`: STLS after the greeting; a server that refuses it ends the session.",
    example: "true",
    manual: "4.9.4",
  }),
  mandatory: setting(boolean, false, {
    meaning: "Ignored: the retriever never logs in unencrypted where this section stands.",
    example: "true",
    manual: "4.9.4",
  }),
  cert: optional(existingFile, {
    meaning: "A client certificate, PEM; needed for SASL_EXTERNAL.",
    example: '"%DIRCONF%/tls/anna.pem"',
    manual: "NAF 8",
  }),
  key: optional(existingFile, {
    meaning: "Its private key, PEM.",
    example: '"%DIRCONF%/tls/anna.key"',
    manual: "NAF 8",
    private: true,
  }),
  certpass: optional(text(), {
    meaning: "The password of an encrypted key.",
    example: '"secret"',
    manual: "NAF 8",
    secret: true,
  }),
  tspath: optional(existingFile, {
    meaning:
      "The authorities that the server's certificate may come from, PEM; without it those that the runtime trusts.",
    example: '"%DIRCONF%/tls/ca.pem"',
    manual: "NAF 8",
  }),
  peercert: optional(nonEmpty, {
    meaning: "The name that the server's certificate must have; by default the server's host name.",
    example: '"pop.example.org"',
    manual: "NAF 8",
  }),
};

const smtp = optionalSection(
  "Hands the messages to a mail server instead of storing them; `recip` is then an address, which the directory's aliases may expand.",
  {
    sender: mandatory(noSpace, {
      meaning: "The envelope's sender.",
      example: '"pop3downloader@localhost"',
      manual: "4.9.3",
    }),
    server: setting(address, "localhost:25", {
      meaning: "The mail server; without a port 25, or 465 where `tls` is `implicit`.",
      example: '"mail.example.org:24"',
    }),
    protocol: setting(choice(["smtp", "lmtp"]), "smtp", {
      meaning: "The protocol that it speaks.",
      example: '"lmtp"',
    }),
    tls: setting(choice(["none", "starttls", "implicit"]), "none", {
      meaning: "How the connection is encrypted: not at all, by STARTTLS, or from the first byte.",
      example: '"starttls"',
    }),
    username: optional(nonEmpty, {
      meaning: "The user to log in as, if the mail server wants a login.",
      example: '"relay"',
    }),
    password: optional(nonEmpty, {
      meaning: "The password that belongs to it.",
      example: '"secret"',
      secret: true,
    }),
  },
);

/** `[[pop3download.clients]]` */
export const clientFields = {
  id: mandatory(nonEmpty, {
    meaning: "A name for logs and for `retrieve --client`; each client has its own.",
    example: '"anna-work"',
    manual: "4.9.2",
  }),
  recip: mandatory(nonEmpty, {
    meaning:
      "Who gets the messages: a user of the users file; with `smtp` an address. With `downloads_directory` it only replaces `%U%`.",
    example: '"anna"',
    manual: "4.9.2",
  }),
  freq: setting(duration({ zero: true }), "5m", {
    meaning: "The time from the end of a run to the next one. `0`: once, or `runs` times on end.",
    example: '"1h"',
    manual: "4.9.2",
  }),
  runs: setting(integer(0, 1_000_000_000), {
    rule: "0, or 1 where `freq` is 0",
    value: (around) => around.get("freq") === 0 ? 1 : 0,
  }, {
    meaning: "The client ends after this many runs; `0` sets no limit.",
    example: "1",
    manual: "4.9.2",
  }),
  preserve: setting(boolean, false, {
    meaning:
      "Leaves the messages on the remote server. Without `track_seen` each run downloads all of them again.",
    example: "true",
    manual: "4.9.2",
  }),
  track_seen: setting(boolean, false, {
    meaning: "With `preserve`: downloads each message only once.",
    example: "true",
  }),
  capa: setting(boolean, false, {
    meaning: "Asks the server for its capabilities, for the transcript's readers.",
    example: "true",
    manual: "4.9.2",
  }),
  omitreceivedheader: setting(boolean, false, {
    meaning: "Adds no `Received` header to the messages.",
    example: "true",
    manual: "4.9.2",
  }),
  max_size: optional(size(1), {
    meaning: "Larger messages stay on the server and are reported.",
    example: '"50M"',
  }),
  downloads_directory: optional(recipientFolder, {
    meaning:
      "Saves each message as a file in this folder, instead of in a mailbox; `%U%` stands for `recip`.",
    example: '"%DIRVAR%/downloads/%U%"',
    manual: "4.9.2",
  }),
  server: section("The remote server and the login there.", clientServerFields),
  ssl: optionalSection("TLS. Without this section the session is plain.", clientSslFields),
  smtp,
};

const clients = list({
  item: "client",
  id: "id",
  atLeast: 0,
  meaning: "The remote mailboxes to fetch from.",
}, clientFields);

/** `[pop3download]` */
const pop3download = optionalSection(
  "The retriever: fetches mail from remote POP3 mailboxes. To deliver into local mailboxes it needs `[directory]` with a users file, and `[message_store]`.",
  {
    audit: logFile(
      "A line for each message: when, from where, to where, its id, size and sender. A path, or a table with the settings of [log files](#log-files).",
      "4.9.1",
    ),
    transcript: logFile(
      "A record of the dialogue with each server, without passwords and message bodies. A path, or a table with the settings of [log files](#log-files).",
      "4.9.1",
    ),
    timeout: setting(duration({ zero: false }), "4m", {
      meaning: "A server that sends nothing for this long is given up.",
      example: '"1m"',
      manual: "4.9.1",
    }),
    delay_start: setting(duration({ zero: true }), "1m", {
      meaning: "The wait before the first runs, once the program has started.",
      example: "0",
      manual: "4.9.1",
    }),
    max_parallel: setting(integer(1, 1000), 4, {
      meaning:
        "How many clients may run at the same time. A run that lasts more than 10 minutes does not count, and of those as many again may go on.",
      example: "1",
    }),
    clients,
  },
);

/** This section, by name. */
export const retrieverSections = { pop3download };
