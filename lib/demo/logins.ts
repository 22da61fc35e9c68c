/**
 * The login methods from a client's point of view.
 *
 * @module
 */
import { decodeBase64, encodeBase64 } from "../auth/base64.ts";
import { apopDigest, findApopStamp } from "../auth/digests.ts";
import { cramMd5Message, externalMessage, plainMessage } from "../auth/sasl.ts";
import type { ServerMechanism } from "../auth/types.ts";
import { UserError } from "../errors.ts";
import { MASK } from "../log/mask.ts";
import { latin1 } from "../wire/text.ts";
import type { DemoClient, Reply } from "./client.ts";
import type { DemoUser } from "./site.ts";

/** A login method of the demo. */
export interface LoginMethod {
  /** What the settings call it. */
  readonly mechanism: ServerMechanism;
  /** What people call it. */
  readonly title: string;
  /** What there is to know of it, in a line. */
  readonly explanation: string;
  /** Tries it; the answer is the server's last one, a refusal included. */
  readonly logIn: (client: DemoClient, user: DemoUser) => Promise<Reply>;
}

/** All login methods, in the order of the manual. */
export const LOGIN_METHODS: readonly LoginMethod[] = [
  {
    mechanism: "USERPASS",
    title: "USER and PASS",
    explanation: "the password is sent as it is.",
    logIn: userPass,
  },
  {
    mechanism: "APOP",
    title: "APOP",
    explanation: "instead of the password, an MD5 digest of it and the greeting's time stamp.",
    logIn: apop,
  },
  {
    mechanism: "SASL_PLAIN",
    title: "AUTH PLAIN",
    explanation: "name and password in base64, which hides nothing.",
    logIn: plain,
  },
  {
    mechanism: "SASL_CRAM_MD5",
    title: "AUTH CRAM-MD5",
    explanation: "the server's challenge is answered with a digest keyed by the password.",
    logIn: cramMd5,
  },
  {
    mechanism: "SASL_EXTERNAL",
    title: "AUTH EXTERNAL",
    explanation: "no password: the client's certificate says who it is.",
    logIn: external,
  },
];

async function userPass(client: DemoClient, { name, password }: DemoUser): Promise<Reply> {
  const reply = await client.command(`USER ${name}`);
  return reply.ok ? await client.command(`PASS ${password}`, { as: `PASS ${MASK}` }) : reply;
}

async function apop(client: DemoClient, { name, password }: DemoUser): Promise<Reply> {
  const stamp = findApopStamp(client.greeting);
  if (stamp === undefined) {
    throw new UserError(`The demo's server greets without a stamp for APOP: ${client.greeting}`);
  }
  return await client.command(`APOP ${name} ${latin1(apopDigest(stamp, password))}`);
}

async function plain(client: DemoClient, { name, password }: DemoUser): Promise<Reply> {
  const message = encodeBase64(plainMessage(name, password));
  return await client.command(`AUTH PLAIN ${message}`, { as: `AUTH PLAIN ${MASK}` });
}

async function cramMd5(client: DemoClient, { name, password }: DemoUser): Promise<Reply> {
  const reply = await client.command("AUTH CRAM-MD5");
  if (!reply.status.startsWith("+ ")) return reply;
  const challenge = decodeBase64(reply.status.slice("+ ".length));
  if (challenge === undefined) {
    throw new UserError(`The demo's server sent a challenge that is no base64: ${reply.status}`);
  }
  return await client.command(encodeBase64(cramMd5Message(challenge, name, password)));
}

/** RFC 5034 section 4: `=` is an initial response that is there but empty. */
async function external(client: DemoClient): Promise<Reply> {
  return await client.command(`AUTH EXTERNAL ${encodeBase64(externalMessage()) || "="}`);
}
