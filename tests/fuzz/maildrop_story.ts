/**
 * Stories of a maildrop: what lies in it, what clients say, and what other programs do meanwhile;
 * and how they are made at random.
 *
 * @module
 */
import fc from "fast-check";

/** A message file, a character an octet. */
export interface StoryMessage {
  readonly text: string;
  /** Whether its name tells its sizes, as Dovecot writes them. */
  readonly sized: boolean;
  /** Whether it is in `cur/` and marked as seen, or new. */
  readonly seen: boolean;
}

/** One thing that happens. */
export type Step =
  /** A client sends lines in one packet; it connects first if it is not connected. */
  | { readonly client: number; readonly says: readonly string[] }
  /** A client goes away without QUIT. */
  | { readonly client: number; readonly hangsUp: true }
  /** A message comes in. */
  | { readonly arrives: string }
  /** Another program removes a message. */
  | { readonly removed: number }
  /** Another program marks a message as important: its file is renamed. */
  | { readonly flagged: number }
  /** The folders were last changed long ago, so that a listing of them may be remembered. */
  | { readonly rests: true };

/** A maildrop and what happens to it. */
export interface Story {
  readonly messages: readonly StoryMessage[];
  readonly steps: readonly Step[];
}

/** The messages that numbers of stories may name: some more than there mostly are. */
const NUMBERS = ["1", "1", "1", "2", "2", "2", "3", "3", "4", "5", "7"];
const NO_NUMBERS = ["0", "x", "-1", "1x", "1.5", "99999999999", "4294967297", "\xb2"];

const PIECES = [
  ...["\n", "\n", "\r\n", "\r\n", "\n\n", "\r\n\r\n", "\r", ".", ".", "..", "\n.\n", "\r\n.\r\n"],
  ...["\n.", "a", "text", "Subject: x", " folded", "+OK", "-ERR", "\0", "\xff\x80", "\t"],
  ...["x".repeat(76), "y".repeat(998), "z".repeat(9000), ("line\n").repeat(700)],
];

/** Text that a mailbox may hold: all that real mail does, and what none should. */
export const messageText: fc.Arbitrary<string> = fc.tuple(
  fc.constantFrom("", "", "Subject: a\n\n", "From: a\r\nSubject: b\r\n\r\n", "Subject: c\n"),
  fc.oneof(
    { weight: 8, arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }) },
    {
      weight: 1,
      arbitrary: fc.array(fc.nat(255).map((code) => String.fromCharCode(code)), { maxLength: 80 }),
    },
    // More than one buffer of replies.
    { weight: 1, arbitrary: fc.constantFrom(["0123456\n".repeat(9000)], [".\n".repeat(40_000)]) },
  ),
).map(([head, pieces]) => head + pieces.join(""));

const message = fc.record({ text: messageText, sized: fc.boolean(), seen: fc.boolean() });

const number = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 1, arbitrary: fc.constantFrom(...NO_NUMBERS) },
);

const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      "STAT",
      "STAT",
      "LIST",
      "LIST",
      "UIDL",
      "RSET",
      "RSET",
      "NOOP",
      "CAPA",
    ),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.constantFrom("LIST", "UIDL", "RETR", "RETR", "DELE", "DELE"), number)
      .map((words) => words.join(" ")),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(number, fc.constantFrom("0", "0", "1", "2", "3", "800", "x", "-1"))
      .map(([which, lines]) => `TOP ${which} ${lines}`),
  },
  { weight: 1, arbitrary: fc.constant("QUIT") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...["RETR", "DELE", "TOP", "TOP 1", "TOP 1 1 1", "RETR 1 2", "DELE 1 x", "STAT 1", "QUIT x"],
      ...["FOO", "EXPN 1", "retr 1", "Dele 2", "sTaT", "quit", "", "GET / HTTP/1.1"],
      ...["USER {user}", "USER", "PASS secret", "PASS", "AUTH", "AUTH FOO", "AUTH PLAIN", "*"],
    ),
  },
);

/** All ways to log in, and some to fail. */
const login = fc.constantFrom(
  ["USER {user}", "PASS secret"],
  ["USER {user}", "PASS secret"],
  ["APOP {user} {apop secret}"],
  ["AUTH PLAIN", "{plain {user} secret}"],
  ["AUTH PLAIN {plain {user} secret}"],
  ["auth cram-md5", "{cram {user} secret}"],
  ["USER nobody", "USER {user}", "pass secret"],
  ["USER {user}", "CAPA", "PASS secret"],
);
const failedLogin = fc.constantFrom(
  ["USER {user}", "PASS wrong"],
  ["USER nobody", "PASS secret"],
  ["APOP {user} {apop wrong}"],
  ["APOP {user}"],
  ["AUTH PLAIN", "*"],
  ["AUTH PLAIN", "STAT"],
  ["AUTH PLAIN", "{plain {user} wrong}"],
  ["AUTH CRAM-MD5", "{plain {user} secret}"],
  ["PASS secret"],
);

/** What a story's clients do, and how many there are. */
export interface StoryOptions {
  /** With more than one, they meet at the maildrop's lock. */
  readonly clients: number;
  /** The most steps. */
  readonly steps: number;
}

function stepArbitrary({ clients }: StoryOptions): fc.Arbitrary<Step[]> {
  const client = fc.nat(clients - 1);
  const says = (lines: fc.Arbitrary<readonly string[]>): fc.Arbitrary<Step[]> =>
    fc.tuple(client, lines).map(([one, said]) => [{ client: one, says: said }]);
  const commands = fc.array(command, { minLength: 1, maxLength: 6, size: "max" });
  const which = fc.nat(2);
  return fc.oneof(
    { weight: 8, arbitrary: says(commands) },
    { weight: 3, arbitrary: says(login) },
    { weight: 1, arbitrary: says(failedLogin) },
    { weight: 1, arbitrary: says(fc.constant(["QUIT"])) },
    { weight: 1, arbitrary: client.map((one): Step[] => [{ client: one, hangsUp: true }]) },
    { weight: 1, arbitrary: messageText.map((arrives): Step[] => [{ arrives }]) },
    { weight: 1, arbitrary: which.map((removed): Step[] => [{ removed }]) },
    { weight: 3, arbitrary: which.map((flagged): Step[] => [{ flagged }]) },
    { weight: 1, arbitrary: fc.constant<Step[]>([{ rests: true }]) },
  );
}

/** Stories at random, most of which begin with a login. */
export function stories(options: StoryOptions): fc.Arbitrary<Story> {
  const steps = fc.array(stepArbitrary(options), { maxLength: options.steps, size: "max" });
  return fc.record({
    messages: fc.array(message, { maxLength: 5, size: "max" }),
    first: fc.option(login, { freq: 8 }),
    steps,
  }).map(({ messages, first, steps }) => ({
    messages,
    steps: [...(first === null ? [] : [{ client: 0, says: first }]), ...steps.flat()],
  }));
}
