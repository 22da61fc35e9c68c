/**
 * Dovecot under measurement: a private instance on the loopback, as its makers advise for speed or
 * as it comes.
 *
 * @module
 */
import { MAIL_OWNER } from "./mail.ts";
import type { Site } from "./our_server.ts";
import type { ServerPlan } from "./server.ts";

/** How Dovecot spreads sessions over processes. */
export type Profile =
  /** Tuned: processes live on and serve many sessions each, one per core; no statistics. */
  | "tuned"
  /** Dovecot's way: a process for each session (the login processes are kept all the same). */
  | "usual";

/** Plans a Dovecot. */
export function dovecotServer(site: Site, profile: Profile): ServerPlan {
  return {
    name: `dovecot ${profile}`,
    ports: site.ports,
    async prepare() {
      await Deno.mkdir(`${site.folder}/run`, { recursive: true });
      await writeUsers(site);
      const config = `${site.folder}/dovecot.conf`;
      await Deno.writeTextFile(config, configText(site, profile));
      return { command: "dovecot", args: ["-F", "-c", config], logFile: `${site.folder}/log` };
    },
  };
}

/** Plain passwords need their scheme named; hashes bring it along. */
async function writeUsers({ folder, users }: Site): Promise<void> {
  const lines = (await Deno.readTextFile(users)).split("\n").filter((line) => line !== "");
  const text = lines.map((line) => {
    const at = line.indexOf(":");
    const secret = line.slice(at + 1);
    return `${line.slice(0, at)}:${secret.startsWith("{") ? secret : `{PLAIN}${secret}`}::::::\n`;
  });
  await Deno.writeTextFile(`${folder}/users`, text.join(""), { mode: 0o644 });
}

function configText(site: Site, profile: Profile): string {
  const { folder, mail, certificates, ports, workers } = site;
  const tuned = profile === "tuned";
  const listener = (name: string, port: number, ssl: boolean) =>
    `  inet_listener ${name} {\n    address = 127.0.0.1\n    port = ${port}\n    ssl = ${
      ssl ? "yes" : "no"
    }\n  }`;
  return `protocols = pop3
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/run/state
instance_name = mailismus-bench-${profile}
log_path = ${folder}/log
ssl = yes
ssl_cert = <${certificates.cert}
ssl_key = <${certificates.key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain cram-md5 apop
auth_failure_delay = 0
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:${mail}/%u/Maildir
default_client_limit = 19000
default_process_limit = 6000
default_vsz_limit = 0
passdb {
  driver = passwd-file
  args = username_format=%u ${folder}/users
}
userdb {
  driver = static
  args = uid=${MAIL_OWNER} gid=${MAIL_OWNER} home=${mail}/%u allow_all_users=yes
}
protocol pop3 {
  # one session a mailbox, as this program has it; no renames after RETR
  pop3_lock_session = yes
  pop3_no_flag_updates = yes
  mail_max_userip_connections = 100000
}
service pop3-login {
${listener("pop3", ports.none, false)}
${listener("pop3s", ports.tls, true)}
${listener("stls", ports.stls, false)}
  service_count = 0
  process_min_avail = ${workers}
  process_limit = ${workers}
  client_limit = 8000
}
service pop3 {
  service_count = ${tuned ? 0 : 1}
  client_limit = ${tuned ? 4000 : 1}
  process_min_avail = ${tuned ? workers : 8}
  process_limit = 6000
}
service anvil {
  # no penalty for addresses
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
${tuned ? "stats_writer_socket_path =" : ""}
`;
}
