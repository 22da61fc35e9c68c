/**
 * The demo's tour of the POP3 server: a session as a mail client has it, then every login method
 * on every kind of connection.
 *
 * Each answer is compared with what it should be, so that a demo that ends well has shown it.
 *
 * @module
 */
import type { ServerMechanism } from "../auth/types.ts";
import { UserError } from "../errors.ts";
import { encodeText } from "../wire/text.ts";
import { DemoClient, type Reply } from "./client.ts";
import { LOGIN_METHODS, type LoginMethod } from "./logins.ts";
import { DOTTED_MESSAGE, type SampleMessage, SPARE_MESSAGE } from "./sample_mail.ts";
import type { Screen } from "./screen.ts";
import { ALICE, type DemoSite, type DemoUser } from "./site.ts";

/** How a connection is or becomes encrypted. */
type Kind = "plain" | "stls" | "tls";

/** What the server says to a login: the answer of the policy, by kind of connection. */
type Outcomes = Record<Kind, Map<ServerMechanism, boolean>>;

/** How many lines of a message are shown. */
const SHOWN_LINES = 15;

/** What the manual's default for `authtypes_ssl` keeps back until the connection is encrypted. */
const NEED_TLS: readonly ServerMechanism[] = ["SASL_PLAIN", "SASL_EXTERNAL"];

/** Shows the server. */
export async function tourServer(site: DemoSite, screen: Screen): Promise<void> {
  const tour = new Tour(site, screen);
  await tour.wholeSession();
  await tour.logins("plain", "The other ways to log in, in the clear", [
    "By default PLAIN and EXTERNAL are refused here until the connection is encrypted.",
    "Greeting and QUIT are not shown any more.",
  ]);
  await tour.logins("stls", "The same port, encrypted by STLS", [
    "The client trusts the demo's own authority, and would end the session if it had to doubt.",
    "For EXTERNAL it presents a certificate.",
  ]);
  await tour.logins("tls", "Encrypted from the first byte, on the other port", []);
  tour.summary();
}

/**
 * Shows what is in a user's mailbox.
 *
 * @param top the number of a message to show the header of
 */
export async function showMailbox(
  site: DemoSite,
  screen: Screen,
  user: DemoUser,
  top?: number,
): Promise<void> {
  using client = await new Tour(site, screen).connect("tls");
  const reply = await LOGIN_METHODS[0]!.logIn(client, user);
  expect(reply, `${user.name} logs in`);
  await client.ok("LIST", { multiLine: true });
  if (top !== undefined) await client.ok(`TOP ${top} 0`, { multiLine: true, most: SHOWN_LINES });
  await client.ok("QUIT");
}

class Tour {
  readonly #site: DemoSite;
  readonly #screen: Screen;
  readonly #outcomes: Outcomes = { plain: new Map(), stls: new Map(), tls: new Map() };

  constructor(site: DemoSite, screen: Screen) {
    this.#site = site;
    this.#screen = screen;
  }

  /** Everything that a session can do. */
  async wholeSession(): Promise<void> {
    const { mail } = this.#site;
    this.#screen.step(
      "A whole session, in the clear",
      "What a mail client does: log in with USER and PASS, look, fetch, delete.",
    );
    using client = await this.connect("plain", { showGreeting: true });
    await client.ok("CAPA", { multiLine: true });
    await this.#logIn(client, "plain", LOGIN_METHODS[0]!);
    await client.ok("STAT");
    await this.#list(client);
    await client.ok("UIDL 1");
    await client.ok("TOP 3 0", { multiLine: true });
    await this.#retrieve(client, DOTTED_MESSAGE);
    this.#screen.note(
      "A line that begins with a dot travels with one more, so that none looks like the end.",
    );
    await this.#retrieve(client, DOTTED_MESSAGE + 1);
    await this.#retrieve(client, DOTTED_MESSAGE + 2);
    this.#screen.note("All three came byte for byte as they lie in the Maildir.");
    await client.ok(`DELE ${SPARE_MESSAGE}`);
    await client.ok("QUIT");
    this.#screen.note(
      `Only QUIT deletes: ${mail.length - 1} of ${mail.length} messages are left now.`,
    );
  }

  /** Every login method on one kind of connection. */
  async logins(kind: Kind, title: string, notes: readonly string[]): Promise<void> {
    const [first, ...more] = notes;
    this.#screen.step(title, first ?? "Nothing was ever said in the clear here.");
    for (const note of more) this.#screen.note(note);
    // In the clear, USER and PASS were seen in the first session.
    const methods = kind === "plain" ? LOGIN_METHODS.slice(1) : LOGIN_METHODS;
    for (const [index, method] of methods.entries()) {
      this.#screen.caption(method.title, kind === "plain" ? method.explanation : undefined);
      await this.#login(kind, method, index === 0);
    }
  }

  /** What was accepted where. */
  summary(): void {
    this.#screen.step(
      "What was accepted",
      "`authtypes` and `authtypes_ssl` in the config decide it; CAPA tells the client.",
    );
    const row = (...cells: string[]): void =>
      this.#screen.line(`   ${cells.map((cell) => cell.padEnd(16)).join("").trimEnd()}`);
    row("", "in the clear", "after STLS", "TLS at once");
    for (const { mechanism, title } of LOGIN_METHODS) {
      const cells = (["plain", "stls", "tls"] as const)
        .map((kind) => this.#outcomes[kind].get(mechanism) ? "yes" : "needs TLS");
      row(title, ...cells);
    }
  }

  /** Connects; for STLS the rest is to be said yet. */
  connect(
    kind: Kind,
    { showGreeting = false, certificate = false } = {},
  ): Promise<DemoClient> {
    const { ports, certificates } = this.#site;
    return DemoClient.connect({
      port: kind === "tls" ? ports.tls : ports.plain,
      authority: certificates.authority,
      tls: kind === "tls",
      certificate: certificate ? certificates.client : undefined,
      screen: this.#screen,
      showGreeting,
    });
  }

  async #login(kind: Kind, method: LoginMethod, first: boolean): Promise<void> {
    const external = method.mechanism === "SASL_EXTERNAL";
    using client = await this.connect(kind, {
      certificate: external && kind !== "plain",
      // APOP answers to the greeting's stamp.
      showGreeting: method.mechanism === "APOP" && kind === "plain",
    });
    if (kind === "stls") {
      await client.ok("STLS", first ? {} : { as: "" });
      await client.startTls();
      if (first) this.#screen.note("TLS handshake; STLS is not shown any more.");
    }
    await this.#logIn(client, kind, method);
    await client.ok("QUIT", { as: "" });
  }

  async #logIn(client: DemoClient, kind: Kind, method: LoginMethod): Promise<void> {
    const { mechanism, title } = method;
    const reply = await method.logIn(client, ALICE);
    const expected = kind !== "plain" || !NEED_TLS.includes(mechanism);
    if (reply.ok !== expected) {
      throw new UserError(
        `The demo's server should have ${expected ? "accepted" : "refused"} ${title}, ` +
          `but answered: ${reply.status}`,
      );
    }
    this.#outcomes[kind].set(mechanism, reply.ok);
  }

  async #list(client: DemoClient): Promise<void> {
    const { mail } = this.#site;
    const { lines } = await client.ok("LIST", { multiLine: true });
    const expected = mail.map((message, index) => `${index + 1} ${octets(message)}`);
    if (lines.join() !== expected.join()) {
      throw new UserError(`The demo's server should list ${expected.join(", ")}`);
    }
  }

  async #retrieve(client: DemoClient, number: number): Promise<void> {
    const { lines } = await client.ok(`RETR ${number}`, { multiLine: true, most: SHOWN_LINES });
    const text = lines.map((line) => line.startsWith(".") ? line.slice(1) : line).join("\n");
    if (`${text}\n` !== this.#site.mail[number - 1]!.text) {
      throw new UserError(`Message ${number} of the demo did not come through whole`);
    }
  }
}

function expect(reply: Reply, what: string): void {
  if (!reply.ok) throw new UserError(`The demo's server should let ${what}: ${reply.status}`);
}

/** A message's octets as POP3 counts them. */
function octets({ text }: SampleMessage): number {
  return encodeText(text.replaceAll("\n", "\r\n")).length;
}
