/**
 * A retriever in a temporary folder that talks to a scripted server, for tests.
 *
 * @module
 */
import type { TraceLog, TraceText } from "../../lib/log/trace.ts";
import { Transcript } from "../../lib/log/transcript.ts";
import { Deadlines } from "../../lib/transport/deadlines.ts";
import type { MemoryPairOptions } from "./memory.ts";
import { mostOctets } from "../../lib/retriever/arrival.ts";
import type { Destination } from "../../lib/retriever/destination.ts";
import { createDestination } from "../../lib/retriever/destinations.ts";
import type { DestinationContext } from "../../lib/retriever/maildir_destination.ts";
import type { Dialer } from "../../lib/retriever/open_session.ts";
import type { ClientOptions } from "../../lib/retriever/options.ts";
import type { RunReport } from "../../lib/retriever/report.ts";
import { runClient, type RunEnvironment } from "../../lib/retriever/run.ts";
import { ScriptedPop3Server } from "./scripted_pop3_server.ts";

/** One client, its server and its folder. */
export class TestRetriever implements Disposable {
  readonly server = new ScriptedPop3Server();
  readonly folder: string = Deno.makeTempDirSync({ prefix: "mailismus-retriever-" });
  readonly maildir: string;
  readonly state: string;
  /** What the trace log said. */
  readonly log: string[] = [];
  readonly audit: string[] = [];
  readonly transcript: string[] = [];
  readonly ending = new AbortController();
  client: ClientOptions;
  timeout = 2000;
  now: () => number = Date.now;
  mostOctets: RunEnvironment["mostOctets"] = mostOctets;
  pair: MemoryPairOptions = {};
  /** Wraps the destination, to make it fail. */
  wrap: (destination: Destination) => Destination = (destination) => destination;
  dialer: Dialer = {
    connect: () => Promise.resolve(this.server.dial(this.pair)),
    secure: () => Promise.reject(new Error("no TLS here")),
  };

  constructor(overrides: Partial<ClientOptions> = {}) {
    this.maildir = `${this.folder}/ms/alice/Maildir`;
    this.state = `${this.folder}/state`;
    this.client = {
      id: "home",
      recip: "alice",
      freq: 0,
      runs: 1,
      preserve: false,
      trackSeen: false,
      capa: false,
      omitReceivedHeader: true,
      server: {
        host: "pop.example.org",
        port: 110,
        tls: "none",
        username: "bob",
        password: "secret",
        authtypes: ["USERPASS"],
        initrsp: false,
      },
      destination: { kind: "maildir", path: this.maildir, colon: ":", comma: ",", wire: false },
      ...overrides,
    };
  }

  /** Runs the client once. */
  async run(dryRun = false): Promise<RunReport> {
    const deadlines = new Deadlines(20);
    return await runClient(this.client, this.#environment(deadlines), { dryRun });
  }

  #environment(deadlines: Deadlines): RunEnvironment {
    const say = (text: TraceText) => void this.log.push(typeof text === "string" ? text : text());
    const log: TraceLog = { error: say, warn: say, info: say, trace: () => {} };
    return {
      stateDirectory: this.state,
      hostName: "here.example.net",
      timeout: this.timeout,
      dialer: this.dialer,
      deadlines,
      destination: async ({ destination }: ClientOptions, context: DestinationContext) =>
        this.wrap(
          await createDestination(destination, context, {
            stateDirectory: this.state,
            timeout: this.timeout,
          }),
        ),
      tokens: () => undefined,
      log,
      audit: { write: (lines) => void this.audit.push(lines) },
      transcript: new Transcript({ write: (lines) => void this.transcript.push(lines) }),
      signal: this.ending.signal,
      now: this.now,
      mostOctets: this.mostOctets,
    };
  }

  /** The messages in the Maildir's `new/` and `cur/`, in the order of their names. */
  delivered(): string[] {
    return ["new", "cur"].flatMap((part) =>
      namesIn(`${this.maildir}/${part}`).map((name) =>
        readLatin1(`${this.maildir}/${part}/${name}`)
      )
    );
  }

  /** The files in `tmp/`. */
  leftovers(): string[] {
    return namesIn(`${this.maildir}/tmp`);
  }

  /** The lines of the journals, without their checksums. */
  journal(): string[] {
    return namesIn(this.state).filter((name) => name.endsWith(".journal")).flatMap((name) =>
      readLatin1(`${this.state}/${name}`).split("\n").filter((line) => line !== "")
        .map((line) => line.slice(9))
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** The names in a folder, sorted; none if it is not there. */
export function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** A file's octets, one character each. */
export function readLatin1(path: string): string {
  return new TextDecoder("latin1").decode(Deno.readFileSync(path));
}
