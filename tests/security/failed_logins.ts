/**
 * Failed logins of every method and kind of password: what the tests of timing
 * compare.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { apopDigest, cramMd5Digest } from "../../lib/auth/digests.ts";
import { createAuthenticator } from "../../lib/auth/authenticator.ts";
import type { HashPool } from "../../lib/auth/hash_pool.ts";
import { isSlow, parsePasswordHash } from "../../lib/auth/password_hash.ts";
import { linesOf } from "../../lib/directory/text_file.ts";
import { parseUsers } from "../../lib/directory/users_file.ts";
import { startSession, type TestClient } from "../support/memory_session.ts";
import type { SessionOptions } from "../../lib/server/session_options.ts";

const SALT = "c29tZXNhbHRzb21lc2FsdA";
const b64 = (bytes: Uint8Array) => bytes.toBase64();
const digest = (kind: string, text: string) =>
  new Uint8Array(createHash(kind).update(text).digest());
const salted = (kind: string) =>
  b64(new Uint8Array([...digest(kind, "secretsalt"), ...new TextEncoder().encode("salt")]));

/** A stored password of each kind, of low cost where it has one. */
const STORED: Readonly<Record<string, string>> = {
  "64 hex digits": digest("sha256", "secret").toHex(),
  "{PLAIN}": "{PLAIN}secret",
  "{SHA256}": `{SHA256}${b64(digest("sha256", "secret"))}`,
  "{SSHA}": `{SSHA}${salted("sha1")}`,
  "{SSHA256}": `{SSHA256}${salted("sha256")}`,
  "{SSHA512}": `{SSHA512}${salted("sha512")}`,
  "{SCRAM-SHA-256}": `{SCRAM-SHA-256}1000,${b64(new Uint8Array(16))},${
    b64(digest("sha256", "a"))
  },${b64(digest("sha256", "b"))}`,
  "$5$": "$5$rounds=1000$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
  "$6$":
    "{SHA512-CRYPT}$6$rounds=1000$gnIq0JuJCDv1cZUw$1RNzfnY0HTfBla7hJRIcAuoYjdvuWux3cJchUpxdMettbbpYlOm0BIF3NWE/jJkQ7DrCmxTuWQRwvd4oS8o.3/",
  "$2y$": "{BLF-CRYPT}$2y$04$c2s02mw0XKXafVUpVqY6TujYwzl4/FGm.CNtbbJhIU3GxHo/h1O1W",
  "$argon2id$": `$argon2id$v=19$m=256,t=1,p=1$${SALT}$${
    b64(digest("sha256", "c")).replaceAll("=", "")
  }`,
};

/** A kind of stored password, as the users file has it. */
export interface Kind {
  /** Its name in tables. */
  readonly name: string;
  /** The stored password. */
  readonly stored: string;
  /** The setting: whether it is the password itself. */
  readonly plainpass: boolean;
  /** Whether it is checked in a thread of its own. */
  readonly dear: boolean;
}

/** The kinds of stored passwords that a method can be used with. */
export function kindsFor(method: Method): Kind[] {
  const plain = { name: "itself", stored: "secret", plainpass: true, dear: false };
  if (method.digest) return [plain];
  return [
    plain,
    ...Object.entries(STORED).map(([name, stored]) => {
      const hash = parsePasswordHash(stored);
      if ("fault" in hash) throw new Error(`${name}: ${hash.fault}`);
      return { name, stored, plainpass: false, dear: isSlow(hash) };
    }),
  ];
}

/** The names that fail: a user who has a password, one who has none, and nobody. */
export const NAMES = ["withpass", "nopass00", "stranger"] as const;

/** One of {@linkcode NAMES}. */
export type Name = typeof NAMES[number];

/** A way to log in, as the lines that the client sends. */
export interface Method {
  readonly name: string;
  /** Whether it needs passwords that are kept plain. */
  readonly digest: boolean;
  /** Logs in, wrongly, and gives the milliseconds from the last line to the reply, and the reply. */
  readonly attempt: (client: TestClient, greeting: string, user: Name) => Promise<Timed>;
}

/** A reply and how long it took, in milliseconds. */
export interface Timed {
  readonly reply: string;
  readonly time: number;
}

async function timed(client: TestClient, line: string): Promise<Timed> {
  const start = performance.now();
  await client.send(line);
  const reply = await client.line() ?? "";
  return { reply, time: performance.now() - start };
}

/** All ways in which a password can be wrong. */
export const METHODS: readonly Method[] = [
  {
    name: "USER and PASS",
    digest: false,
    attempt: async (client, _greeting, user) => {
      await client.send(`USER ${user}`);
      await client.line();
      return await timed(client, "PASS wrong guess");
    },
  },
  {
    name: "AUTH PLAIN",
    digest: false,
    attempt: (client, _greeting, user) =>
      timed(client, `AUTH PLAIN ${b64(new TextEncoder().encode(`\0${user}\0wrong guess`))}`),
  },
  {
    name: "APOP",
    digest: true,
    attempt: (client, greeting, user) => {
      const stamp = /<.*>/.exec(greeting)![0];
      const answer = new TextDecoder().decode(apopDigest(stamp, "wrong guess"));
      return timed(client, `APOP ${user} ${answer}`);
    },
  },
  {
    name: "AUTH CRAM-MD5",
    digest: true,
    attempt: async (client, _greeting, user) => {
      await client.send("AUTH CRAM-MD5");
      const challenge = atob((await client.line())!.slice(2));
      const answer = new TextDecoder().decode(cramMd5Digest(challenge, "wrong guess"));
      return await timed(client, b64(new TextEncoder().encode(`${user} ${answer}`)));
    },
  },
];

/** Starts a session whose users file holds `withpass`, with a stored password, and `nopass00`. */
export async function startFor(
  { stored, plainpass }: Kind,
  pool: HashPool,
  change: Partial<SessionOptions> = {},
): Promise<{ client: TestClient; greeting: string }> {
  const { credentials, problems, warnings } = parseUsers(
    linesOf(`withpass:${stored}\nnopass00\n`),
    { file: "users", plainpass },
  );
  if (problems.length + warnings.length > 0) throw new Error(`${stored}: ${warnings[0]?.message}`);
  const client = startSession({ authenticator: createAuthenticator(credentials, pool), ...change });
  return { client, greeting: await client.line() ?? "" };
}
