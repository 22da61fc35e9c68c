/**
 * The demo's throw-away folder: a config as anybody would write it, users, certificates, mail.
 *
 * @module
 */
import { ensureDir } from "@std/fs/ensure-dir";
import { EXIT_FAILED, reasonOf, UserError } from "../errors.ts";
import { MaildirDelivery } from "../maildir/delivery.ts";
import { mailDate } from "../retriever/received_header.ts";
import { probePort } from "../transport/probe.ts";
import { encodeText } from "../wire/text.ts";
import { type DemoCertificates, makeCertificates } from "./certificates.ts";
import { aliceMail, bobMail, type SampleMessage } from "./sample_mail.ts";

/** Where the demo's server listens. */
export const HOST = "127.0.0.1";

/** A user of the demo. */
export interface DemoUser {
  /** The name to log in with. */
  readonly name: string;
  /** The password, which is no secret. */
  readonly password: string;
}

/** The user whose mailbox is read, and collected. */
export const ALICE: DemoUser = { name: "alice", password: "wonderland" };
/** The user whose mailbox it is collected into. */
export const BOB: DemoUser = { name: "bob", password: "builder" };

/** The ports of the demo's server. */
export interface DemoPorts {
  /** In the clear, with STLS. */
  readonly plain: number;
  /** With TLS from the first byte. */
  readonly tls: number;
}

/** A folder with all that the demo's server needs. */
export class DemoSite {
  /** The folder's absolute path. */
  readonly folder: string;
  /** The ports that its config names. */
  readonly ports: DemoPorts;
  /** Its certificates. */
  readonly certificates: DemoCertificates;
  /** Alice's messages at the start, oldest first. */
  readonly mail: readonly SampleMessage[];

  private constructor(
    folder: string,
    ports: DemoPorts,
    certificates: DemoCertificates,
    mail: readonly SampleMessage[],
  ) {
    this.folder = folder;
    this.ports = ports;
    this.certificates = certificates;
    this.mail = mail;
  }

  /**
   * Makes a folder and fills it.
   *
   * @throws {UserError} if that is not possible; nothing is left behind then
   */
  static async make(): Promise<DemoSite> {
    const ports = await freePorts();
    const certificates = await makeCertificates(ALICE.name);
    const folder = await makeFolder();
    const site = new DemoSite(folder, ports, certificates, aliceMail(Date.now(), mailDate));
    try {
      await site.#writing(() => site.#fill());
      return site;
    } catch (error) {
      await site.remove();
      throw error;
    }
  }

  /** The config's path. */
  get configFile(): string {
    return `${this.folder}/config.toml`;
  }

  /** The path of the authority's certificate. */
  get authorityFile(): string {
    return `${this.folder}/conf/tls/authority.pem`;
  }

  /** The path of the retriever's transcript. */
  get retrieverTranscript(): string {
    return `${this.folder}/var/logs/retriever.log`;
  }

  /**
   * Delivers the sample mail to alice once more.
   *
   * @throws {UserError} if that is not possible
   */
  async deliverAgain(): Promise<void> {
    await this.#writing(() => this.#deliver(ALICE, this.mail));
  }

  /**
   * Removes the folder and everything in it.
   *
   * @throws {UserError} if something of it stays
   */
  async remove(): Promise<void> {
    try {
      await Deno.remove(this.folder, { recursive: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw new UserError(
        `Cannot remove the demo's folder ${this.folder}: ${reasonOf(error)}; ` +
          "it is of no more use and can be deleted by hand",
        EXIT_FAILED,
        { cause: error },
      );
    }
  }

  async #writing(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      throw new UserError(
        `Cannot write the demo's files into ${this.folder}: ${reasonOf(error)}; ` +
          "set TMPDIR to a folder that can be written and has some room",
        EXIT_FAILED,
        { cause: error },
      );
    }
  }

  async #fill(): Promise<void> {
    const { folder, ports, certificates: { authority, server, client } } = this;
    await ensureDir(`${folder}/conf/tls`);
    const files: [string, string][] = [
      ["config.toml", configText(ports)],
      ["conf/users", usersText()],
      ["conf/tls/authority.pem", authority],
      ["conf/tls/server.pem", server.cert],
      ["conf/tls/server.key", server.key],
      [`conf/tls/${ALICE.name}.pem`, client.cert],
      [`conf/tls/${ALICE.name}.key`, client.key],
    ];
    for (const [name, text] of files) {
      await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
    }
    await this.#deliver(ALICE, this.mail);
    await this.#deliver(BOB, bobMail(Date.now(), mailDate));
  }

  async #deliver({ name }: DemoUser, messages: readonly SampleMessage[]): Promise<void> {
    const delivery = new MaildirDelivery({
      path: `${this.folder}/var/ms/${name}/Maildir`,
      marks: { colon: ":", comma: "," },
      form: "plain",
      hostName: "localhost",
      tag: "demo",
    });
    await delivery.open();
    const written = messages.map(({ text }) => {
      const message = delivery.begin();
      message.write(encodeText(text));
      return { message, names: message.finish() };
    });
    await delivery.secure(written.map(({ message }) => message));
    await delivery.publish(written.map(({ names }) => names));
  }
}

async function makeFolder(): Promise<string> {
  try {
    // Permissions are compared with real paths; a temporary folder may be a link to elsewhere.
    return await Deno.realPath(await Deno.makeTempDir({ prefix: "mailismus-demo-" }));
  } catch (error) {
    throw new UserError(
      `Cannot make a throw-away folder for the demo: ${reasonOf(error)}; ` +
        "set TMPDIR to a folder that can be written",
      EXIT_FAILED,
      { cause: error },
    );
  }
}

/** Two free ports of the loopback. They are only reserved when the server takes them. */
async function freePorts(): Promise<DemoPorts> {
  const plain = await freePort();
  let tls = await freePort();
  while (tls === plain) tls = await freePort();
  return { plain, tls };
}

async function freePort(): Promise<number> {
  const probe = await probePort({ hostname: HOST, port: 0 });
  if (probe.free) return probe.port;
  throw new UserError(`The demo's server finds no port. ${probe.problem}`);
}

function usersText(): string {
  const lines = [ALICE, BOB].map(({ name, password }) => `${name}:${password}\n`);
  return `# The demo's users, with their passwords as they are (plainpass = true).\n${
    lines.join("")
  }`;
}

function configText({ plain, tls }: DemoPorts): string {
  return `# The config of the demo. Everything that is not set here has a default.

[log]
file = "%DIRLOG%/mailismus.log"

[directory]
users = "%DIRCONF%/users"
plainpass = true               # APOP and CRAM-MD5 need the passwords themselves

[message_store]                # %DIRVAR%/ms/USER/Maildir

[pop3server]
workers = 1
grace = "1s"

[[pop3server.listeners]]
name = "POP3 with STLS"
interface = "${HOST}"
port = ${plain}
server = { transcript = "%DIRLOG%/pop3.log" }
[pop3server.listeners.ssl]
cert = "%DIRCONF%/tls/server.pem"
key = "%DIRCONF%/tls/server.key"
tspath = "%DIRCONF%/tls/authority.pem"   # who signs client certificates
latent = true

[[pop3server.listeners]]
name = "POP3 over TLS"
interface = "${HOST}"
port = ${tls}
server = { transcript = "%DIRLOG%/pop3s.log" }
[pop3server.listeners.ssl]
cert = "%DIRCONF%/tls/server.pem"
key = "%DIRCONF%/tls/server.key"
tspath = "%DIRCONF%/tls/authority.pem"

[pop3download]
audit = "%DIRLOG%/audit.log"
transcript = { file = "%DIRLOG%/retriever.log", buffer = 0 }   # written at once

[[pop3download.clients]]
id = "alice-to-bob"
recip = "${BOB.name}"
freq = 0                       # once
[pop3download.clients.server]
address = "${HOST}:${plain}"
username = "${ALICE.name}"
password = "${ALICE.password}"
[pop3download.clients.ssl]
tspath = "%DIRCONF%/tls/authority.pem"   # whom to trust beside the well-known authorities
latent = true                            # STLS
`;
}
