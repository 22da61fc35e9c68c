/**
 * The scenarios of servers, and the mailboxes that they need.
 *
 * @module
 */
import type { Encryption, Mode } from "./load/job.ts";
import type { MailGroup } from "./mail.ts";

/** The mailboxes by the name of their group. */
export const GROUPS = {
  login: { prefix: "login", users: 1000, messages: 5, size: 2048, folder: "cur" },
  idle: { prefix: "idle", users: 5000, messages: 1, size: 2048, folder: "cur" },
  fetch: { prefix: "fetch", users: 100, messages: 100, size: 4096, folder: "cur" },
  large: { prefix: "large", users: 2, messages: 10, size: 10_000_000, folder: "cur" },
  none: { prefix: "none", users: 200, messages: 0, size: 2048, folder: "cur" },
  hundred: { prefix: "hundred", users: 100, messages: 100, size: 2048, folder: "cur" },
  many: { prefix: "many", users: 1, messages: 10_000, size: 2048, folder: "cur" },
  "first-none": { prefix: "firstnone", users: 200, messages: 0, size: 2048, folder: "new" },
  "first-hundred": { prefix: "firsthundred", users: 50, messages: 100, size: 2048, folder: "new" },
  "first-many": { prefix: "firstmany", users: 1, messages: 10_000, size: 2048, folder: "new" },
  storm: { prefix: "storm", users: 200, messages: 0, size: 2048, folder: "cur" },
} as const satisfies Record<string, MailGroup>;

/** The name of a group. */
export type GroupName = keyof typeof GROUPS;

/** A kind of load. */
export interface Scenario {
  readonly name: string;
  readonly text: string;
  readonly group: GroupName;
  readonly mode: Mode;
  readonly encryption: Encryption;
  readonly concurrency: number;
  /**
   * `steady`: as many sessions as fit into the time; `first`: one session on each of freshly made
   * mailboxes; `idle`: so many sessions held; `storm`: logins with dear hashes beside it.
   */
  readonly kind: "steady" | "first" | "idle" | "storm";
  /** What throughput counts and CPU time is divided by. */
  readonly unit: "sessions" | "octets";
}

const ENCRYPTIONS: Record<Encryption, string> = {
  none: "",
  tls: " over POP3S",
  stls: " over STLS",
};

function suffix(encryption: Encryption): string {
  return encryption === "none" ? "" : `-${encryption}`;
}

function polls(): Scenario[] {
  const boxes = [
    { name: "poll-0", text: "poll of an empty mailbox", group: "none", concurrency: 20 },
    { name: "poll-100", text: "poll of 100 messages", group: "hundred", concurrency: 20 },
    { name: "poll-10000", text: "poll of 10,000 messages", group: "many", concurrency: 1 },
  ] as const;
  return boxes.flatMap(({ name, text, group, concurrency }) => {
    const rest = { mode: "poll", encryption: "none", concurrency, unit: "sessions" } as const;
    return [
      { name, text: `${text}, unchanged`, group, kind: "steady", ...rest },
      {
        name: `${name}-first`,
        text: `first ${text}`,
        group: `first-${group}`,
        kind: "first",
        ...rest,
      },
    ] satisfies Scenario[];
  });
}

function logins(encryption: Encryption): Scenario {
  return {
    name: `login${suffix(encryption)}`,
    text: `login, STAT, QUIT${ENCRYPTIONS[encryption]}, 50 at once`,
    group: "login",
    mode: "login",
    encryption,
    concurrency: 50,
    kind: "steady",
    unit: "sessions",
  };
}

function fetches(encryption: Encryption): Scenario[] {
  const boxes = [
    { name: "fetch", text: "100 x 4 KB", group: "fetch", concurrency: 20 },
    { name: "large", text: "10 x 10 MB", group: "large", concurrency: 2 },
  ] as const;
  const rest = { encryption, kind: "steady", unit: "octets" } as const;
  return boxes.flatMap(({ name, text, group, concurrency }) => {
    const common = { group, concurrency, ...rest };
    const end = `${ENCRYPTIONS[encryption]}, ${concurrency} at once`;
    return [
      {
        name: `${name}${suffix(encryption)}`,
        text: `fetch ${text}${end}`,
        mode: "fetch",
        ...common,
      },
      {
        name: `${name}-pipelined${suffix(encryption)}`,
        text: `fetch ${text} pipelined${end}`,
        mode: "pipeline",
        ...common,
      },
    ] satisfies Scenario[];
  });
}

function idle(sessions: number): Scenario {
  return {
    name: `idle-${sessions}`,
    text: `${sessions.toLocaleString("en")} idle sessions`,
    group: "idle",
    mode: "idle",
    encryption: "none",
    concurrency: sessions,
    kind: "idle",
    unit: "sessions",
  };
}

const storm: Scenario = {
  name: "storm",
  text: "fetch 100 x 4 KB, 4 at once, beside 40 logins at once with bcrypt hashes",
  group: "fetch",
  mode: "fetch",
  encryption: "none",
  concurrency: 4,
  kind: "storm",
  unit: "octets",
};

/** All scenarios of servers, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  idle(1000),
  idle(5000),
  logins("none"),
  ...fetches("none"),
  ...polls(),
  logins("tls"),
  ...fetches("tls"),
  logins("stls"),
  ...fetches("stls"),
  storm,
];
