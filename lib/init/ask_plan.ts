/**
 * All questions, in their order.
 *
 * @module
 */
import { EXIT_USAGE, UserError } from "../errors.ts";
import { type AccountFlag, parseAccountFlag } from "./account_flag.ts";
import {
  listenAddress,
  password,
  portNumber,
  presentFile,
  secretOf,
  userName,
  yesNo,
} from "./answers.ts";
import { askAccount } from "./ask_account.ts";
import type { Questions } from "./asker.ts";
import type { AccountPlan, Plan, ServerPlan, UserPlan } from "./plan.ts";

/** What the command line says. */
export interface InitFlags {
  /** `--serve`. */
  readonly serve?: string | undefined;
  /** `--cert`. */
  readonly cert?: string | undefined;
  /** `--key`. */
  readonly key?: string | undefined;
  /** `--interface`. */
  readonly interface?: string | undefined;
  /** `--port`. */
  readonly port?: string | undefined;
  /** `--user`, each a name or `NAME=FILE`. */
  readonly users: readonly string[];
  /** `--account`, each `key=value,…`. */
  readonly accounts: readonly string[];
}

/**
 * Asks for all that the flags do not say.
 *
 * @throws {UserError} if a flag is wrong, answers are missing, or nothing is to be done
 */
export async function askPlan(flags: InitFlags, questions: Questions): Promise<Plan> {
  const given = flags.accounts.map(parseAccountFlag);
  const server = await askServer(flags, questions);
  const users = await askUsers(flags, questions, server !== undefined);
  const accounts = await askAccounts(given, questions, users[0]?.name);
  await addRecipients(users, accounts, questions, server !== undefined);
  questions.finish();
  if (server === undefined && accounts.length === 0) {
    throw new UserError(
      "No mailboxes to serve and no accounts to collect from: nothing to set up",
      EXIT_USAGE,
    );
  }
  return { ...(server && { server }), users, accounts };
}

async function askServer(flags: InitFlags, questions: Questions): Promise<ServerPlan | undefined> {
  const serve = await questions.ask({
    flag: "--serve yes|no (whether mailboxes are served here)",
    text: "Serve mailboxes here, for mail clients to read by POP3 (yes or no)",
    suggested: "yes",
    parse: yesNo,
  }, flags.serve);
  if (serve !== true) {
    const idle = (["cert", "key", "interface", "port"] as const).find((name) => flags[name]);
    if (idle !== undefined && serve === false) {
      throw new UserError(`--${idle} goes with --serve yes only`, EXIT_USAGE);
    }
    return undefined;
  }
  return await askListener(flags, questions);
}

async function askListener(flags: InitFlags, questions: Questions): Promise<ServerPlan> {
  const optionalFile = (answer: string) => answer === "" ? undefined : presentFile(answer);
  const cert = await questions.ask({
    flag: "--cert FILE",
    text: "Certificate for TLS with its chain, a PEM file (empty: without TLS)",
    fallback: "",
    parse: optionalFile,
  }, flags.cert);
  if (cert === undefined && flags.key !== undefined) {
    throw new UserError("--key goes with --cert only", EXIT_USAGE);
  }
  const key = cert === undefined ? undefined : await questions.ask({
    flag: "--key FILE",
    text: "Its private key, a PEM file",
    parse: presentFile,
  }, flags.key);
  const address = await questions.ask({
    flag: "--interface ADDRESS",
    text: "Address to listen on (all, or 127.0.0.1 for this machine alone)",
    // Unencrypted, passwords shall not leave the machine unless somebody says so.
    fallback: cert === undefined ? "127.0.0.1" : "all",
    parse: listenAddress,
  }, flags.interface);
  const port = await questions.ask({
    flag: "--port N",
    text: "Port",
    fallback: cert === undefined ? "110" : "995",
    parse: portNumber,
  }, flags.port);
  return {
    port: port ?? 0,
    ...(address === undefined ? {} : { interface: address }),
    ...(cert === undefined ? {} : { tls: { cert, key: key ?? "" } }),
  };
}

async function askUsers(
  flags: InitFlags,
  questions: Questions,
  serve: boolean,
): Promise<UserPlan[]> {
  const users: UserPlan[] = [];
  const free = (answer: string): string => {
    const wanted = userName(answer);
    if (!users.some(({ name }) => name === wanted)) return wanted;
    throw new UserError(`there is a user "${answer}" already`);
  };
  for (const each of flags.users) {
    const at = each.indexOf("=");
    const given = at < 0 ? each : each.slice(0, at);
    const question = { flag: "--user NAME=FILE", text: "Name", parse: free };
    const name = await questions.ask(question, given) ?? "";
    users.push(await withPassword(name, questions, at < 0 ? undefined : each.slice(at + 1)));
  }
  if (!serve || users.length > 0) return users;
  if (!questions.interactive) {
    questions.miss("--user NAME=FILE (a user, and the file whose first line is the password)");
    return users;
  }
  while (true) {
    const name = await questions.ask({
      flag: "--user",
      text: users.length === 0 ? "Name of the first user" : "Name of another user (empty: no more)",
      parse: (answer) => answer === "" && users.length > 0 ? "" : free(answer),
    });
    if (!name) return users;
    users.push(await withPassword(name, questions));
  }
}

async function withPassword(
  name: string,
  questions: Questions,
  file?: string,
): Promise<UserPlan> {
  const flag = `--user ${name}=FILE (the file's first line is the password)`;
  if (file !== undefined) {
    const parse = (path: string) => secretOf(path, password);
    const value = await questions.ask({ flag, text: "", parse }, file);
    return { name, password: value ?? "" };
  }
  while (true) {
    const question = { flag, secret: true, parse: password } as const;
    const first = await questions.ask({ ...question, text: `Password for "${name}"` });
    if (first === undefined) return { name, password: "" };
    const second = await questions.ask({ ...question, text: "The same again", parse: String });
    if (first === second) return { name, password: first };
    questions.tell("  The two passwords are not the same: once more");
  }
}

async function askAccounts(
  given: readonly AccountFlag[],
  questions: Questions,
  suggestedUser: string | undefined,
): Promise<AccountPlan[]> {
  const accounts: AccountPlan[] = [];
  const ask = async (flag: AccountFlag, username?: string): Promise<void> => {
    const account = await askAccount(questions, {
      given: flag,
      ...(username === undefined ? {} : { username }),
      ids: new Set(accounts.map(({ id }) => id)),
      suggestedUser,
    });
    if (account !== undefined) accounts.push(account);
  };
  for (const flag of given) await ask(flag);
  if (given.length > 0 || !questions.interactive) return accounts;
  while (true) {
    const which = accounts.length === 0 ? "an account" : "another account";
    const username = await questions.ask({
      flag: "--account",
      text: `User name or address of ${which} elsewhere to collect mail from (empty: none)`,
      parse: (answer) => answer,
    });
    if (!username) return accounts;
    await ask(new Map(), username);
  }
}

/** A mailbox needs its user; where it is served, one who can log in. */
async function addRecipients(
  users: UserPlan[],
  accounts: readonly AccountPlan[],
  questions: Questions,
  serve: boolean,
): Promise<void> {
  for (const { destination } of accounts) {
    if (destination.kind !== "mailbox" || destination.user === "") continue;
    const { user: name } = destination;
    if (users.some((user) => user.name === name)) continue;
    if (serve) users.push(await withPassword(name, questions));
    else users.push({ name });
  }
}
