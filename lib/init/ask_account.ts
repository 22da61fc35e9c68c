/**
 * The questions about an account to collect from.
 *
 * @module
 */
import { EXIT_USAGE, UserError } from "../errors.ts";
import type { AccountFlag, AccountKey } from "./account_flag.ts";
import {
  clientId,
  hostAndPort,
  hostName,
  mailAddress,
  oneLine,
  password,
  portNumber,
  presentFile,
  secretOf,
  timeBetween,
  token,
  userName,
  yesNo,
} from "./answers.ts";
import type { Questions } from "./asker.ts";
import type { AccountPlan, Destination, Secret } from "./plan.ts";
import { findProvider, type Provider, providerOf, PROVIDERS, type TlsMode } from "./providers.ts";

/** What is known when an account is asked for. */
export interface AccountContext {
  /** What the flag says; empty if there is none. */
  readonly given: AccountFlag;
  /** The user there, if it is known already. */
  readonly username?: string;
  /** The ids of other accounts. */
  readonly ids: ReadonlySet<string>;
  /** The local user that is suggested to get the messages. */
  readonly suggestedUser: string | undefined;
}

const flag = (key: AccountKey, what: string): string => `--account ${key}=${what}`;

/**
 * Asks for what is not known of an account.
 *
 * @returns undefined if its provider has no POP3, which was told then
 */
export async function askAccount(
  questions: Questions,
  context: AccountContext,
): Promise<AccountPlan | undefined> {
  const { given } = context;
  const username = context.username ?? await questions.ask({
    flag: flag("username", "USER"),
    text: "User name there, usually the whole address",
    parse: oneLine,
  }, given.get("username")) ?? "";
  const provider = await askProvider(questions, username, given.get("provider"));
  if (!provider.pop3) {
    const why = provider.before.join(" ");
    if (!questions.interactive) throw new UserError(`--account ${username}: ${why}`, EXIT_USAGE);
    questions.tell(why);
    return undefined;
  }
  if (provider.before.length > 0) {
    questions.tell("Do this in the account first:");
    for (const step of provider.before) questions.tell(`  - ${step}`);
  }
  const id = await askId(questions, context, username, provider);
  const place = await askServer(questions, given, provider);
  const secret = await askSecret(questions, given, provider);
  const destination = await askDestination(questions, context, id);
  const keep = await questions.ask({
    flag: flag("keep", "yes|no"),
    text: "Leave the messages there after they were fetched (yes or no)",
    fallback: "no",
    parse: yesNo,
  }, given.get("keep")) ?? false;
  const every = await questions.ask({
    flag: flag("every", "10m"),
    text: "Time between two runs",
    fallback: "10m",
    parse: timeBetween,
  }, given.get("every")) ?? "10m";
  return { id, provider, username, ...place, secret, destination, keep, every };
}

async function askProvider(
  questions: Questions,
  username: string,
  given: string | undefined,
): Promise<Provider> {
  const guess = (providerOf(username) ?? findProvider("isp")!).id;
  if (given === undefined && guess === "isp") {
    for (const { id, name } of PROVIDERS) questions.tell(`  ${id.padEnd(13)}${name}`);
  }
  const provider = await questions.ask({
    flag: flag("provider", "NAME"),
    text: "Provider",
    fallback: guess,
    parse: (answer) => {
      const found = findProvider(answer);
      if (found !== undefined) return found;
      const known = PROVIDERS.map((one) => one.id).join(", ");
      throw new UserError(`${JSON.stringify(answer)} is no provider known here: ${known}`);
    },
  }, given);
  return provider ?? findProvider("isp")!;
}

/** The id is not asked for: one is made of the user and the provider. */
async function askId(
  questions: Questions,
  { given, ids }: AccountContext,
  username: string,
  provider: Provider,
): Promise<string> {
  const wanted = given.get("id");
  if (wanted !== undefined) {
    const free = (answer: string): string => {
      if (!ids.has(clientId(answer))) return answer;
      throw new UserError(`another account is "${answer}" already`);
    };
    return await questions.ask({ flag: flag("id", "ID"), text: "", parse: free }, wanted) ?? wanted;
  }
  const user = username.replace(/@.*$/, "").replace(/[^A-Za-z0-9._+-]+/g, "_");
  const base = `${user}-${provider.id}`.replace(/^[^A-Za-z0-9]+/, "").slice(0, 90);
  let id = base;
  for (let n = 2; ids.has(id); n++) id = `${base}-${n}`;
  return id;
}

async function askServer(
  questions: Questions,
  given: AccountFlag,
  provider: Provider,
): Promise<{ host: string; port: number; tls: TlsMode }> {
  const known = provider.host !== undefined;
  const host = known && !given.has("host") ? provider.host : await questions.ask({
    flag: flag("host", "HOST"),
    text: "POP3 server",
    parse: hostName,
  }, given.get("host"));
  const tls = known && !given.has("tls") ? provider.tls : await questions.ask({
    flag: flag("tls", "implicit|stls|none"),
    text: "Encryption: implicit (from the start), stls (after the greeting) or none",
    fallback: provider.tls,
    parse: tlsMode,
  }, given.get("tls"));
  const usual = tls === "implicit" ? 995 : 110;
  const port = known && !given.has("port") ? provider.port : await questions.ask({
    flag: flag("port", "N"),
    text: "Port",
    fallback: String(usual),
    parse: portNumber,
  }, given.get("port"));
  return { host: host ?? "", port: port ?? usual, tls: tls ?? provider.tls };
}

function tlsMode(answer: string): TlsMode {
  const mode = answer.toLowerCase();
  if (mode === "implicit" || mode === "stls" || mode === "none") return mode;
  throw new UserError(`${JSON.stringify(answer)} is none of implicit, stls and none`);
}

async function askSecret(
  questions: Questions,
  given: AccountFlag,
  provider: Provider,
): Promise<Secret> {
  const byToken = (["token", "client-id", "refresh-token"] as const).some((key) => given.has(key));
  if (given.has("password") && byToken) {
    throw new UserError("--account: password stands beside a token; one of the two", EXIT_USAGE);
  }
  if (byToken || (provider.login === "OAuth" && !given.has("password"))) {
    return await askToken(questions, given, provider);
  }
  if (provider.login === "OAuth") {
    throw new UserError(
      `--account: ${provider.name} takes no passwords, but OAuth: client-id and refresh-token, or token`,
      EXIT_USAGE,
    );
  }
  const file = given.get("password");
  const question = {
    flag: flag("password", "FILE"),
    text: provider.login === "app password" ? "App password" : "Password",
  };
  const value = file === undefined
    ? await questions.ask({ ...question, secret: true, parse: password })
    : await questions.ask({ ...question, parse: (path) => secretOf(path, password) }, file);
  // Shown in groups of four, to be typed without the spaces.
  const grouped = provider.login === "app password" && /^\w{4}( \w{4}){3}$/.test(value ?? "");
  return { kind: "password", value: grouped ? value!.replaceAll(" ", "") : value ?? "" };
}

async function askToken(
  questions: Questions,
  given: AccountFlag,
  provider: Provider,
): Promise<Secret> {
  const kept = given.get("token");
  if (kept !== undefined) {
    const path = await questions.ask(
      { flag: flag("token", "FILE"), text: "", parse: presentFile },
      kept,
    );
    return { kind: "token file", path: path ?? kept };
  }
  if (provider.oauth === undefined) {
    const known = PROVIDERS.filter(({ oauth }) => oauth).map(({ id }) => id).join(", ");
    throw new UserError(
      `--account: refresh tokens are known for ${known} alone; for others give token=FILE`,
      EXIT_USAGE,
    );
  }
  const id = await questions.ask({
    flag: flag("client-id", "ID"),
    text: "Client id of the registered application",
    parse: oneLine,
  }, given.get("client-id"));
  const file = given.get("refresh-token");
  const question = { flag: flag("refresh-token", "FILE") };
  const refreshToken = file === undefined
    ? await questions.ask({
      ...question,
      text: "Refresh token (empty if you have none yet)",
      suggested: "",
      secret: true,
      parse: (answer) => answer.trim() === "" ? undefined : token(answer),
    })
    : await questions.ask({ ...question, text: "", parse: (path) => secretOf(path, token) }, file);
  return { kind: "oauth", clientId: id ?? "", ...(refreshToken && { refreshToken }) };
}

const DESTINATIONS = ["mailbox", "folder", "smtp"] as const;

async function askDestination(
  questions: Questions,
  { given, suggestedUser }: AccountContext,
  id: string,
): Promise<Destination> {
  const named = DESTINATIONS.filter((key) => given.has(key));
  if (named.length > 1) {
    throw new UserError(`--account: ${named.join(" stands beside ")}; one destination`, EXIT_USAGE);
  }
  const kind = named[0] ?? await questions.ask({
    flag: "--account mailbox=USER, folder=PATH or smtp=ADDRESS",
    text: "Deliver to a local mailbox, a folder of files, or a mail server (mailbox, folder, smtp)",
    suggested: "mailbox",
    parse: (answer) => {
      const found = DESTINATIONS.find((each) => each === answer.toLowerCase());
      if (found !== undefined) return found;
      throw new UserError(`${JSON.stringify(answer)} is none of ${DESTINATIONS.join(", ")}`);
    },
  });
  if (kind === "folder") {
    const path = await questions.ask({
      flag: flag("folder", "PATH"),
      text: "Folder",
      suggested: `%DIRVAR%/downloads/${id}`,
      parse: oneLine,
    }, given.get("folder"));
    return { kind, path: path ?? "" };
  }
  if (kind === "smtp") return await askSmtp(questions, given);
  // Nobody is there to answer.
  if (kind === undefined) return { kind: "mailbox", user: "" };
  const user = await questions.ask({
    flag: flag("mailbox", "USER"),
    text: "Local user who gets the messages",
    ...(suggestedUser === undefined ? {} : { suggested: suggestedUser }),
    parse: userName,
  }, given.get("mailbox"));
  return { kind: "mailbox", user: user ?? "" };
}

async function askSmtp(questions: Questions, given: AccountFlag): Promise<Destination> {
  const recipient = await questions.ask({
    flag: flag("smtp", "ADDRESS"),
    text: "Address that the messages are sent to",
    parse: mailAddress,
  }, given.get("smtp"));
  const server = await questions.ask({
    flag: flag("smtp-server", "HOST:PORT"),
    text: "Mail server that takes them",
    fallback: "localhost:25",
    parse: hostAndPort,
  }, given.get("smtp-server"));
  const sender = await questions.ask({
    flag: flag("sender", "ADDRESS"),
    text: "Sender that it is told",
    fallback: "pop3downloader@localhost",
    parse: mailAddress,
  }, given.get("sender"));
  return { kind: "smtp", recipient: recipient ?? "", server: server ?? "", sender: sender ?? "" };
}
