/**
 * `init`: asks a few questions and writes a config.
 *
 * @module
 */
import { EXIT_USAGE, UserError } from "../errors.ts";
import { ACCOUNT_KEYS } from "../init/account_flag.ts";
import { askPlan, type InitFlags } from "../init/ask_plan.ts";
import { type Asker, Questions } from "../init/asker.ts";
import type { Plan } from "../init/plan.ts";
import { PROVIDERS } from "../init/providers.ts";
import { checkPlace, writePlan, type Written } from "../init/write_plan.ts";
import { decodeText } from "../wire/text.ts";
import type { CommandArgs, Subcommand } from "./command.ts";
import { PROGRAM } from "./help.ts";
import { printError, printLine, writeOut } from "./output.ts";
import { standardSecretInput } from "./secret_input.ts";

/** The subcommand. */
export const initCommand: Subcommand = {
  name: "init",
  summary: "ask a few questions and write a config that works",
  description: [
    "It sets up local mailboxes that mail clients read by POP3, accounts elsewhere that mail is " +
    "collected from, or both. Whatever the flags do not say is asked for; without a terminal the " +
    "flags must say all of it.",
    'The config goes to --config, users and secrets into files beside it, in the folder "conf", ' +
    "that only their owner can read. Nothing is ever overwritten.",
    `Providers: ${PROVIDERS.map(({ id }) => id).join(", ")}.`,
    "An --account is a list of key=value with commas between; the keys are " +
    Object.entries(ACCOUNT_KEYS).map(([key, what]) => `${key} (${what})`).join(", ") + ".",
  ],
  flags: [
    { name: "serve", value: "yes|no", summary: "whether mailboxes are served here" },
    { name: "cert", value: "FILE", summary: "the server's certificate, PEM; without it no TLS" },
    { name: "key", value: "FILE", summary: "its private key, PEM" },
    {
      name: "interface",
      value: "ADDRESS",
      summary: "the address to listen on, or all (default: all, without TLS 127.0.0.1)",
    },
    { name: "port", value: "N", summary: "the port to listen on (default 995, without TLS 110)" },
    {
      name: "user",
      value: "NAME=FILE",
      multiple: true,
      summary: "a local user, and a file whose first line is the password",
    },
    {
      name: "account",
      value: "KEY=VALUE,…",
      multiple: true,
      summary: "an account to collect from",
    },
  ],
  examples: [
    { line: "init", does: "be asked" },
    {
      line: "init --serve no --account username=anna@gmail.com,password=app.txt,mailbox=anna",
      does: "collect from Gmail every ten minutes, without a question",
    },
    {
      line: "init --config /etc/mailismus/config.toml --serve yes --cert cert.pem --key key.pem " +
        "--user anna=password.txt",
      does: "serve a mailbox with TLS",
    },
  ],
  run: (args) => runInit(args, standardAsker()),
};

/**
 * Asks, writes, and says what to do next.
 *
 * @param asker whom to ask
 * @returns the exit status, 0
 * @throws {UserError} if a file is in the way, an answer is missing, or the config would not work
 */
export async function runInit(args: CommandArgs, asker: Asker): Promise<number> {
  await checkPlace(args.configFile);
  const plan = await askPlan(flagsOf(args), new Questions(asker));
  const written = await writePlan(plan, args.configFile);
  for (const warning of written.warnings) printError(`Warning: ${warning}`);
  writeOut(report(plan, written, args.configFile));
  return 0;
}

function flagsOf(args: CommandArgs): InitFlags {
  return {
    serve: args.value("serve"),
    cert: args.value("cert"),
    key: args.value("key"),
    interface: args.value("interface"),
    port: args.value("port"),
    users: args.values("user"),
    accounts: args.values("account"),
  };
}

function report({ server, accounts }: Plan, { files }: Written, configFile: string): string {
  let text = files.map((file) => `Wrote ${file}\n`).join("");
  for (const { id, provider, username, secret } of accounts) {
    if (provider.before.length > 0) {
      text += `\nBefore the first run, for ${username} (${provider.name}):\n` +
        provider.before.map((step) => `  - ${step}\n`).join("");
    }
    if (secret.kind === "oauth" && secret.refreshToken === undefined) {
      text +=
        `  - Put the refresh token into conf/tokens/${id}.refresh beside the config, with mode 0600, ` +
        "and delete the account's line enabled = false.\n";
    }
  }
  const command = (words: string) => `  ${PROGRAM} ${words} --config ${configFile}\n`;
  text += `\nNext:\n${command("check")}`;
  if (accounts.length > 0) text += command("retrieve --once --dry-run");
  text += command("serve");
  if (server !== undefined && server.port < 1024) {
    text +=
      `Port ${server.port} takes a right that root has, or the service that this describes:\n` +
      command("permissions --systemd");
  }
  return text;
}

/** The terminal, or nobody. */
function standardAsker(): Asker {
  if (!Deno.stdin.isTerminal()) {
    const nobody = () => Promise.resolve(null);
    return { interactive: false, line: nobody, secret: nobody, tell: () => {} };
  }
  const secrets = standardSecretInput();
  return {
    interactive: true,
    line: (question) => {
      writeOut(`${question} `);
      return Promise.resolve(readLine());
    },
    secret: (question) => secrets.ask(question),
    tell: printLine,
  };
}

/** The most octets of an answer. */
const MAX_ANSWER = 64 * 1024;

/** A line that is typed; null at the end of input. */
function readLine(): string | null {
  const typed: number[] = [];
  const byte = new Uint8Array(1);
  while (true) {
    const n = Deno.stdin.readSync(byte);
    if (n === null && typed.length === 0) return null;
    if (n === null || byte[0] === 0x0a) break;
    if (typed.length >= MAX_ANSWER) throw new UserError("The answer is too long", EXIT_USAGE);
    typed.push(byte[0]!);
  }
  return (decodeText(Uint8Array.from(typed)) ?? "").replace(/\r$/, "");
}
