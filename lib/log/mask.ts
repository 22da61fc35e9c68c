/**
 * What of a client's command may be shown. It is the only place that decides
 * it, for the server's transcripts and the retriever's alike. What is not known
 * to be harmless is hidden: a password sent where none was asked for is no
 * command that anyone could list.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { decodeText, encodeText, latin1 } from "../wire/text.ts";

/** Stands for what is not shown. */
export const MASK = "***";

/** Commands whose arguments are no secrets. */
const OPEN = new Set(
  ("USER STLS CAPA STAT LIST UIDL RETR TOP DELE RSET NOOP QUIT UTF8 LANG").split(" "),
);

/**
 * Words that are worth seeing though they are no command of this protocol, or carry secrets: they
 * tell what knocked at the port. Their arguments stay hidden.
 */
const SHOWN_ALONE = new Set(
  ("PASS AUTH APOP XTND HELP LAST EHLO HELO GET POST HEAD PUT OPTIONS CONNECT LOGIN LOGOUT " +
    "CAPABILITY MAIL RCPT DATA STARTTLS").split(" "),
);

/** Mechanism names that may be shown; anything else behind AUTH could be an answer gone astray. */
const MECHANISMS = new Set(
  ("PLAIN LOGIN EXTERNAL CRAM-MD5 DIGEST-MD5 XOAUTH2 OAUTHBEARER NTLM GSSAPI ANONYMOUS " +
    "SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS KERBEROS_V4").split(" "),
);

const SHORTEST_QUOTE = 4;

/** A command line as it may be shown, and what was hidden of it. */
export interface MaskedCommand {
  /** The line, its secrets replaced by {@linkcode MASK}. */
  readonly shown: string;
  /** What was replaced, or undefined if nothing was. */
  readonly hidden?: string;
  /** Whether an exchange of SASL lines may follow (RFC 5034): AUTH with a mechanism. */
  readonly startsExchange: boolean;
}

/**
 * Hides the secrets of a command line: the password of PASS, the digest of APOP, the initial
 * response of AUTH, and all of a line that is no known command.
 *
 * @param line without its line end
 */
export function maskCommand(line: string): MaskedCommand {
  const [word, rest] = split(line);
  const keyword = word.toUpperCase();
  if (OPEN.has(keyword)) return { shown: line, startsExchange: false };
  if (!SHOWN_ALONE.has(keyword)) return hide("", line, false);
  if (rest === undefined) return { shown: word, startsExchange: keyword === "AUTH" };
  if (keyword === "AUTH") {
    const [mechanism, response] = split(rest);
    if (!MECHANISMS.has(mechanism.toUpperCase())) return hide(`${word} `, rest, true);
    if (response === undefined) return { shown: line, startsExchange: true };
    return hide(`${word} ${mechanism} `, response, true);
  }
  if (keyword === "APOP") {
    // RFC 1939 section 7: the digest is the last word, a name may be anything before it.
    const at = rest.lastIndexOf(" ");
    if (at > 0 && /^[0-9a-f]{32}$/i.test(rest.slice(at + 1))) {
      return hide(`${word} ${rest.slice(0, at)} `, rest.slice(at + 1), false);
    }
    // No digest: perhaps a password, behind a name or without one.
    return { ...hide(`${word} `, rest, false), hidden: split(rest)[1] ?? rest };
  }
  return hide(`${word} `, rest, false);
}

/**
 * Whether a reply quotes what was hidden, or one word of it: some servers repeat the line that
 * they did not like. Very short words are not looked for, since any sentence has them.
 */
export function quotes(reply: string, hidden: string): boolean {
  const words = hidden.split(/\s+/);
  const texts = [hidden.trim(), ...words, ...words.flatMap(secretsIn)].filter(({ length }) =>
    length >= SHORTEST_QUOTE
  );
  // A reply may have been read as one character an octet.
  return texts.some((text) => reply.includes(text) || reply.includes(latin1(encodeText(text))));
}

/**
 * The secret in a SASL message (RFC 4616, RFC 7628, RFC 2195), which stands last in it: of a
 * password, a token or a digest behind the user's name, that name may be repeated.
 */
function secretsIn(base64: string): string[] {
  const message = decodeText(Buffer.from(base64, "base64")) ?? "";
  const secret = message.replaceAll("\x01", "\0").split("\0").findLast((part) => part !== "");
  return secret === undefined ? [] : [secret, secret.slice(secret.lastIndexOf(" ") + 1)];
}

function hide(before: string, hidden: string, startsExchange: boolean): MaskedCommand {
  if (hidden === "") return { shown: before.trimEnd(), startsExchange };
  return { shown: before + MASK, hidden, startsExchange };
}

/** The first word and what stands behind the white space that ends it, if any does. */
function split(text: string): [word: string, rest: string | undefined] {
  const at = text.search(/\s/);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
