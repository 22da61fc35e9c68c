/**
 * One run of one client: from the journal's lock to the report. Whatever happens on the way, a run
 * ends with a report and never with an exception.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { type AuditEntry, auditLine } from "../log/audit.ts";
import type { LineSink } from "../log/line.ts";
import type { TraceLog } from "../log/trace.ts";
import type { SessionTranscript, Transcript } from "../log/transcript.ts";
import type { Deadlines } from "../transport/deadlines.ts";
import type { Destination } from "./destination.ts";
import { BlurredEndError, SessionError } from "./errors.ts";
import { type Account, accountOf, accountTag, Journal } from "./journal.ts";
import type { JournalEntry } from "./journal_lines.ts";
import { readListing } from "./listing.ts";
import type { DestinationContext } from "./maildir_destination.ts";
import { type Dialer, type OpenSession, openSession } from "./open_session.ts";
import type { ClientOptions } from "./options.ts";
import { type Job, type Plan, planSession, tracks } from "./plan.ts";
import { quoted } from "./pop3_client.ts";
import { receivedHeaders } from "./received_header.ts";
import { count, Report, type RunReport } from "./report.ts";
import type { TokenSource } from "./token_source.ts";
import { type Fetched, isStandIn, Transfer, type TransferEvents } from "./transfer.ts";

/** What runs share. */
export interface RunEnvironment {
  /** The folder of the journals. */
  readonly stateDirectory: string;
  /** This host's name. */
  readonly hostName: string;
  /** How long a server may say nothing, in milliseconds. */
  readonly timeout: number;
  /** Makes connections. */
  readonly dialer: Dialer;
  /** Watches over servers' silence. */
  readonly deadlines: Deadlines;
  /** Makes the destination of a run. */
  readonly destination: (
    client: ClientOptions,
    context: DestinationContext,
  ) => Promise<Destination>;
  /** The tokens of a client, which outlive a run. */
  readonly tokens: (client: ClientOptions) => TokenSource | undefined;
  /** Takes what runs have to say. */
  readonly log: TraceLog;
  /** Takes a line for each message. */
  readonly audit?: LineSink;
  /** Takes down the dialogues. */
  readonly transcript?: Transcript;
  /** Told how far a run is. */
  readonly progress?: (progress: Progress) => void;
  /** Ends runs between two messages. */
  readonly signal: AbortSignal;
  /** The clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** See {@linkcode TransferOptions.mostOctets}. */
  readonly mostOctets: (listed: number | undefined) => number;
}

/** How far a run is. */
export interface Progress {
  /** The client's id. */
  readonly client: string;
  /** The message that is being dealt with, from 1. */
  readonly message: number;
  /** How many messages the run deals with. */
  readonly of: number;
  /** Octets that came so far. */
  readonly octets: number;
}

/** How a run is made. */
export interface RunMode {
  /** Only log in, count and leave all as it is. */
  readonly dryRun: boolean;
}

let sessions = 0;

/** Runs a client once. Never throws. */
export async function runClient(
  client: ClientOptions,
  environment: RunEnvironment,
  mode: RunMode = { dryRun: false },
): Promise<RunReport> {
  const report = new Report(client, environment.log);
  const transcript = environment.transcript?.session(`${client.id}-${++sessions}`);
  try {
    const account = accountOf(client);
    const destination = await environment.destination(client, {
      recip: client.recip,
      hostName: environment.hostName,
      tag: accountTag(account),
      now: environment.now,
    });
    const run = new Run(client, environment, { report, transcript, account, destination });
    if (mode.dryRun) await run.dryRun();
    else await run.retrieve();
  } catch (error) {
    report.fail(causeOf(error));
  }
  transcript?.event(`ended${report.failure === undefined ? "" : `: ${report.failure}`}`);
  return report.end();
}

/** A session may have been cut for a reason that lies elsewhere, such as a full disk. */
function causeOf(error: unknown): unknown {
  return error instanceof SessionError && error.cause instanceof Error &&
      error.cause.name === "DestinationError"
    ? error.cause
    : error;
}

/** What a run has of its own. */
interface RunParts {
  readonly report: Report;
  readonly transcript: SessionTranscript | undefined;
  readonly account: Account;
  readonly destination: Destination;
}

class Run {
  readonly #client: ClientOptions;
  readonly #environment: RunEnvironment;
  readonly #report: Report;
  readonly #transcript: SessionTranscript | undefined;
  readonly #account: Account;
  readonly #destination: Destination;
  /** What was delivered in this run, by unique id. */
  readonly #fetched = new Set<string>();

  constructor(
    client: ClientOptions,
    environment: RunEnvironment,
    parts: RunParts,
  ) {
    this.#client = client;
    this.#environment = environment;
    this.#report = parts.report;
    this.#transcript = parts.transcript;
    this.#account = parts.account;
    this.#destination = parts.destination;
  }

  async retrieve(): Promise<void> {
    const journal = await Journal.open(this.#environment.stateDirectory, this.#account);
    try {
      if (journal.damaged > 0) {
        this.#report.warn(
          `the journal ${journal.path} was damaged (${
            count(journal.damaged, "line")
          } unreadable): ` +
            "messages that only it knew as delivered may come once more",
        );
      }
      await this.#destination.open();
      await this.#recover(journal);
      try {
        await this.#converse(journal, true);
      } catch (error) {
        if (!(error instanceof BlurredEndError)) throw error;
        this.#report.warn(
          `the server is odd: ${error.message}; the rest is fetched one message at a time`,
        );
        await this.#converse(journal, false);
      }
    } finally {
      await this.#destination.close();
      journal.close();
    }
  }

  /** A session. @param ahead whether commands may be sent ahead, if the server takes them */
  async #converse(journal: Journal, ahead: boolean): Promise<void> {
    const session = await this.#open();
    try {
      await this.#session(ahead ? session : { ...session, pipelining: false }, journal);
    } finally {
      session.client.close();
    }
  }

  /** Logs in and counts. */
  async dryRun(): Promise<void> {
    const { stateDirectory } = this.#environment;
    const known = Journal.peek(stateDirectory, this.#account, this.#destination.key);
    const session = await this.#open();
    try {
      const listing = await readListing(session.client, session.pipelining);
      for (const warning of listing.warnings) this.#report.warn(`the server is odd: ${warning}`);
      const plan = planSession(listing, known, this.#client);
      this.#report.planned(plan, listing.messages.length, true);
      const reply = await session.client.command("QUIT");
      if (!reply.ok) throw new SessionError(`the server answers QUIT with ${quoted(reply.text)}`);
    } finally {
      session.client.close();
    }
  }

  /** Puts right what a crashed run left, whether or not the server can be reached now. */
  async #recover(journal: Journal): Promise<void> {
    const { key } = this.#destination;
    const announced = [...journal.entries(key).values()].filter(({ names }) => names !== undefined);
    // What is swept away below must not come back into the journal.
    await journal.settle();
    const found = await this.#destination.recover(
      announced.map(({ names, time }) => ({ names: names!, time })),
    );
    const delivered: JournalEntry[] = [];
    const missing: string[] = [];
    announced.forEach(({ names: _names, ...entry }, i) => {
      if (found[i] === "delivered") delivered.push(entry);
      else missing.push(entry.uid);
    });
    await journal.write(key, delivered, true);
    journal.forget(key, missing);
    if (delivered.length > 0) {
      this.#report.info(
        `${count(delivered.length, "message")} that the last run had received when it was ` +
          `interrupted ${
            delivered.length === 1 ? "is" : "are"
          } delivered and will not be fetched again`,
      );
    }
    if (missing.length > 0) {
      this.#report.warn(
        `of ${
          count(missing.length, "message")
        } from a run that was interrupted long ago, or when the folder was another, it cannot ` +
          "be told whether they were delivered: they are fetched again",
      );
    }
  }

  async #open(): Promise<OpenSession> {
    const { server, capa } = this.#client;
    const { timeout, dialer, deadlines, signal, tokens } = this.#environment;
    return await openSession({
      server,
      capa,
      timeout,
      dialer,
      deadlines,
      signal,
      tokens: tokens(this.#client),
      transcript: this.#transcript,
    });
  }

  async #session(session: OpenSession, journal: Journal): Promise<void> {
    const listing = await readListing(session.client, session.pipelining);
    for (const warning of listing.warnings) this.#report.warn(`the server is odd: ${warning}`);
    const known = journal.entries(this.#destination.key);
    const plan = this.#unfetched(planSession(listing, known, this.#client));
    this.#report.planned(plan, listing.messages.length, false);
    const transfer = this.#transfer(session, journal, plan);
    let stopped: unknown;
    try {
      stopped = await transfer.run();
    } finally {
      this.#report.transferred(transfer);
    }
    if (stopped !== undefined) this.#report.fail(stopped);
    await this.#quit(session, journal, transfer);
    this.#report.confirmed();
    this.#forget(journal, plan, listing.complete, transfer);
    if (listing.complete) await this.#destination.retain?.(plan.listed);
    await journal.tidy();
  }

  /** Of a run's second session: what the first one fetched is done, though no journal may know it. */
  #unfetched(plan: Plan): Plan {
    const done = ({ action, uid = "" }: Job) => action === "fetch" && this.#fetched.has(uid);
    return { ...plan, jobs: plan.jobs.filter((job) => !done(job)) };
  }

  #transfer(session: OpenSession, journal: Journal, plan: Plan): Transfer {
    const { preserve, maxSize } = this.#client;
    const { audit, signal, now, mostOctets } = this.#environment;
    const { host, port, user } = this.#account;
    return new Transfer({
      client: session.client,
      pipelining: session.pipelining,
      destination: this.#destination,
      journal,
      plan,
      track: tracks(this.#client),
      preserve,
      maxSize,
      mostOctets,
      account: `${user}@${host}:${port}`,
      trace: this.#tracer(session),
      scan: audit !== undefined,
      signal,
      now,
      events: this.#events(session, plan.jobs.length),
    });
  }

  #events(session: OpenSession, of: number): TransferEvents {
    const client = this.#client.id;
    let done = 0;
    let octets = 0;
    return {
      delivered: (message) => {
        done++;
        this.#delivered(message, session);
      },
      left: (number, reason) => this.#report.left(number, reason),
      progress: (more) => {
        octets += more;
        this.#environment.progress?.({ client, message: Math.min(done + 1, of), of, octets });
      },
    };
  }

  /** Makes Received headers, if there are to be any. */
  #tracer({ client: { connection } }: OpenSession): () => Uint8Array {
    const { recip, omitReceivedHeader, server } = this.#client;
    if (omitReceivedHeader) return () => new Uint8Array(0);
    const { hostName, now } = this.#environment;
    const { form, protocol } = this.#destination;
    const { address } = connection.peer;
    const header = { host: server.host, address, hostName, protocol, recip };
    return receivedHeaders(header, form, now);
  }

  #delivered(message: Fetched, session: OpenSession): void {
    this.#report.delivered(message.octets);
    if (message.job.uid !== undefined) this.#fetched.add(message.job.uid);
    const { audit, now } = this.#environment;
    if (audit === undefined) return;
    const { host, port, username } = this.#client.server;
    const entry: AuditEntry = {
      client: this.#client.id,
      server: `${host}:${port}`,
      user: username,
      tls: session.client.connection.tls !== undefined,
      destinations: message.staged.places,
      messageId: message.header?.field("Message-ID"),
      octets: message.octets,
      sender: message.header?.field("From") ?? message.header?.field("Sender"),
    };
    audit.write(auditLine(entry, now()));
  }

  /** RFC 1939 section 6: the server deletes now, and only now. */
  async #quit(session: OpenSession, journal: Journal, transfer: Transfer): Promise<void> {
    // Whether or not that succeeds: what is to be deleted lies safely where it belongs.
    await journal.settle().catch((error) => this.#report.fail(error));
    let reply;
    try {
      reply = await session.client.command("QUIT");
    } catch (error) {
      if (transfer.deleted === 0) throw error;
      throw new SessionError(
        `${
          reasonOf(error)
        } before it confirmed QUIT. Messages that it did not delete are deleted ` +
          "at the next run, without fetching them again",
      );
    }
    if (!reply.ok) {
      throw new SessionError(
        `the server could not delete all that it should: ${quoted(reply.text)}. ` +
          "What it still has is deleted at the next run, without fetching it again",
      );
    }
  }

  /** What the server has agreed to forget, the journal need not know; should it come back, it is new. */
  #forget(journal: Journal, plan: Plan, complete: boolean, transfer: Transfer): void {
    const { key } = this.#destination;
    journal.forget(key, transfer.confirmed);
    // A message that could not be fetched may be one of those, under a new id.
    const gone = this.#report.hasErrors
      ? []
      : plan.unlisted.filter((entry) =>
        journal.entries(key).get(entry.uid) === entry &&
        (isStandIn(entry.uid) ? plan.tooLarge.length === 0 : complete)
      );
    journal.forget(key, gone.map(({ uid }) => uid));
    if (complete) this.#forgetElsewhere(journal, plan, key);
  }

  /** Entries of other destinations go as well once the server does not list them. */
  #forgetElsewhere(journal: Journal, plan: Plan, key: string): void {
    for (const other of journal.keys) {
      if (other === key) continue;
      const gone = [...journal.entries(other).values()].filter(({ uid, names }) =>
        names === undefined && !isStandIn(uid) && !plan.listed.has(uid)
      );
      journal.forget(other, gone.map(({ uid }) => uid));
    }
  }
}
