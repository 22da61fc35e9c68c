/**
 * What one client does in one session: logging in, looking at the mailbox, reading and deleting, each
 * compared with the model.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { checkMessage, readSerial, userOf } from "../message.ts";
import type { ClientJob, Encryption } from "./job.ts";
import type { MailboxModel } from "./mailbox_model.ts";
import { type OpenCount, SoakClient } from "./soak_client.ts";

/** How long a mailbox may stay locked after the session before has ended for its client. */
const LOCKED_MOST = 60_000;
/** Between two attempts, in milliseconds: the server takes no more than 100 commands before a login. */
const RETRY = { first: 50, most: 2000 } as const;

/** Where a process' figures gather. */
export interface Figures extends OpenCount {
  loggedIn: number;
  messages: number;
  octets: number;
  inUse: number;
}

/** A client and its mailbox, through all its sessions. */
export interface Visitor {
  readonly job: ClientJob;
  readonly mailbox: number;
  readonly model: MailboxModel;
  readonly figures: Figures;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Waits as a user does who reads, or a client that is busy; not at all once the run is to end. */
  readonly think: (ms?: number) => Promise<void>;
}

/** One session that logged in. */
export class Visit implements Disposable {
  readonly #visitor: Visitor;
  /** Its connection, for what the methods here do not do. */
  readonly client: SoakClient;
  /** The ids of messages 1, 2, … */
  uids: string[] = [];
  #sizes: number[] = [];
  readonly #deleted = new Set<string>();
  #ended = false;

  private constructor(visitor: Visitor, client: SoakClient) {
    this.#visitor = visitor;
    this.client = client;
    visitor.figures.loggedIn++;
  }

  /** Connects and logs in, in one of the ways there are. */
  static async begin(visitor: Visitor): Promise<Visit> {
    const { client, greeting } = await connect(visitor);
    return await Visit.login(visitor, client, greeting);
  }

  /** Logs in over a connection, which is closed if that fails. */
  static async login(visitor: Visitor, client: SoakClient, greeting = ""): Promise<Visit> {
    try {
      await logIn(visitor, client, greeting);
      return new Visit(visitor, client);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** STAT, UIDL and LIST, which must agree with each other and with the model. */
  async look(): Promise<void> {
    const stat = /^\+OK (\d+) (\d+)$/.exec((await this.client.ok("STAT")).status);
    this.uids = (await this.#rows("UIDL")).map((row) => row[1]!);
    this.#sizes = (await this.#rows("LIST")).map((row) => Number(row[1]));
    const octets = this.#sizes.reduce((sum, size) => sum + size, 0);
    if (this.uids.length !== this.#sizes.length || Number(stat?.[1]) !== this.uids.length) {
      throw new Error(`STAT, LIST and UIDL do not count the same`);
    }
    if (Number(stat?.[2]) !== octets) throw new Error("STAT and LIST do not add up to the same");
    this.#visitor.model.listed(this.uids);
  }

  /** Takes the answer to a RETR that was sent, and checks the message. */
  async take(number: number): Promise<void> {
    const { status, data } = await this.client.answer(`RETR ${number}`);
    if (data === undefined) throw new Error(`RETR ${number}: ${status}`);
    const { figures, job, mailbox, model } = this.#visitor;
    if (data.length !== this.#sizes[number - 1]) {
      throw new Error(
        `RETR ${number}: ${data.length} octets, LIST said ${this.#sizes[number - 1]}`,
      );
    }
    model.read(this.uids[number - 1]!, checkMessage(data, mailbox, job.mailboxes));
    figures.messages++;
    figures.octets += data.length;
  }

  /** RETR, checked. */
  async read(number: number): Promise<void> {
    await this.client.send(`RETR ${number}\r\n`);
    await this.take(number);
  }

  /** DELE, behind whatever it takes to know which message that is. */
  async delete(number: number): Promise<void> {
    const uid = this.uids[number - 1]!;
    if (!this.#visitor.model.knows(uid)) {
      const { data } = await this.client.ok(`TOP ${number} 0`);
      this.#visitor.model.read(uid, readSerial(data!));
    }
    await this.client.ok(`DELE ${number}`);
    this.#deleted.add(uid);
  }

  /** RSET: nothing is deleted. */
  async reset(): Promise<void> {
    await this.client.ok("RSET");
    this.#deleted.clear();
  }

  /** QUIT; what was deleted is removed once it has its +OK. */
  async quit(): Promise<void> {
    await this.client.send("QUIT\r\n");
    await this.tookQuit();
  }

  /** The same where QUIT was sent already. */
  async tookQuit(): Promise<void> {
    this.#visitor.model.maybeRemoved(this.#deleted);
    const { status } = await this.client.answer("QUIT");
    if (!status.startsWith("+OK")) throw new Error(`QUIT: ${status}`);
    this.#visitor.model.removed(this.#deleted);
    if (await this.client.peek()) throw new Error("QUIT: bytes came behind the answer");
    this[Symbol.dispose]();
  }

  /** QUIT without waiting for the answer. */
  async quitAndGo(): Promise<void> {
    this.#visitor.model.maybeRemoved(this.#deleted);
    await this.client.send("QUIT\r\n");
    this[Symbol.dispose]();
  }

  /** Ends the connection, without a word. */
  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#visitor.figures.loggedIn--;
    this.client.close();
  }

  async #rows(command: string): Promise<string[][]> {
    const { data } = await this.client.ok(command);
    const rows = new TextDecoder().decode(data).split("\r\n").slice(0, -1)
      .map((row) => row.split(" "));
    rows.forEach(([number], at) => {
      if (Number(number) !== at + 1) throw new Error(`${command}: row ${at + 1} says ${number}`);
    });
    return rows;
  }
}

/** Connects as this client just likes to. */
export function connect(
  { job, random, figures }: Visitor,
): Promise<{ client: SoakClient; greeting: string }> {
  const chosen = random();
  const encryption: Encryption = chosen < 0.55 ? "plain" : chosen < 0.78 ? "tls" : "stls";
  return SoakClient.connect(job, encryption, figures);
}

/** A mailbox stays locked until the server has noticed that the session before is over. */
async function logIn(visitor: Visitor, client: SoakClient, greeting: string): Promise<void> {
  const stamp = /<[^<>]+>$/.exec(greeting)?.[0];
  const commands = loginCommands(visitor, stamp);
  const deadline = performance.now() + LOCKED_MOST;
  for (let wait: number = RETRY.first;; wait = Math.min(2 * wait, RETRY.most)) {
    let status = "";
    for (const command of commands) status = (await client.command(command)).status;
    if (status.startsWith("+OK")) return;
    if (!status.startsWith("-ERR [IN-USE]")) throw new Error(`Login: ${status}`);
    if (performance.now() > deadline) throw new Error("Login: the mailbox stays locked");
    visitor.figures.inUse++;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function loginCommands({ job, mailbox, random }: Visitor, stamp: string | undefined): string[] {
  const user = userOf(mailbox);
  const chosen = random();
  if (chosen < 0.2) return [`AUTH PLAIN ${btoa(`\0${user}\0${job.password}`)}`];
  if (chosen < 0.4 && stamp !== undefined) {
    return [`APOP ${user} ${createHash("md5").update(stamp + job.password).digest("hex")}`];
  }
  return [`USER ${user}`, `PASS ${job.password}`];
}
