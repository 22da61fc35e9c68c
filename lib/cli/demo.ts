/**
 * `demo`: the program seen at work, in a throw-away folder.
 *
 * @module
 */
import { collect } from "../demo/collect.ts";
import { RunningServer } from "../demo/running_server.ts";
import { Screen } from "../demo/screen.ts";
import { ALICE, BOB, DemoSite, HOST } from "../demo/site.ts";
import { showMailbox, tourServer } from "../demo/tour.ts";
import { onSignals } from "../supervisor/signals.ts";
import type { CommandArgs, Subcommand } from "./command.ts";
import { PROGRAM } from "./help.ts";
import { writeOut } from "./output.ts";

async function run(args: CommandArgs): Promise<number> {
  const screen = new Screen({
    write: writeOut,
    // Deno.noColor is set by NO_COLOR in the environment, whatever its value.
    colour: Deno.stdout.isTerminal() && !Deno.noColor,
  });
  const ending = new AbortController();
  const end = () => ending.abort();
  // A terminal that is closed ends the demo like Ctrl-C.
  const removeHandlers = onSignals({ stop: end, reload: end });
  try {
    await demonstrate(screen, ending.signal, args.has("keep"));
  } finally {
    removeHandlers();
  }
  return 0;
}

/** The whole demo; whatever happens, nothing of it is left behind. */
async function demonstrate(screen: Screen, signal: AbortSignal, keep: boolean): Promise<void> {
  const begun = performance.now();
  const site = await DemoSite.make();
  try {
    const server = await RunningServer.start(site.configFile);
    await use(site, server, { screen, signal, keep });
  } finally {
    await site.remove();
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  screen.heading(
    signal.aborted
      ? "Ended: the server is stopped, the folder removed"
      : `That took ${seconds} s; the server is stopped, the folder removed`,
  );
  if (!signal.aborted) describeNext(screen);
}

/** How the demo is given. */
interface Staging {
  readonly screen: Screen;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Whether the server stays up until then. */
  readonly keep: boolean;
}

/** Gives the demo, and stops its server. */
async function use(site: DemoSite, server: RunningServer, staging: Staging): Promise<void> {
  const { screen, signal, keep } = staging;
  const ended = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const shown = show(site, server, screen);
  // Once the demo is told to end, it no longer matters how its dialogues fare.
  const settled = shown.catch(() => {});
  try {
    await Promise.race([shown, ended]);
    if (keep && !signal.aborted) {
      await site.deliverAgain();
      describeAccess(site, screen);
      await ended;
    }
  } finally {
    screen.muted = true;
    await server.stop();
    // Nobody may write into the folder any more when it is removed.
    await settled;
    screen.muted = false;
  }
}

async function show(
  site: DemoSite,
  server: RunningServer,
  screen: Screen,
): Promise<void> {
  introduce(site, screen);
  await tourServer(site, screen);
  screen.step(
    "The retriever collects alice's mail into bob's mailbox",
    "As `retrieve --once` does: over STLS, and deleting there only what is safe here.",
  );
  await collect(site, server, screen);
  screen.step(
    "Bob's mailbox",
    "His own message, and alice's behind it, each with a Received header.",
  );
  await showMailbox(site, screen, BOB, 2);
}

function introduce(site: DemoSite, screen: Screen): void {
  const { folder, ports, mail } = site;
  screen.line("Mailismus: a POP3 server and a retriever, shown at work.");
  screen.line();
  screen.line(`Folder   ${folder}, with a config, users, certificates and mail`);
  screen.line(
    `Users    ${ALICE.name} (password "${ALICE.password}"), with ${mail.length} messages`,
  );
  screen.line(`         ${BOB.name} (password "${BOB.password}"), with 1 message`);
  screen.line(`Server   ${HOST}:${ports.plain} (POP3 with STLS)`);
  screen.line(`         ${HOST}:${ports.tls} (POP3 over TLS)`);
  screen.line();
  screen.line("C: is what the client says, S: what the server answers; passwords are masked.");
}

function describeAccess({ ports, authorityFile, folder }: DemoSite, screen: Screen): void {
  screen.heading("Now it is your mail client's turn");
  screen.note("Alice's mailbox is filled again. An account of type POP3 needs one of these:");
  screen.line();
  const row = (...cells: string[]): void =>
    screen.line(`   ${cells.map((cell) => cell.padEnd(12)).join("").trimEnd()}`);
  row("Encryption", "Server", "Port", "User", "Password");
  for (const { name, password } of [ALICE, BOB]) {
    row("none", HOST, `${ports.plain}`, name, password);
    row("STARTTLS", HOST, `${ports.plain}`, name, password);
    row("SSL/TLS", HOST, `${ports.tls}`, name, password);
  }
  screen.line();
  screen.line(
    "   The certificate is signed by the demo's own authority: the client will ask whether",
  );
  screen.line(`   to trust it, or can be given ${authorityFile}`);
  screen.line();
  screen.line("   Or with curl:");
  screen.line(`   curl --user ${ALICE.name}:${ALICE.password} pop3://${HOST}:${ports.plain}/1`);
  screen.line(
    `   curl --user ${ALICE.name}:${ALICE.password} --cacert ${authorityFile} ` +
      `pop3s://${HOST}:${ports.tls}/1`,
  );
  screen.line();
  screen.line(`   What is said is written to ${folder}/var/logs/pop3.log and pop3s.log.`);
  screen.line("   Ctrl-C ends the server and removes all of this.");
}

function describeNext(screen: Screen): void {
  const start = isCheckout() ? `sh scripts/${PROGRAM}` : PROGRAM;
  const rows = [
    [`${start} demo --keep`, "the same, and then a server for your mail client to try"],
    ["edit config.toml", "its comments say how; docs/settings.md has every setting"],
    [`${start} user add NAME`, "adds a user; the password is asked for"],
    [`${start} serve`, "runs the server, and the retriever if one is configured"],
  ] as const;
  const width = Math.max(...rows.map(([what]) => what.length)) + 3;
  screen.heading("What to do next");
  for (const [what, why] of rows) screen.line(`   ${what.padEnd(width)}${why}`);
}

/** Whether the program runs from its sources, and so by way of its launcher. */
function isCheckout(): boolean {
  return !Deno.build.standalone && import.meta.url.endsWith("/lib/cli/demo.ts");
}

/** The subcommand. */
export const demo: Subcommand = {
  name: "demo",
  summary: "see the program work: a server, a retriever and what they say, in a few seconds",
  description: [
    "It makes a throw-away folder with two users, sample mail and certificates of its own, starts " +
    "the server on free ports of this machine, logs in by every method, reads and deletes mail, " +
    "and has the retriever collect one mailbox into the other. Every command and answer is " +
    "shown. Then it stops the server and removes the folder. It needs no config.",
  ],
  flags: [{ name: "keep", summary: "stay up for a mail client to try, until Ctrl-C" }],
  examples: [
    { line: "demo", does: "see it work" },
    { line: "demo --keep", does: "then connect to it with a mail client of your own" },
  ],
  run,
};
