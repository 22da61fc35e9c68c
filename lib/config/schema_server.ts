/**
 * The settings of the POP3 server.
 *
 * @module
 */
import { SERVER_MECHANISMS, type ServerMechanism } from "../auth/types.ts";
import { existingFile } from "./paths.ts";
import { logFile } from "./schema_common.ts";
import {
  list,
  mandatory,
  optional,
  optionalSection,
  section,
  setting,
  type Surroundings,
} from "./schema_kit.ts";
import {
  boolean,
  duration,
  host,
  integer,
  mechanisms,
  oneNumber,
  size,
  text,
} from "./value_types.ts";

const ALL = SERVER_MECHANISMS;

/** `ssl` of a listener */
export const listenerSslFields = {
  cert: mandatory(existingFile, {
    meaning:
      "The certificate and the chain above it, PEM. A renewed one is taken up while running.",
    example: '"%DIRCONF%/tls/fullchain.pem"',
    manual: "NAF 8",
  }),
  key: mandatory(existingFile, {
    meaning: "The certificate's private key, PEM.",
    example: '"%DIRCONF%/tls/key.pem"',
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
      "The authorities whose client certificates are accepted, PEM. Without it nobody can log in by certificate.",
    example: '"%DIRCONF%/tls/client-ca.pem"',
    manual: "NAF 8",
  }),
  clientauth: setting(oneNumber([0, 1, 2]), 1, {
    meaning:
      "Client certificates: `0` is not to ask for one, `1` to accept one, `2` to require one (which needs `tspath`).",
    example: "2",
    manual: "NAF 8",
  }),
  peercert: optional(text({ pattern: /\S/, allowed: "a name" }), {
    meaning: "The Common Name that a client's certificate must have.",
    example: '"mail-gateway"',
    manual: "NAF 8",
  }),
  latent: setting(boolean, false, {
    meaning:
      "`false`: TLS from the first byte (port 995). `true`: the connection starts plain and the client may ask for TLS by STLS.",
    example: "true",
    manual: "4.8.2",
  }),
  mandatory: setting(boolean, false, {
    meaning: "With `latent`: nobody logs in before STLS, whatever `authtypes_ssl` says.",
    example: "true",
    manual: "4.8.2",
  }),
};

/** `server` of a listener */
const listenerServer = section("How the sessions of the listener are served.", {
  transcript: logFile(
    "A record of the dialogue with each client, without passwords and message bodies; of a LIST or UIDL the first 100 lines. A path, or a table with the settings of [log files](#log-files).",
    "4.8.3",
  ),
  greet: setting(text({ max: 400 }), "Mailismus POP3 Ready", {
    meaning: "The greeting to a new connection; `%H%` stands for the host's name.",
    example: '"%H% POP3 Ready"',
    manual: "4.8.3",
  }),
  authtypes: setting(mechanisms(ALL, ALL), "all", {
    meaning:
      "The login methods: `USERPASS` (USER and PASS), `APOP`, `SASL_PLAIN`, `SASL_CRAM_MD5`, `SASL_EXTERNAL` (by client certificate).",
    example: '"USERPASS | SASL_PLAIN"',
    manual: "4.8.3",
  }),
  authtypes_ssl: setting(mechanisms(ALL, ALL), {
    rule:
      "without `ssl`: SASL_EXTERNAL; TLS from the start, or `mandatory`: as `authtypes`; `latent`: SASL_PLAIN and SASL_EXTERNAL",
    value: tlsOnlyMethods,
  }, {
    meaning:
      "Those of the login methods that are allowed only once the connection is encrypted. Others than those in `authtypes` are left out.",
    example: '"all"',
    manual: "4.8.3",
  }),
  timeout: setting(duration({ zero: false }), "2m", {
    meaning: "A session that is idle this long is closed.",
    example: '"10m"',
    manual: "4.8.3",
  }),
  expire: setting(integer(-1, 1_000_000), -1, {
    meaning:
      "The retention in days that clients are told: `-1` is never. `0` deletes at the end of a session what it retrieved; other values delete nothing.",
    example: "30",
    manual: "4.8.3",
  }),
});

/** The manual's three rules, and `mandatory` added to them. */
function tlsOnlyMethods(around: Surroundings): unknown {
  const authtypes = around.get("authtypes") as ServerMechanism[] | undefined;
  const ssl = around.parent?.get("ssl") as Surroundings | undefined;
  if (!ssl) return ["SASL_EXTERNAL"];
  if (ssl.get("latent") === true && ssl.get("mandatory") !== true) {
    return ["SASL_PLAIN", "SASL_EXTERNAL"];
  }
  return authtypes?.length === 0 ? "-" : authtypes;
}

/** `[[pop3server.listeners]]` */
export const listenerFields = {
  name: setting(text({ pattern: /\S/, max: 100, allowed: "a name" }), {
    rule: "POP3- and the listener's place in the file: POP3-1, POP3-2, …",
    value: ({ path }) => `POP3-${Number(/\d+/.exec(path.slice(path.lastIndexOf("[")))) + 1}`,
  }, {
    meaning: "A name for logs and for `configlink`; each listener has its own.",
    example: '"POP3"',
    manual: "NAF 7",
  }),
  port: setting(integer(0, 65535), {
    rule: "995 with TLS from the start, else 110",
    value: (around) => {
      const ssl = around.get("ssl") as Surroundings | undefined;
      return ssl && ssl.get("latent") !== true ? 995 : 110;
    },
  }, {
    meaning: "The TCP port. `0` takes any free one and says at the start which.",
    example: "2110",
    manual: "4.8.2",
  }),
  interface: optional(host, {
    meaning: "The address or host name to listen on; without it all, IPv4 and IPv6.",
    example: '"127.0.0.1"',
    manual: "NAF 7",
  }),
  maxservers: setting(integer(0, 1_000_000), 0, {
    meaning:
      "How many connections may be open at once; further ones are refused. `0` sets no limit.",
    example: "500",
    manual: "NAF 7",
  }),
  backlog: setting(integer(1, 65535), 5000, {
    meaning: "How many connections the system holds until they are accepted.",
    example: "512",
    manual: "NAF 7",
  }),
  configlink: optional(text({ pattern: /\S/, allowed: "a name" }), {
    meaning: "The name of another listener whose `server` section holds for this one too.",
    example: '"POP3"',
    manual: "NAF 7",
  }),
  ssl: optionalSection("TLS. Without this section the listener is plain.", listenerSslFields),
  server: listenerServer,
};

const listeners = list({
  item: "listener",
  id: "name",
  atLeast: 1,
  meaning: "The addresses where the server is reached, at least one.",
}, listenerFields);

const limits = section(
  "What one client, or all together, may take from the server. All workers count together, and the /64 of an IPv6 address counts as one address.",
  {
    login_time: setting(duration({ zero: false }), "1m", {
      meaning: "A connection that has not logged in after this time is closed.",
      example: '"30s"',
    }),
    login_commands: setting(integer(0, 1_000_000), 100, {
      meaning:
        "A connection is closed after this many commands without a login; answers in a login count as commands. `0` sets no limit.",
      example: "30",
    }),
    login_input: setting(size(0, 1024 * 1024 * 1024), "64K", {
      meaning:
        "A connection is closed after this many bytes without a login, those of a TLS handshake not counted. `0` sets no limit.",
      example: '"16K"',
    }),
    line: setting(size(512, 1024 * 1024), "8K", {
      meaning: "The longest line that a client may send.",
      example: '"2K"',
    }),
    bad_commands: setting(integer(1, 10_000), 10, {
      meaning: "A connection is closed after this many bad commands in a row.",
      example: "3",
    }),
    unauthenticated: setting(integer(0, 1_000_000), 1000, {
      meaning:
        "How many connections may be open that have not logged in. `0` sets no limit. Where it is 100 or more, the last quarter is for addresses that hold at most 4 of them.",
      example: "200",
    }),
    unauthenticated_per_address: setting(integer(0, 1_000_000), 100, {
      meaning: "How many of them may come from one address. `0` sets no limit.",
      example: "10",
    }),
    connections_per_address: setting(integer(0, 1_000_000), 0, {
      meaning: "How many connections in all may come from one address. `0` sets no limit.",
      example: "50",
    }),
    handshake_time: setting(duration({ zero: false }), "20s", {
      meaning:
        "A TLS handshake must be complete after this time, and after `login_time` if that is shorter.",
      example: '"5s"',
    }),
    handshakes: setting(integer(0, 1_000_000), 500, {
      meaning: "How many TLS handshakes may be under way at once. `0` sets no limit.",
      example: "100",
    }),
    handshakes_per_address: setting(integer(0, 1_000_000), 100, {
      meaning: "How many of them with one address. `0` sets no limit.",
      example: "10",
    }),
    auth_delay: setting(duration({ zero: true }), "1s", {
      meaning:
        "How long the next attempt to log in from that address, or as that user, waits after a failed one; it doubles with each further failure, and the attempts of one address take turns. One failure is forgotten every `auth_delay_max`. `0` never waits.",
      example: '"2s"',
    }),
    auth_delay_max: setting(duration({ zero: true }), "30s", {
      meaning: "The longest such wait; at least `auth_delay`.",
      example: '"1m"',
    }),
  },
);

/** `[pop3server]` */
const pop3server = optionalSection(
  "The POP3 server. It needs `[directory]` with a users file, and `[message_store]`.",
  {
    workers: setting(integer(1, 256), {
      rule: "the number of cores; 1 where the system cannot share a port between threads",
      value: (_around, context) => context.workers,
    }, {
      meaning: "How many threads serve connections.",
      example: "4",
    }),
    grace: setting(duration({ zero: true }), "5s", {
      meaning: "How long running sessions may go on once the program was told to stop.",
      example: '"30s"',
    }),
    limits,
    listeners,
  },
);

/** This section, by name. */
export const serverSections = { pop3server };
