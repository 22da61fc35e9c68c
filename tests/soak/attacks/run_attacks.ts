/**
 * Measures what a polite client notices of attacks.
 *
 * @module
 */
import { configText, maildirOf, Program, runProgram } from "../../support/program.ts";
import { HelperProcess } from "../helper_process.ts";
import type { Target } from "./attacker.ts";
import { type Attack, ATTACKS, HEAVY_MAILBOXES, LARGE_MAILBOXES } from "./kinds.ts";
import { type Latency, measureLatency, POLITE_OCTETS, POLITE_USERS } from "./polite_client.ts";

const PASSWORD = "soak";
/** Between polite sessions, in milliseconds; a dear hash costs a core some tenths of a second. */
const INTERVAL = { usual: 50, hashes: 500 } as const;
/** How long an attack builds up before its effect is measured, in milliseconds. */
const BUILD_UP = 3000;
/** Attackers have machines of their own: here they give way to the server. */
const NICE = 10;

/** What one attack did. */
export interface AttackResult {
  readonly name: string;
  readonly title: string;
  readonly before: Latency;
  readonly during: Latency;
  /** What the attackers did, and how often. */
  readonly counts: Readonly<Record<string, number>>;
}

/** How they are run. */
export interface AttackPlan {
  /** Names of the attacks. */
  readonly only: readonly string[];
  readonly workers: number;
  /** How long each is measured, and as long without it. */
  readonly seconds: number;
  readonly onResult?: (result: AttackResult) => void;
}

/** Runs attacks, one after the other, each on a server of its own with the default limits. */
export async function runAttacks(plan: AttackPlan): Promise<AttackResult[]> {
  const results: AttackResult[] = [];
  const hash = await dearHash();
  for (const attack of ATTACKS.filter(({ name }) => plan.only.includes(name))) {
    await using program = await startProgram(plan, attack, hash);
    const result = await measure(plan, attack, program);
    results.push(result);
    plan.onResult?.(result);
    await program.stop();
  }
  return results;
}

async function measure(
  { seconds }: AttackPlan,
  attack: Attack,
  program: Program,
): Promise<AttackResult> {
  const ports = { plain: program.port("plain"), tls: program.port("tls") };
  const interval = attack.hashes ? INTERVAL.hashes : INTERVAL.usual;
  const job = { port: ports.plain, password: PASSWORD, interval };
  // The first sessions find no compiled code, no cache, and nobody who was seen before.
  await measureLatency({ ...job, seconds: interval * POLITE_USERS / 1000 });
  const before = await measureLatency({ ...job, seconds });
  const target: Target = { ports, password: PASSWORD };
  await using attackers = HelperProcess.start<Record<string, number>>(
    "attacks/main.ts",
    [attack.name, JSON.stringify(target)],
    // Loopback addresses of its own choice to come from.
    ["--allow-net"],
    NICE,
  );
  await new Promise((resolve) => setTimeout(resolve, BUILD_UP));
  const during = await measureLatency({ ...job, seconds });
  const counts = await attackers.lastWord();
  return { name: attack.name, title: attack.title, before, during, counts };
}

/** A hash as the program itself makes them. */
async function dearHash(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "mailismus-test-" });
  try {
    await Deno.writeTextFile(`${folder}/users`, "", { mode: 0o600 });
    const config = configText().replace("plainpass = true", "plainpass = false");
    await Deno.writeTextFile(`${folder}/config.toml`, config);
    const args = ["user", "add", "somebody", "--config", `${folder}/config.toml`];
    const { code, stderr } = await runProgram(args, { input: `${PASSWORD}\n` });
    if (code !== 0) throw new Error(`A user could not be added: ${stderr}`);
    return (await Deno.readTextFile(`${folder}/users`)).trim().replace(/^somebody:/, "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function startProgram({ workers }: AttackPlan, attack: Attack, hash: string): Promise<Program> {
  const names = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, at) => `${prefix}${at}`);
  const secret = attack.hashes ? hash : `{PLAIN}${PASSWORD}`;
  const users = [
    ...names("polite", POLITE_USERS),
    ...names("heavy", HEAVY_MAILBOXES.users),
    ...names("large", LARGE_MAILBOXES.users),
  ];
  return Program.start({
    config: configText().replace("plainpass = true", "plainpass = false")
      .replace(`auth_delay = "100ms"`, "").replace("workers = 2", `workers = ${workers}`),
    users: users.map((user) => `${user}:${secret}\n`).join(""),
    prepare: (folder) => {
      fill(folder, names("polite", POLITE_USERS), 1, POLITE_OCTETS);
      if (attack.name === "deaf" || attack.name === "commands") {
        fill(folder, names("heavy", HEAVY_MAILBOXES.users), 1, HEAVY_MAILBOXES.bytes);
      }
      if (attack.name === "listings") {
        fill(folder, names("large", LARGE_MAILBOXES.users), LARGE_MAILBOXES.messages, 100);
      }
    },
  });
}

/** Gives mailboxes messages of that many octets; the same file under many names. */
function fill(folder: string, users: readonly string[], messages: number, octets: number): void {
  const source = `${folder}/message-${octets}`;
  Deno.writeTextFileSync(source, messageOf(octets), { mode: 0o600 });
  for (const user of users) {
    const maildir = maildirOf(folder, user);
    for (const part of ["tmp", "new", "cur"]) {
      Deno.mkdirSync(`${maildir}/${part}`, { recursive: true, mode: 0o700 });
    }
    for (let message = 1; message <= messages; message++) {
      Deno.linkSync(source, `${maildir}/cur/${1_700_000_000 + message}.M1P1.soak:2,S`);
    }
  }
}

/** Text of so many octets on the wire, which are as many on disk. */
function messageOf(octets: number): string {
  const header = "Subject: Attack\r\n\r\n";
  const line = `${"x".repeat(70)}\r\n`;
  const lines = Math.floor((octets - header.length) / line.length) - 1;
  const rest = octets - header.length - lines * line.length - 2;
  return `${header}${line.repeat(lines)}${"y".repeat(rest)}\r\n`;
}
