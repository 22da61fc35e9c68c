/**
 * One soak run: the program, its clients, and other programs at work in the Maildirs.
 *
 * @module
 */
import { onInterrupt } from "../bench/cleanup.ts";
import { PopClient } from "../support/pop_client.ts";
import { certificates, configText, Program, programCommand } from "../support/program.ts";
import { ClientGroup } from "./client_group.ts";
import type { ClientJob, Progress } from "./clients/job.ts";
import { KINDS } from "./clients/kinds.ts";
import { HelperProcess } from "./helper_process.ts";
import { Maildirs } from "./maildirs.ts";
import { mailboxOf, userOf } from "./message.ts";
import { figuresOf, type ProcessFigures } from "./process_figures.ts";
import { leftoverFaults, type Sample } from "./verdict.ts";

const PASSWORD = "soak";
/** Messages of each mailbox in the beginning. */
const MESSAGES = 5;
/** How long the server may take to let go of the last clients' files, in milliseconds. */
const SETTLE_LIMIT = 60_000;
const MOST_ERRORS = 20;
/** By then the transcript's first lines are written, and its file is open, in milliseconds. */
const LOGS_OPEN = 2000;

/** The size of a run. */
export interface SoakPlan {
  readonly seconds: number;
  /** Clients at once, and mailboxes. */
  readonly sessions: number;
  readonly workers: number;
  /** Processes that the clients are spread over. */
  readonly processes: number;
  /** Sessions that begin in a second. */
  readonly rate: number;
  /** The server's patience with a client that says nothing, or does not log in: `"30s"`. */
  readonly patience: string;
  readonly seed: number;
  /** Called once a second. */
  readonly onSample?: (sample: Sample, progress: Progress) => void;
}

/** What a run came to. */
export interface SoakResult {
  readonly samples: readonly Sample[];
  readonly progress: Progress;
  /** Before the first client. */
  readonly before: ProcessFigures;
  /** After the last. */
  readonly after: ProcessFigures;
  readonly delivered: number;
  readonly moved: number;
  readonly removed: number;
  /** Everything that is wrong, in words; but of growth the caller must judge. */
  readonly faults: readonly string[];
}

interface Traffic {
  readonly samples: readonly Sample[];
  readonly delivered: number;
  readonly moved: number;
}

/** Runs it all. */
export async function runSoak(plan: SoakPlan): Promise<SoakResult> {
  await using stack = new AsyncDisposableStack();
  const program = stack.use(await startProgram(plan));
  stack.defer(onInterrupt(() => cleanUp(program)));
  // The first session opens what is opened only once, such as log files.
  for (const user of ["first", "second"]) await playOnce(program.port("plain"), user);
  await pause(LOGS_OPEN);
  const before = await figuresOf(program.pid);
  const clients = stack.use(ClientGroup.start(await jobsOf(plan, program)));
  const traffic = await letTrafficFlow(plan, program, clients);
  const after = await settle(program, before);
  const reports = await clients.order("verify");
  const faults = leftoverFaults(before, await settle(program, before));
  const removed = reports.flatMap((report) => report.kind === "verified" ? report.removed : []);
  const { progress } = clients;
  faults.push(
    ...progress.faults,
    ...mailFaults(plan, program, MESSAGES * plan.sessions + traffic.delivered, removed),
    ...await counterFaults(program.port("plain"), placesOf(plan)),
    ...KINDS.filter(({ name }) => progress.sessions[name] === undefined)
      .map(({ name }) => `No session of the kind "${name}" was played`),
  );
  faults.push(...errorsOf(program.output));
  if (progress.faultCount > 0) faults.push(`${progress.faultCount} sessions had a fault`);
  await program.stop();
  return { ...traffic, progress, before, after, removed: removed.length, faults };
}

/** The most connections that the config allows, from one address and in all. */
function placesOf({ sessions }: SoakPlan): number {
  return 2 * sessions + 50;
}

/**
 * All clients have one address, so what limits an address must not be in the way. Of all places an
 * address gets no more than three quarters, so there are twice as many.
 */
function startProgram(plan: SoakPlan): Promise<Program> {
  const places = placesOf(plan);
  const config = configText({
    limits: `
login_time = "${plan.patience}"
handshake_time = "${plan.patience}"
unauthenticated = ${2 * places}
unauthenticated_per_address = ${places}
connections_per_address = ${places}
handshakes = ${places}
handshakes_per_address = ${places}
auth_delay_max = "1ms"`,
    server: `timeout = "${plan.patience}"
transcript = { file = "%DIRLOG%/pop3-%DT%.log", maxfile = "20M" }`,
  }).replace("workers = 2", `workers = ${plan.workers}`)
    .replace(`auth_delay = "100ms"`, `auth_delay = "1ms"`);
  const users = Array.from({ length: plan.sessions }, (_, at) => userOf(at));
  return Program.start({
    config,
    users: ["first", "second", ...users].map((user) => `${user}:${PASSWORD}\n`).join(""),
    prepare: (folder) => new Maildirs(`${folder}/ms`, plan.sessions).make(MESSAGES * plan.sessions),
    command: (folder) => {
      const { command, args } = programCommand(["serve", "--config", `${folder}/config.toml`]);
      const shell = `ulimit -n "$(ulimit -Hn)"; exec "$@"`;
      return Promise.resolve({ command: "sh", args: ["-c", shell, "sh", command, ...args] });
    },
  });
}

/** Nobody waits for its end any more; the helpers end with their standard input. */
function cleanUp(program: Program): void {
  program.signal("SIGKILL");
  Deno.removeSync(program.folder, { recursive: true });
}

async function playOnce(port: number, user: string): Promise<void> {
  using client = await PopClient.login(port, user, PASSWORD);
  await client.ok("QUIT");
  await client.line();
}

async function jobsOf(plan: SoakPlan, program: Program): Promise<ClientJob[]> {
  const { sessions, processes, rate, seconds, seed } = plan;
  const ca = await Deno.readTextFile(`${certificates}/ca.pem`);
  const ports = { plain: program.port("plain"), tls: program.port("tls") };
  const sessionTime = sessions / rate * 1000;
  const rampUp = Math.min(3 * sessionTime, seconds * 1000 / 10);
  const starts = Array.from(
    { length: processes + 1 },
    (_, process) => Math.floor(process * sessions / processes),
  );
  return starts.slice(0, -1).map((first, process) => ({
    ...{ ports, ca, first, sessionTime, rampUp, seed },
    clients: starts[process + 1]! - first,
    password: PASSWORD,
    mailboxes: sessions,
  }));
}

/** Lets clients come for the time of the run, and sees them off. */
async function letTrafficFlow(
  plan: SoakPlan,
  program: Program,
  clients: ClientGroup,
): Promise<Traffic> {
  const { seconds, sessions, rate, onSample } = plan;
  const root = `${program.folder}/ms`;
  const other = (role: "deliver" | "move", perSecond: number) =>
    HelperProcess.start<{ count: number }>(
      "maildir_process.ts",
      [role, root, `${sessions}`, `${perSecond}`, `${MESSAGES * sessions}`],
      [`--allow-read=${root}`, `--allow-write=${root}`],
    );
  // As many as the clients delete, more or less.
  await using deliver = other("deliver", rate / 3);
  await using move = other("move", rate / 5);
  const samples: Sample[] = [];
  const start = performance.now();
  for (let second = 1; second <= seconds; second++) {
    await pause(start + second * 1000 - performance.now());
    const { progress } = clients;
    const ended = Object.values(progress.sessions).reduce((sum, count) => sum + count, 0);
    const sample = {
      time: Math.round((performance.now() - start) / 100) / 10,
      ...await figuresOf(program.pid),
      ...{ open: progress.open, loggedIn: progress.loggedIn, sessions: ended },
      ...{ slowest: Math.round(progress.slowest), lag: Math.round(progress.lag) },
    };
    samples.push(sample);
    onSample?.(sample, progress);
  }
  await clients.order("finish");
  const [delivered, moved] = [await deliver.lastWord(), await move.lastWord()];
  return { samples, delivered: delivered.count, moved: moved.count };
}

/** Waits until no more files are open than before there were clients, within a limit. */
async function settle(program: Program, before: ProcessFigures): Promise<ProcessFigures> {
  const deadline = performance.now() + SETTLE_LIMIT;
  let figures = await figuresOf(program.pid);
  while (figures.files > before.files && performance.now() < deadline) {
    await pause(200);
    figures = await figuresOf(program.pid);
  }
  return figures;
}

/** On disk there must be what was delivered and not removed by a session, whole, and nothing else. */
function mailFaults(
  { sessions }: SoakPlan,
  { folder }: Program,
  messages: number,
  removed: readonly number[],
): string[] {
  const gone = new Set(removed);
  const expected = Array.from({ length: sessions }, () => new Set<number>());
  for (let serial = 0; serial < messages; serial++) {
    if (!gone.has(serial)) expected[mailboxOf(serial, sessions)]!.add(serial);
  }
  const maildirs = new Maildirs(`${folder}/ms`, sessions);
  return expected.flatMap((serials, mailbox) => maildirs.faults(mailbox, serials));
}

/** With no client left, exactly as many are greeted as the limits say: the counters are at zero. */
async function counterFaults(port: number, places: number): Promise<string[]> {
  using stack = new DisposableStack();
  for (let greeted = 0; greeted < places; greeted++) {
    const client = stack.use(await PopClient.connect(port));
    if (client.greeting.startsWith("+OK")) continue;
    return [`Only ${greeted} of ${places} connections were greeted: ${client.greeting}`];
  }
  using over = await PopClient.connect(port);
  if (over.greeting.startsWith("-ERR")) return [];
  return [`More than ${places} connections were greeted`];
}

/** What the program itself calls an error. */
function errorsOf(log: string): string[] {
  return log.split("\n").filter((line) => / ERR |internal error/.test(line)).slice(0, MOST_ERRORS);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
