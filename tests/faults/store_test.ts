/**
 * Every file operation of a session of the server goes wrong in every way: opening the mailbox,
 * listing and measuring it, the cache of sizes, RETR and TOP, the UPDATE state, the lock. What the
 * client hears is right or an error, what it did not delete is still there, and the next session
 * needs no help.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { MaildirStore } from "../../lib/maildir/maildir_store.ts";
import { checkSentences, everyFault, type FaultyFiles } from "../support/faulty_files.ts";
import { MaildirFixture } from "../support/maildir_fixture.ts";
import { bounded, FakeLog } from "../support/memory_dialogue.ts";
import { ReplyParser } from "../support/pop_client.ts";
import { namesIn } from "../support/retriever.ts";
import { startSession, type TestClient } from "../support/memory_session.ts";

const ASCII = new TextDecoder();
const LINES = 50;
const LARGE = `Subject: large\n\n${`${"long ".repeat(1100)}\n`.repeat(LINES)}`;

/** Files of the mailbox, and what they are on the wire: two lines are stuffed there. */
const MAIL: Record<string, string> = {
  "new/1700000001.M1P1Q1.h": "Subject: one\n\n.dot\nbody one\n",
  "new/1700000002.M2P1Q1.h": "Subject: two\n\nwithout an end",
  [`new/1700000003.M3P1Q1.h,S=${LARGE.length},W=${LARGE.length + LINES + 2}`]: LARGE,
  "cur/1700000004.M4P1Q1.h:2,S": "Subject: four\n\nseen\n",
  "cur/1700000005.M5P1Q1.h:2,": "Subject: five\n\nnot seen\n",
};

function uidOf(file: string): string {
  return file.replace(/^(?:new|cur)\//, "").replace(/:2,.*$/, "");
}

function onTheWire(content: string): string {
  const wire = content.replaceAll("\n", "\r\n");
  return wire.endsWith("\r\n") ? wire : `${wire}\r\n`;
}

/** By unique id, dot-stuffing undone. */
const WIRE = new Map(
  Object.entries(MAIL).map(([file, content]) => [uidOf(file), onTheWire(content)]),
);

/** What a client made of a session; its replies were as they should be, as far as they came. */
interface Heard {
  /** Unique ids for which DELE was answered with +OK. */
  readonly deleted: Set<string>;
  /** Those which RETR brought whole. */
  readonly fetched: string[];
  /** The first line of the answer to QUIT. */
  quit?: string | undefined;
}

/** The client's end: replies taken apart as they come. */
class Talk {
  readonly #client: TestClient;
  readonly #parser = new ReplyParser();
  readonly #buffer = new Uint8Array(64 * 1024);

  constructor(client: TestClient) {
    this.#client = client;
  }

  /** The next line; undefined at the end of the connection. */
  async line(): Promise<string | undefined> {
    const line = await this.#until(() => this.#parser.line());
    return line === undefined ? undefined : ASCII.decode(line);
  }

  /** The rest of a multi-line reply; undefined if the connection ends before it does. */
  async block(): Promise<string | undefined> {
    const data = await this.#until(() => this.#parser.data());
    return data === undefined ? undefined : ASCII.decode(data);
  }

  /** Sends a command; undefined for an -ERR, which must be one, and for the end of the connection. */
  async ask(command: string): Promise<string | undefined> {
    await this.#client.send(command).catch(() => {});
    const status = await this.line();
    if (status === undefined) return undefined;
    match(status, /^(?:\+OK|-ERR \[(?:SYS\/TEMP|SYS\/PERM|IN-USE)\] \S)/, command);
    return status.startsWith("+OK") ? status : undefined;
  }

  async list(command: "UIDL" | "LIST"): Promise<Map<string, string>> {
    const text = await this.ask(command) === undefined ? undefined : await this.block();
    const lines = (text ?? "").split("\r\n").slice(0, -1);
    return new Map(lines.map((line) => line.split(" ") as [string, string]));
  }

  async #until(take: () => Uint8Array | undefined): Promise<Uint8Array | undefined> {
    for (let found = take();; found = take()) {
      if (found !== undefined) return found;
      const count = await bounded(this.#client.connection.read(this.#buffer), "a reply");
      if (count === null) return undefined;
      this.#parser.push(this.#buffer.subarray(0, count));
    }
  }
}

/** A whole session: looks, fetches all, deletes the first and the last message, and quits. */
async function converse(talk: Talk): Promise<Heard> {
  const heard: Heard = { deleted: new Set(), fetched: [] };
  match(await talk.line() ?? "", /^\+OK/);
  await talk.ask("USER alice");
  if (await talk.ask("PASS secret") === undefined) return heard;
  const uids = await talk.list("UIDL");
  const sizes = await talk.list("LIST");
  const stat = /^\+OK (\d+) (\d+)$/.exec(await talk.ask("STAT") ?? "");
  if (stat !== null) {
    const sum = [...sizes.values()].reduce((total, size) => total + Number(size), 0);
    deepEqual([Number(stat[1]), Number(stat[2])], [uids.size, sum]);
  }
  for (const [number, uid] of uids) {
    const wire = WIRE.get(uid);
    ok(wire !== undefined, `the unique id ${uid} was made up`);
    equal(Number(sizes.get(number)), wire.length, `the size of ${uid}`);
    if (await talk.ask(`TOP ${number} 0`) !== undefined) {
      const top = await talk.block();
      if (top !== undefined) equal(top, `${wire.split("\r\n\r\n")[0]}\r\n\r\n`);
    }
    if (await talk.ask(`RETR ${number}`) === undefined) continue;
    const text = await talk.block();
    if (text === undefined) return heard;
    ok(text === wire, `the text of ${uid}`);
    heard.fetched.push(uid);
  }
  for (const number of [...uids.keys()].filter((_, i, all) => i === 0 || i === all.length - 1)) {
    if (await talk.ask(`DELE ${number}`) !== undefined) heard.deleted.add(uids.get(number)!);
  }
  heard.quit = await talk.ask("QUIT");
  return heard;
}

/** The next session: sees what must be there, exactly. */
async function checkAfter(
  store: MaildirStore,
  maildir: string,
  heard: Heard,
  faulty: FaultyFiles,
): Promise<void> {
  using drop = disposable(await store.open("alice"));
  const files = ["new", "cur"].flatMap((part) =>
    namesIn(`${maildir}/${part}`).map((name) => `${part}/${name}`)
  );
  const left = new Map<string, number>();
  for (let message = 1; message <= drop.count; message++) left.set(drop.uidl(message), message);
  const removed = new Set(faulty.removed.map((path) => uidOf(path.split("/").slice(-2).join("/"))));
  for (const [uid, wire] of WIRE) {
    const number = left.get(uid);
    if (number === undefined) {
      const wanted = removed.has(uid) || (heard.deleted.has(uid));
      ok(wanted, `${uid} is lost`);
    } else {
      const complete = heard.quit !== undefined && heard.deleted.has(uid) && !faulty.stopped;
      ok(!complete, `${uid} is still there although QUIT was answered with +OK`);
      equal(drop.size(number), wire.length);
      const [file] = files.filter((one) => uidOf(one) === uid);
      const content = await Deno.readTextFile(`${maildir}/${file}`);
      ok(onTheWire(content) === wire, `${uid} has changed`);
    }
  }
  ok([...left.keys()].every((uid) => WIRE.has(uid)), "a message came into being");
}

function disposable<T extends { close(): void }>(one: T): T & Disposable {
  return Object.assign(one, { [Symbol.dispose]: () => one.close() });
}

/** Lines of a cache for messages that are long gone: so many that it is written anew. */
function staleCache(): string {
  const lines = Array.from({ length: 1200 }, (_, i) => `20 19 1000 170000${i}.M1P1Q1.h\n`);
  return `mailismus sizes 1\n${lines.join("")}`;
}

async function fill(fixture: MaildirFixture, stale: boolean): Promise<void> {
  for (const [file, content] of Object.entries(MAIL)) {
    await fixture.put(file, new TextEncoder().encode(content));
  }
  if (!stale) return;
  (await fixture.store().open("alice")).close();
  const [name] = namesIn(`${fixture.root}/cache/sizes`);
  await Deno.writeTextFile(`${fixture.root}/cache/sizes/${name}`, staleCache());
}

const VARIANTS: [string, { exclusive?: boolean; stale?: boolean; oneIn?: number }][] = [
  ["a mailbox that was never seen", { oneIn: 2 }],
  ["a mailbox whose cache is outdated", { stale: true, oneIn: 4 }],
  ["a mailbox that is exclusive", { exclusive: true, oneIn: 4 }],
];

for (const [name, { exclusive = false, stale = false, oneIn = 1 }] of VARIANTS) {
  Deno.test(`A session survives every fault of its files: ${name}`, async (t) => {
    let served = 0;
    let refused = 0;
    const { operations, faults, trials, names } = await everyFault(async (begin) => {
      await using fixture = await MaildirFixture.make();
      await fill(fixture, stale);
      const log = new FakeLog();
      const store = fixture.store({ exclusive });
      const faulty = begin();
      let heard: Heard;
      try {
        using _ = faulty;
        const client = startSession({ store, log });
        heard = await converse(new Talk(client));
        await client.hangUp();
      } finally {
        faulty[Symbol.dispose]();
      }
      if (heard.fetched.length === WIRE.size) served++;
      else refused++;
      checkSentences([...log.lines, ...fixture.warnings]);
      // The worker lives on, unless that was the fault; a new one starts in any case.
      if (!faulty.stopped) await checkAfter(store, fixture.maildir, heard, faulty);
      await checkAfter(fixture.store({ exclusive }), fixture.maildir, heard, faulty);
    }, { oneIn });
    ok(served > 5 && refused > 5, `${served} sessions saw all, ${refused} did not`);
    for (const one of ["openSync", "lstatSync", "readDirSync", "removeSync", "renameSync"]) {
      ok(names.has(one), `${one} was never called`);
    }
    await t.step(`${trials} of ${faults} faults in ${operations} operations`, () => {});
  });
}
