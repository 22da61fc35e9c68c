/**
 * Logging in at a remote server, by one method at a time.
 *
 * @module
 */
import { decodeBase64, encodeBase64 } from "../auth/base64.ts";
import { apopDigest } from "../auth/digests.ts";
import {
  cramMd5Message,
  externalMessage,
  OAUTHBEARER_ACKNOWLEDGEMENT,
  oauthBearerMessage,
  plainMessage,
  XOAUTH2_ACKNOWLEDGEMENT,
  xoauth2Message,
} from "../auth/sasl.ts";
import type { ClientMechanism } from "../auth/types.ts";
import { quotes } from "../log/mask.ts";
import { latin1 } from "../wire/text.ts";
import { LoginError, ProtocolError } from "./errors.ts";
import type { ServerOptions } from "./options.ts";
import { type Pop3Client, quoted, type SaslReply, type Status } from "./pop3_client.ts";
import type { TokenSource } from "./token_source.ts";

/** The longest AUTH command with an initial response (RFC 5034 section 4), line end included. */
const LONGEST_AUTH = 255;

/** What a login needs to know. */
export interface LoginContext {
  /** The server, user and password. */
  readonly server: ServerOptions;
  /** The time stamp of a greeting that can be trusted (RFC 1939 section 7), if there was one. */
  readonly apopStamp: string | undefined;
  /** Gives tokens, if any are configured. */
  readonly tokens: TokenSource | undefined;
}

/** How a method fared. */
export type LoginOutcome =
  | { readonly kind: "accepted" }
  /** The server said no, or the method is impossible here: the next may succeed. */
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Tries a method.
 *
 * @throws {LoginError} if no other method can help: the mailbox is in use, the server out of order
 * @throws {SessionError} if the connection ends
 */
export async function logIn(
  client: Pop3Client,
  mechanism: ClientMechanism,
  context: LoginContext,
): Promise<LoginOutcome> {
  switch (mechanism) {
    case "USERPASS":
      return await userPass(client, context);
    case "APOP":
      return await apop(client, context);
    case "SASL_XOAUTH2":
    case "SASL_OAUTHBEARER":
      return await bearer(client, mechanism, context);
    default:
      return await simpleSasl(client, mechanism, context);
  }
}

async function userPass(client: Pop3Client, { server }: LoginContext): Promise<LoginOutcome> {
  const { username, password } = server;
  if (username === undefined || password === undefined) {
    return impossible("no password is configured");
  }
  const user = await client.command(`USER ${username}`);
  if (!user.ok) return judged(user);
  return judged(await client.command(`PASS ${password}`));
}

async function apop(client: Pop3Client, context: LoginContext): Promise<LoginOutcome> {
  const { server: { username, password, tls }, apopStamp } = context;
  if (username === undefined || password === undefined) {
    return impossible("no password is configured");
  }
  if (apopStamp === undefined) {
    return impossible(
      tls === "stls"
        ? "APOP's time stamp comes with the greeting, which cannot be trusted before STLS"
        : "the server's greeting has no time stamp for APOP",
    );
  }
  const digest = latin1(apopDigest(apopStamp, password));
  return judged(await client.command(`APOP ${username} ${digest}`));
}

async function simpleSasl(
  client: Pop3Client,
  mechanism: "SASL_PLAIN" | "SASL_CRAM_MD5" | "SASL_EXTERNAL",
  { server }: LoginContext,
): Promise<LoginOutcome> {
  const { username, password } = server;
  if (mechanism === "SASL_EXTERNAL") {
    if (server.tlsOptions?.cert === undefined) {
      return impossible("no client certificate is configured");
    }
    return await exchange(client, "EXTERNAL", server.initrsp, [externalMessage()]);
  }
  if (username === undefined || password === undefined) {
    return impossible("no password is configured");
  }
  if (mechanism === "SASL_PLAIN") {
    return await exchange(client, "PLAIN", server.initrsp, [plainMessage(username, password)]);
  }
  // CRAM-MD5 has no initial response (RFC 2195): the server speaks first.
  return await exchange(client, "CRAM-MD5", false, [
    (challenge) => cramMd5Message(challenge, username, password),
  ]);
}

async function bearer(
  client: Pop3Client,
  mechanism: "SASL_XOAUTH2" | "SASL_OAUTHBEARER",
  { server, tokens }: LoginContext,
): Promise<LoginOutcome> {
  if (tokens === undefined) return impossible("no access token is configured");
  const user = server.username ?? "";
  while (true) {
    const token = await tokens.token();
    const outcome = mechanism === "SASL_XOAUTH2"
      ? await exchange(client, "XOAUTH2", server.initrsp, [
        xoauth2Message(user, token),
        XOAUTH2_ACKNOWLEDGEMENT,
      ])
      : await exchange(client, "OAUTHBEARER", server.initrsp, [
        oauthBearerMessage({ user, host: server.host, port: server.port, token }),
        OAUTHBEARER_ACKNOWLEDGEMENT,
      ]);
    // A token may have been revoked before its time; a fresh one is tried once.
    if (outcome.kind === "accepted" || !tokens.refused(token)) return outcome;
  }
}

/** A client's message, or what makes it of the server's challenge. */
type Message = Uint8Array | ((challenge: Uint8Array) => Uint8Array);

/**
 * A SASL exchange (RFC 5034 section 4): the first message answers the first challenge or goes with
 * the command, each later one answers the next challenge.
 */
async function exchange(
  client: Pop3Client,
  name: string,
  initialResponse: boolean,
  messages: readonly Message[],
): Promise<LoginOutcome> {
  const [first, ...others] = messages;
  let left = messages;
  let command = `AUTH ${name}`;
  if (initialResponse && first instanceof Uint8Array) {
    const line = `${command} ${encodeBase64(first) || "="}`;
    if (line.length + 2 <= LONGEST_AUTH) {
      command = line;
      left = others;
    }
  }
  await client.send(command);
  let reply: SaslReply = await client.saslReply();
  let explained = "";
  let cancelled = false;
  while ("challenge" in reply) {
    // Only a status can follow the end; a server that goes on asking would never be done with.
    if (cancelled) throw new ProtocolError(`the server goes on after AUTH ${name} was cancelled`);
    const [message, ...rest] = left;
    left = rest;
    const challenge = decodeBase64(reply.challenge);
    if (rest.length === 0 && messages.length > 1) explained = explanation(challenge, first);
    const answer = message instanceof Uint8Array ? message : challenge && message?.(challenge);
    cancelled = answer === undefined;
    await client.send(answer === undefined ? "*" : encodeBase64(answer));
    reply = await client.saslReply();
  }
  return judged(reply, explained);
}

/**
 * What a refused token's challenge says: a JSON text (RFC 7628 section 3.2.2). Nothing, if it
 * repeats the token that came with the first message, for it goes into logs.
 */
function explanation(challenge: Uint8Array | undefined, first: Message | undefined): string {
  const text = latin1(challenge ?? new Uint8Array(0));
  const repeats = first instanceof Uint8Array && quotes(text, encodeBase64(first));
  return text === "" || repeats ? "" : ` (${quoted(text)})`;
}

function impossible(reason: string): LoginOutcome {
  return { kind: "refused", reason };
}

function judged(status: Status, explained = ""): LoginOutcome {
  if (status.ok) return { kind: "accepted" };
  const { code, text } = status;
  // RFC 3206 and RFC 2449 section 8.1: the fault is not in the credentials.
  if (code !== undefined && /^(?:IN-USE|LOGIN-DELAY|SYS\/|SYS$)/.test(code)) {
    throw new LoginError(`the server does not let us in now: ${quoted(text)}`);
  }
  return { kind: "refused", reason: `the server refused it: ${quoted(text)}${explained}` };
}
