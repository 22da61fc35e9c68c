/**
 * Every file operation of a run of the retriever goes wrong in every way: the journal and its lock,
 * the recovery of an interrupted run, delivery. Whatever that was, the next run needs no help, and
 * each message is delivered exactly once.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { ClientOptions } from "../../lib/retriever/options.ts";
import { checkSentences, everyFault, FaultyFiles } from "../support/faulty_files.ts";
import { MailServer } from "../support/mail_server.ts";
import { namesIn, readLatin1, TestRetriever } from "../support/retriever.ts";

const LARGE = "x".repeat(998);
const TEXTS = [
  "Message-ID: <0@x>\r\n\r\nbody\r\n",
  "Message-ID: <1@x>\r\n\r\n.dot\r\n",
  // Does not fit into the buffer of a file.
  `Message-ID: <2@x>\r\n\r\n${`${LARGE}\r\n`.repeat(80)}`,
];
const ON_DISK = TEXTS.map((text) => text.replaceAll("\r\n", "\n"));

/** How a run begins. */
type Beginning =
  /** For the first time. */
  | "fresh"
  /** After one that ended between announcement and move. */
  | "interrupted"
  /** With a journal in which a line is damaged. */
  | "damaged"
  /** With a journal that is mostly outdated, and is written anew. */
  | "outdated";

interface Variant {
  readonly name: string;
  readonly overrides?: Partial<ClientOptions>;
  readonly files?: boolean;
  readonly beginning?: Beginning;
  /** See {@linkcode everyFault}. */
  readonly oneIn?: number;
}

const VARIANTS: Variant[] = [
  { name: "into a Maildir", oneIn: 2 },
  { name: "into files", files: true, oneIn: 4 },
  {
    name: "with preserve and track_seen",
    overrides: { preserve: true, trackSeen: true },
    oneIn: 8,
  },
  { name: "into a Maildir, after an interrupted run", beginning: "interrupted", oneIn: 2 },
  { name: "into files, after an interrupted run", files: true, beginning: "interrupted", oneIn: 4 },
  { name: "with a damaged journal", beginning: "damaged", oneIn: 8 },
  { name: "with an outdated journal", beginning: "outdated", oneIn: 8 },
];

function retriever({ overrides = {}, files = false }: Variant): TestRetriever {
  const test = new TestRetriever(overrides);
  if (files) {
    const destination = { kind: "files" as const, directory: `${test.folder}/files` };
    test.client = { ...test.client, destination };
  }
  return test;
}

function everything(test: TestRetriever): string[] {
  const files = `${test.folder}/files`;
  const saved = namesIn(files).filter((name) => !name.startsWith("."))
    .map((name) => readLatin1(`${files}/${name}`).replaceAll("\r\n", "\n"));
  return [...test.delivered(), ...saved].sort();
}

function leftovers(test: TestRetriever): string[] {
  const parts = namesIn(`${test.folder}/files`).filter((name) => name.startsWith("."));
  return [...test.leftovers(), ...parts];
}

async function begin(test: TestRetriever, variant: Variant): Promise<void> {
  const { beginning = "fresh" } = variant;
  if (beginning === "interrupted") await interrupt(test, variant);
  if (beginning === "damaged") damage(test);
  if (beginning !== "outdated") return;
  // Delivered by another client of the account long ago, and no longer on the server.
  const { server } = test;
  const kept = server.messages;
  server.messages = [];
  server.add(...Array.from({ length: 3 }, (_, i) => `Subject: old ${i}\r\n\r\n`));
  const client = test.client;
  test.client = { ...client, preserve: true, trackSeen: true };
  await test.run();
  for (const name of namesIn(`${test.maildir}/new`)) {
    await Deno.remove(`${test.maildir}/new/${name}`);
  }
  test.client = client;
  server.messages = kept;
}

/** Lets a run end when it has announced its messages and is about to move the first. */
async function interrupt(test: TestRetriever, variant: Variant): Promise<void> {
  using sample = retriever(variant);
  sample.server.add(...TEXTS);
  let at: number;
  {
    using plain = new FaultyFiles();
    await sample.run();
    at = plain.operations.findIndex(({ name }) => name === "renameSync");
  }
  await sample.server.close();
  {
    using _ = new FaultyFiles(at, "stop");
    await test.run();
  }
  equal(leftovers(test).length, TEXTS.length, "the run was interrupted in time");
}

/** Puts a line into the journal that is none. */
function damage(test: TestRetriever): void {
  Deno.mkdirSync(test.state, { recursive: true });
  Deno.writeTextFileSync(journalPath(test), "deadbeef no line\n");
}

function journalPath(test: TestRetriever): string {
  return `${test.state}/${names.get("journal")}`;
}

/** The journal's file name, which is the same for all runs of this file. */
const names = new Map<string, string>();

async function learnNames(): Promise<void> {
  using test = new TestRetriever();
  test.server.add(...TEXTS);
  await test.run();
  await test.server.close();
  names.set("journal", namesIn(test.state).find((name) => name.endsWith(".journal"))!);
}

for (const variant of VARIANTS) {
  const { name, overrides = {}, oneIn = 1 } = variant;
  Deno.test(`A run survives every fault of its files: ${name}`, async (t) => {
    if (names.size === 0) await learnNames();
    let [failed, well] = [0, 0];
    const { operations, faults, trials } = await everyFault(async (faultsBegin) => {
      using test = retriever(variant);
      test.server.add(...TEXTS);
      await begin(test, variant);
      test.log.splice(0);
      {
        using _ = faultsBegin();
        const report = await test.run();
        if (report.failure !== undefined || report.leftByError > 0) failed++;
        else well++;
      }
      checkSentences(test.log);
      const before = everything(test);
      equal(new Set(before).size, before.length, "something came twice");
      const report = await test.run();
      await test.server.close();
      const context = test.log.join("\n");
      equal(report.failure, undefined, context);
      equal(report.leftByError, 0, context);
      deepEqual(everything(test), ON_DISK, context);
      deepEqual(leftovers(test), []);
      equal(test.server.messages.length, overrides.preserve === true ? TEXTS.length : 0);
    }, { oneIn });
    ok(failed > 2 && well > 0, `${failed} runs failed, ${well} did not`);
    await t.step(`${trials} of ${faults} faults in ${operations} operations`, () => {});
  });
}

for (const lmtp of [false, true]) {
  const protocol = lmtp ? "lmtp" : "smtp";
  Deno.test(`A run survives every fault of its files: handing on by ${protocol}`, async (t) => {
    const { operations, faults, trials } = await everyFault(async (faultsBegin) => {
      await using server = await MailServer.start({ lmtp });
      using test = new TestRetriever();
      const options = {
        kind: "smtp" as const,
        sender: "pop3@localhost",
        recipients: ["alice@example.org"],
        host: "127.0.0.1",
        port: server.port,
        protocol: protocol as "smtp" | "lmtp",
        tls: "none" as const,
      };
      test.client = { ...test.client, destination: options };
      test.server.add(...TEXTS);
      {
        using _ = faultsBegin();
        await test.run();
      }
      checkSentences(test.log);
      const report = await test.run();
      await test.server.close();
      equal(report.failure, undefined, test.log.join("\n"));
      const bodies = server.accepted.map(({ body }) => body).sort();
      deepEqual([...new Set(bodies)], TEXTS, test.log.join("\n"));
      // Not even where its acceptance cannot be written down: it is deleted all the same.
      equal(bodies.length, TEXTS.length, "something came twice");
      deepEqual(test.server.messages, []);
    }, { oneIn: 6 });
    await t.step(`${trials} of ${faults} faults in ${operations} operations`, () => {});
  });
}
