/**
 * The retriever against servers that nobody would think of: random mailboxes behind random lies and
 * failures, session after session. Whatever they do, what a server gives whole is delivered exactly
 * once, and nothing is deleted that is not safe.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { holds } from "../fuzz/property.ts";
import { checkSentences } from "../support/faulty_files.ts";
import { MailServer } from "../support/mail_server.ts";
import { namesIn, readLatin1, TestRetriever } from "../support/retriever.ts";
import type { Misbehaviour } from "../support/scripted_pop3_server.ts";

/** What a server is by nature: so it is in every session. */
interface Nature {
  readonly pipelining: boolean;
  /** What LIST says. */
  readonly sizes: "exact" | "lf" | "random" | "none" | "short";
  /** What UIDL says. */
  readonly ids: "good" | "none" | "twins" | "changing" | "overlong" | "short";
  /** What STAT says. */
  readonly count: "exact" | "none" | "many" | "nonsense";
  /** Line ends are bare LF. */
  readonly lf: boolean;
  /** A last line without an end gets none: the terminator sticks to it. */
  readonly glued: boolean;
  /** The most octets of a packet. */
  readonly chunk: number;
}

/** What goes wrong in one session. */
type Failure =
  | { readonly kind: "cut"; readonly after: number }
  | { readonly kind: "hang up" | "silent"; readonly at: string }
  | { readonly kind: "refuse"; readonly at: string }
  | { readonly kind: "reply"; readonly at: string; readonly junk: keyof typeof JUNK }
  | { readonly kind: "quit"; readonly how: "cut" | "cut-after" | "err" }
  | { readonly kind: "late" | "none" };

interface Story {
  readonly to: "maildir" | "files" | "smtp";
  readonly preserve: boolean;
  readonly nature: Nature;
  readonly bodies: readonly string[];
  readonly failures: readonly Failure[];
  /** Before this session other messages take the place of all, under the same ids. */
  readonly swapAt: number | undefined;
}

const PIECE = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("\r\n", "\r\n", ".", "..", "text", " ", "\r\n.\r\n") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "\r\n..",
      "\n",
      "\r",
      "\n.\n",
      ".\r\n+OK 5\r\n",
      "\r\n-ERR no\r\n",
      "\0",
    ),
  },
  { weight: 2, arbitrary: fc.string({ unit: "binary-ascii", maxLength: 20 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 140_000 }).map((n) => "x".repeat(n)) },
);
const BODY = fc.array(PIECE, { maxLength: 8 }).map((pieces) => pieces.join(""));
const COMMAND = fc.constantFrom(
  "USER",
  "PASS",
  "CAPA",
  "STAT",
  "UIDL",
  "LIST",
  "RETR 1",
  "RETR 2",
  "RETR 3",
  "DELE 1",
  "DELE 2",
  "QUIT",
);
/** Replies that are none, or to something else. */
const JUNK = {
  nothing: "",
  half: "+OK",
  web: "HTTP/1.1 200 OK\r\n",
  twice: "+OK\r\n+OK\r\n",
  dot: "-ERR\r\n.\r\n",
  odd: "+OK\r\n1\r\n1 1\r\n0 0\r\n99999999999 x\r\n2 \r\n.\r\n",
  "long status": `+OK ${"x".repeat(9000)}\r\n`,
  "long line": `+OK\r\n${"x".repeat(9000)}\r\n.\r\n`,
  binary: "\0\xff\r\n",
};
/** What cannot be taken for a message, or make the next one's text look like this one's. */
const NO_MESSAGE = ["web", "dot", "long status", "binary"] as const;
const WRONG_REPLY = COMMAND.chain((at) =>
  fc.record({
    kind: fc.constant("reply" as const),
    at: fc.constant(at),
    junk: at.startsWith("RETR")
      ? fc.constantFrom(...NO_MESSAGE)
      : fc.constantFrom(...Object.keys(JUNK) as (keyof typeof JUNK)[]),
  })
);
const FAILURE: fc.Arbitrary<Failure> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("cut" as const), after: fc.nat(1500) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("hang up" as const), at: COMMAND }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("refuse" as const), at: COMMAND }) },
  { weight: 4, arbitrary: WRONG_REPLY },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("quit" as const),
      how: fc.constantFrom("cut", "cut-after", "err"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("silent" as const), at: COMMAND }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("late", "none") }) },
);
const NATURE: fc.Arbitrary<Nature> = fc.record({
  pipelining: fc.boolean(),
  sizes: fc.constantFrom("exact", "exact", "exact", "lf", "random", "none", "short"),
  ids: fc.constantFrom("good", "good", "good", "none", "twins", "changing", "overlong", "short"),
  count: fc.constantFrom("exact", "exact", "none", "many", "nonsense"),
  lf: fc.nat(7).map((n) => n === 0),
  glued: fc.nat(7).map((n) => n === 0),
  chunk: fc.constantFrom(Infinity, Infinity, 1000, 37, 3),
}).map((nature) => {
  // Where the end is not marked, the size is all that tells it. And what is on neither of two lists
  // is not offered.
  const whole = nature.ids !== "none" && nature.ids !== "short";
  const sizes = nature.glued || !whole ? "exact" : nature.sizes;
  // A number in STAT that no list denies is believed, and asked for: a million times takes long.
  const count = sizes === "none" && nature.count === "many" ? "nonsense" : nature.count;
  return { ...nature, sizes, count };
});
const STORY: fc.Arbitrary<Story> = fc.record({
  to: fc.constantFrom("maildir", "maildir", "files", "smtp"),
  preserve: fc.nat(3).map((n) => n === 0),
  nature: NATURE,
  bodies: fc.array(BODY, { maxLength: 5 }),
  failures: fc.array(FAILURE, { maxLength: 4 }),
  swapAt: fc.option(fc.nat(3), { nil: undefined, freq: 6 }),
}).map((story) => {
  // Only another size tells another server's messages apart under the same ids.
  const tells = story.nature.sizes === "exact" && story.nature.ids === "good";
  return tells && !story.preserve ? story : { ...story, swapAt: undefined };
});

/** A server of a story, and what becomes of its messages. */
class Scene implements Disposable {
  readonly test: TestRetriever;
  /** Deletions of messages that were not safe. */
  readonly crimes: string[] = [];
  readonly #story: Story;
  readonly #mailServer: MailServer;
  /** What is on the server at the end. */
  wanted: string[];
  /** What may have been delivered before that took its place. */
  earlier: string[] = [];

  constructor(story: Story, mailServer: MailServer) {
    this.#story = story;
    this.#mailServer = mailServer;
    mailServer.accepted.splice(0);
    const { preserve } = story;
    const test = this.test = new TestRetriever({ preserve, trackSeen: preserve });
    test.timeout = 300;
    if (story.to === "files") {
      const destination = { kind: "files" as const, directory: `${test.folder}/files` };
      test.client = { ...test.client, destination };
    }
    if (story.to === "smtp") test.client = { ...test.client, destination: this.#smtp() };
    this.wanted = this.#texts("first");
    test.server.add(...this.wanted);
    const plain = this.#session({ kind: "none" });
    test.server.script = [...story.failures.map((failure) => this.#session(failure)), plain];
  }

  /** Other messages take the place of those that are there. */
  swap(): void {
    const { server } = this.test;
    this.earlier = this.wanted;
    // With other lengths: under one id and of one size it would be the same message.
    const texts = this.#texts("second, and longer");
    this.wanted = texts.slice(0, server.messages.length);
    server.messages = server.messages.map(({ uid }, i) => ({ uid, text: this.wanted[i]! }));
  }

  /** Runs until the server is empty, or has nothing new any more. */
  async play(): Promise<void> {
    const { test } = this;
    const { failures, swapAt } = this.#story;
    for (let run = 0; run < failures.length + 4; run++) {
      if (run === swapAt) this.swap();
      const report = await test.run();
      ok(report.summary.length < 2000, "a report without end");
      if (run > failures.length && report.failure === undefined) break;
    }
    await test.server.close();
  }

  /** What was delivered, as the server had it or as near to that as the destination's form allows. */
  delivered(): string[] {
    const { to } = this.#story;
    if (to === "smtp") return this.#mailServer.accepted.map(({ body }) => idOf(body)).sort();
    const files = `${this.test.folder}/files`;
    const texts = to === "maildir"
      ? this.test.delivered()
      : namesIn(files).filter((name) => !name.startsWith("."))
        .map((name) => readLatin1(`${files}/${name}`));
    return texts.sort();
  }

  /** How a message of the server looks among those. */
  looks(text: string): string {
    const { to, nature } = this.#story;
    if (to === "smtp") return idOf(text);
    const unix = nature.lf ? text : text.replaceAll("\r\n", "\n");
    return to === "maildir" ? unix : text;
  }

  [Symbol.dispose](): void {
    this.test[Symbol.dispose]();
  }

  #texts(mark: string): string[] {
    const { bodies, nature } = this.#story;
    return bodies.map((body, i) => {
      const text = `Message-ID: <${mark} ${i}>\r\n\r\n${body}`;
      // A bare CR before a glued terminator is left out: it might be half a line end.
      const glued = text.replace(/\r+$/, "");
      const ended = nature.glued ? glued : text.endsWith("\r\n") ? text : `${text}\r\n`;
      // To a server of bare line feeds each of them ends a line, and it knows no other end.
      return nature.lf ? ended.replace(/[\r\n]+/g, "\n") : ended;
    });
  }

  #smtp() {
    return {
      kind: "smtp" as const,
      sender: "pop3@localhost",
      recipients: ["alice@example.org"],
      host: "127.0.0.1",
      port: this.#mailServer.port,
      protocol: "smtp" as const,
      tls: "none" as const,
    };
  }

  #session(failure: Failure): Misbehaviour {
    const { pipelining } = this.#story.nature;
    // A few hundred packets a session show as much as thousands.
    const octets = this.wanted.reduce((sum, text) => sum + text.length, 0);
    const chunk = Math.max(this.#story.nature.chunk, Math.ceil(octets / 300));
    const at = "at" in failure ? new RegExp(`^${failure.at}$`) : undefined;
    const rewrite = (reply: string, command: string) => {
      if (command.startsWith("DELE")) this.#watch(command);
      if (at?.test(command) && failure.kind === "refuse") return "-ERR not now\r\n";
      if (at?.test(command) && failure.kind === "reply") return JUNK[failure.junk];
      return this.#reply(reply, command);
    };
    return {
      pipelining,
      chunk,
      rewrite,
      ...(failure.kind === "cut" ? { cutAfter: failure.after } : {}),
      ...(failure.kind === "hang up" ? { hangUpAt: at! } : {}),
      ...(failure.kind === "silent" ? { silentAt: at! } : {}),
      ...(failure.kind === "quit" ? { quit: failure.how } : {}),
      ...(failure.kind === "late" ? { latency: 5 } : {}),
    };
  }

  /** Whoever asks for a deletion must have the message safe by now. */
  #watch(command: string): void {
    const message = this.test.server.messages[Number(command.slice(5)) - 1];
    if (message === undefined) return;
    if (!this.delivered().includes(this.looks(message.text))) this.crimes.push(command);
  }

  #reply(reply: string, command: string): string {
    const { sizes, ids, count, lf } = this.#story.nature;
    const { messages } = this.test.server;
    const end = lf ? "\n" : "\r\n";
    const list = (kind: string, values: string[]) => {
      if (kind === "none") return `-ERR no${end}`;
      const shown = kind === "short" ? values.slice(0, -1) : values;
      return `+OK${end}${shown.map((value, i) => `${i + 1} ${value}${end}`).join("")}.${end}`;
    };
    if (command === "STAT" && count !== "exact") return STATS[count];
    if (command === "LIST") return list(sizes, messages.map(({ text }) => sizeFor(text, sizes)));
    if (command === "UIDL") {
      const session = this.test.server.sessions.length;
      return list(ids, messages.map(({ uid }, i) => idFor(uid, i, ids, session)));
    }
    if (!command.startsWith("RETR") || !reply.startsWith("+OK")) return reply;
    const { text } = messages[Number(command.slice(5)) - 1]!;
    const stuffed = lf ? text.replace(/(^|\n)\./g, "$1..") : text.replace(/(^|\r\n)\./g, "$1..");
    return `+OK${end}${stuffed}.${end}`;
  }
}

const STATS = { none: "-ERR no\r\n", many: "+OK 1000000 5\r\n", nonsense: "+OK many\r\n" };

function sizeFor(text: string, sizes: Nature["sizes"]): string {
  if (sizes === "lf") return String(text.replaceAll("\r\n", "\n").length);
  return String(sizes === "random" ? (text.length * 7919) % 5000 : text.length);
}

function idFor(uid: string, index: number, ids: Nature["ids"], session: number): string {
  if (ids === "twins") return index < 2 ? "twin" : uid;
  if (ids === "changing") return `${uid}-${session}`;
  return ids === "overlong" ? uid.padEnd(80, "x") : uid;
}

function idOf(text: string): string {
  return /^Message-ID: <[^>]*>/m.exec(text)?.[0] ?? text;
}

holds<Story, { mail: MailServer }>({
  name: "The retriever delivers what any server gives whole exactly once, and deletes nothing else",
  runs: 60,
  input: STORY,
  setup: async () => {
    const mail = await MailServer.start();
    return { mail, [Symbol.asyncDispose]: () => mail[Symbol.asyncDispose]() };
  },
  run: async (story, { mail }) => {
    using scene = new Scene(story, mail);
    await scene.play();
    const { test } = scene;
    const context = test.log.join("\n");
    deepEqual(scene.crimes, [], `deleted before it was safe:\n${context}`);
    checkSentences(test.log);
    const earlier = new Set(scene.earlier.map((text) => scene.looks(text)));
    const delivered = scene.delivered();
    const old = delivered.filter((text) => earlier.has(text));
    equal(new Set(old).size, old.length, `an earlier message came twice:\n${context}`);
    const now = delivered.filter((text) => !earlier.has(text));
    deepEqual(now, scene.wanted.map((text) => scene.looks(text)).sort(), context);
    deepEqual(test.leftovers(), []);
    equal(test.server.messages.length, story.preserve ? scene.wanted.length : 0, context);
  },
});
