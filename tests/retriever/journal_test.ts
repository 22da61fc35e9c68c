import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Account, Journal } from "../../lib/retriever/journal.ts";
import {
  entryLine,
  forgetLine,
  type JournalEntry,
  parseLine,
} from "../../lib/retriever/journal_lines.ts";
import { BusyError } from "../../lib/retriever/lock.ts";
import { FaultyFiles } from "../support/faulty_files.ts";
import { namesIn, readLatin1, TestRetriever } from "../support/retriever.ts";

const ACCOUNT: Account = { host: "pop.example.org", port: 995, user: "bob" };

function entry(uid: string, more: Partial<JournalEntry> = {}): JournalEntry {
  return { uid, time: 1_763_733_802_123, size: 4096, digest: "d".repeat(43), ...more };
}

function announced(uid: string): JournalEntry {
  return entry(uid, { names: { temporary: `t-${uid}`, final: `f-${uid},S=1,W=2` } });
}

/** Does something in a folder of its own. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mailismus-journal-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function fileIn(folder: string): string {
  const name = namesIn(folder).find((file) => file.endsWith(".journal"));
  ok(name !== undefined, "there is a journal");
  return `${folder}/${name}`;
}

Deno.test("parseLine() reads what entryLine() and forgetLine() write", () => {
  const text = fc.string({ unit: "binary", minLength: 0, maxLength: 20 });
  const names = fc.record({ temporary: text, final: text });
  const entries = fc.record({
    uid: text,
    time: fc.nat(),
    size: fc.option(fc.nat(), { nil: undefined }),
    digest: text,
  });
  fc.assert(fc.property(text, entries, fc.option(names), (key, plain, some) => {
    const whole = some === null ? plain : { ...plain, names: some };
    const line = entryLine(key, whole);
    ok(line.endsWith("\n") && !line.slice(0, -1).includes("\n"));
    deepEqual(parseLine(line.slice(0, -1)), { kind: "entry", key, entry: whole });
    deepEqual(parseLine(forgetLine(key, plain.uid).slice(0, -1)), {
      kind: "forget",
      key,
      uid: plain.uid,
    });
  }));
});

Deno.test("parseLine() takes no line that is not whole", () => {
  const line = entryLine("mailbox:alice", announced("u1")).slice(0, -1);
  for (let i = 0; i < line.length; i++) {
    equal(parseLine(line.slice(0, i)), undefined);
    const other = line[i] === "x" ? "y" : "x";
    equal(parseLine(line.slice(0, i) + other + line.slice(i + 1)), undefined, `${i}`);
  }
});

Deno.test("Journal.open() knows what was written before", async () => {
  await inFolder(async (folder) => {
    const first = await Journal.open(folder, ACCOUNT);
    await first.write("a", [announced("u1"), announced("u2"), entry("u3")], true);
    await first.write("a", [entry("u1")], false);
    await first.write("b", [entry("u1")], false);
    first.forget("a", ["u3", "unknown"]);
    first.close();
    const second = await Journal.open(folder, ACCOUNT);
    equal(second.damaged, 0);
    deepEqual([...second.entries("a").values()], [entry("u1"), announced("u2")]);
    deepEqual([...second.entries("b").keys()], ["u1"]);
    deepEqual(second.keys, ["a", "b"]);
    second.close();
    match(fileIn(folder), /\/bob@pop\.example\.org_995-[0-9a-f]{12}\.journal$/);
    equal((await Deno.stat(fileIn(folder))).mode! & 0o777, 0o600);
  });
});

Deno.test("Journal.checkRoom() leaves the file as it was, and fails where there is no room", async () => {
  await inFolder(async (folder) => {
    const journal = await Journal.open(folder, ACCOUNT);
    await journal.write("a", [entry("u1")], true);
    const before = await Deno.readTextFile(fileIn(folder));
    journal.checkRoom();
    await journal.write("a", [entry("u2")], true);
    const after = await Deno.readTextFile(fileIn(folder));
    equal(after, before + entryLine("a", entry("u2")));
    {
      // The first operation on the open file is to write.
      using _files = new FaultyFiles(0, "ENOSPC");
      throws(() => journal.checkRoom(), { name: "JournalError" });
    }
    equal(await Deno.readTextFile(fileIn(folder)), after);
    journal.close();
  });
});

Deno.test("Journal.open() keeps accounts apart, whatever their names", async () => {
  await inFolder(async (folder) => {
    const accounts = [
      ACCOUNT,
      { ...ACCOUNT, port: 110 },
      { ...ACCOUNT, user: "../../bob" },
      { ...ACCOUNT, user: "BOB" },
      { ...ACCOUNT, user: "" },
    ];
    const journals = await Promise.all(accounts.map((account) => Journal.open(folder, account)));
    for (const journal of journals) await journal.write("a", [entry("u")], false);
    for (const journal of journals) journal.close();
    equal(namesIn(folder).filter((name) => name.endsWith(".journal")).length, accounts.length);
  });
});

Deno.test("Journal.open() passes over a last line that was cut off, at any length", async () => {
  await inFolder(async (folder) => {
    const journal = await Journal.open(folder, ACCOUNT);
    await journal.write("a", [entry("u1")], true);
    const whole = readLatin1(fileIn(folder)).length;
    await journal.write("a", [announced("u2")], true);
    journal.close();
    const text = readLatin1(fileIn(folder));
    for (let length = whole; length < text.length; length++) {
      await Deno.writeTextFile(fileIn(folder), text.slice(0, length));
      const cut = await Journal.open(folder, ACCOUNT);
      deepEqual([cut.damaged, [...cut.entries("a").keys()]], [0, ["u1"]]);
      await cut.write("a", [entry("u3")], false);
      cut.close();
      const again = await Journal.open(folder, ACCOUNT);
      deepEqual([again.damaged, [...again.entries("a").keys()]], [0, ["u1", "u3"]]);
      again.close();
    }
  });
});

Deno.test("Journal.open() keeps what it can of a damaged file and says how much it lost", async () => {
  await inFolder(async (folder) => {
    const journal = await Journal.open(folder, ACCOUNT);
    await journal.write("a", [entry("u1"), entry("u2"), entry("u3")], true);
    journal.close();
    const lines = readLatin1(fileIn(folder)).split("\n");
    await Deno.writeFile(
      fileIn(folder),
      new Uint8Array([...new TextEncoder().encode(`${lines[0]}\n`), 0xff, 0, 10, 10]),
    );
    const damaged = await Journal.open(folder, ACCOUNT);
    deepEqual([damaged.damaged, [...damaged.entries("a").keys()]], [2, ["u1"]]);
    damaged.close();
    const mended = await Journal.open(folder, ACCOUNT);
    deepEqual([mended.damaged, [...mended.entries("a").keys()]], [0, ["u1"]]);
    mended.close();
  });
});

Deno.test("A damaged journal costs a repetition, which is reported, and nothing else", async () => {
  using test = new TestRetriever();
  test.server.add("Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n");
  test.server.script = [{ quit: "cut" }, {}];
  await test.run();
  const file = fileIn(test.state);
  await Deno.writeTextFile(file, readLatin1(file).replaceAll(/[0-9a-f]{8} /g, "00000000 "));
  const report = await test.run();
  await test.server.close();
  equal(report.failure, undefined);
  match(test.log.join("\n"), /journal .* was damaged \(4 lines unreadable\).*may come once more/);
  equal(test.delivered().length, 4);
  deepEqual(test.server.messages, []);
});

Deno.test("Journal.tidy() writes the file anew when most of it is outdated", async () => {
  await inFolder(async (folder) => {
    const journal = await Journal.open(folder, ACCOUNT);
    for (let i = 0; i < 1200; i++) await journal.write("a", [entry("same")], false);
    await journal.tidy();
    equal(readLatin1(fileIn(folder)).split("\n").length, 2);
    await journal.write("a", [entry("after")], true);
    journal.close();
    const again = await Journal.open(folder, ACCOUNT);
    deepEqual([...again.entries("a").keys()], ["same", "after"]);
    again.forget("a", ["same", "after"]);
    await again.tidy();
    equal(readLatin1(fileIn(folder)), "");
    again.close();
  });
});

Deno.test("Journal.open() waits for another user in this process", async () => {
  await inFolder(async (folder) => {
    const first = await Journal.open(folder, ACCOUNT);
    let opened = false;
    const second = Journal.open(folder, ACCOUNT).then((journal) => {
      opened = true;
      return journal;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    ok(!opened);
    first.close();
    (await second).close();
  });
});

Deno.test("Journal.open() refuses what another process has", async () => {
  await inFolder(async (folder) => {
    (await Journal.open(folder, ACCOUNT)).close();
    const lock = `${folder}/${namesIn(folder).find((name) => name.endsWith(".lock"))}`;
    // Another open file holds the lock as another process would.
    using other = await Deno.open(lock, { write: true });
    ok(await other.tryLock(true));
    await rejects(Journal.open(folder, ACCOUNT), BusyError);
    await rejects(Journal.open(folder, ACCOUNT), /another retriever is at work with this account/);
    await other.unlock();
    (await Journal.open(folder, ACCOUNT)).close();
  });
});

Deno.test("Two retrievers on one account: one works, the other says why it does not", async () => {
  using test = new TestRetriever();
  test.server.add("Subject: 1\r\n\r\n");
  await test.run();
  const lock = `${test.state}/${namesIn(test.state).find((name) => name.endsWith(".lock"))}`;
  test.server.add("Subject: 2\r\n\r\n");
  using other = await Deno.open(lock, { write: true });
  ok(await other.tryLock(true));
  const report = await test.run();
  await test.server.close();
  match(report.summary, /^nothing from bob at pop.example.org:110: another retriever is at work/);
  equal(test.server.messages.length, 1);
});
