/**
 * This program under measurement.
 *
 * @module
 */
import type { Certificates } from "./certificates.ts";
import type { Ports, ServerPlan } from "./server.ts";

const launcher = new URL("../../scripts/mailismus", import.meta.url).pathname;

/** Where everything lies. */
export interface Site {
  /** A folder of the server's own. */
  readonly folder: string;
  /** Holds a folder for each user. */
  readonly mail: string;
  /** Lines `user:password`. */
  readonly users: string;
  readonly certificates: Certificates;
  readonly ports: Ports;
  /** Worker threads, or long-lived processes of Dovecot's. */
  readonly workers: number;
}

/** Settings that only some scenarios change. */
export interface OurSettings {
  /** Whether passwords are plain text (then APOP is possible) or hashes. */
  readonly plainpass: boolean;
}

/** Plans a server with three listeners and no limits. */
export function ourServer(site: Site, settings: OurSettings): ServerPlan {
  return {
    name: "mailismus",
    ports: site.ports,
    async prepare() {
      await Deno.mkdir(site.folder, { recursive: true });
      const config = `${site.folder}/config.toml`;
      await Deno.writeTextFile(config, configText(site, settings));
      return {
        command: "sh",
        args: [launcher, "serve", "--config", config],
        logFile: `${site.folder}/log`,
      };
    },
  };
}

function configText({ mail, users, certificates, ports, workers }: Site, settings: OurSettings) {
  const ssl = `ssl = { cert = "${certificates.cert}", key = "${certificates.key}"`;
  return `
[directory]
users = "${users}"
plainpass = ${settings.plainpass}
[message_store]
userpath = "${mail}"
[pop3server]
workers = ${workers}
[pop3server.limits]
unauthenticated = 0
unauthenticated_per_address = 0
handshakes = 0
handshakes_per_address = 0
[[pop3server.listeners]]
name = "plain"
interface = "127.0.0.1"
port = ${ports.none}
[[pop3server.listeners]]
name = "tls"
interface = "127.0.0.1"
port = ${ports.tls}
configlink = "plain"
${ssl} }
[[pop3server.listeners]]
name = "stls"
interface = "127.0.0.1"
port = ${ports.stls}
configlink = "plain"
${ssl}, latent = true }
`;
}
