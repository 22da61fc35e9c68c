import assert from "node:assert/strict";
import { type ClientText, Collector } from "../support/collecting.ts";
import { bytesOf, writeMailbox } from "../support/mailbox.ts";
import { configText, maildirOf, Program, programCommand } from "../support/program.ts";

const ALICE = { username: "alice", password: "wonder land" } as const;
const BOB = { username: "bob", password: "builder" } as const;

/** Messages for a user, named by what they say. */
function deliver(folder: string, user: string, names: readonly string[], padding = 0): void {
  for (const name of names) {
    const text = `Subject: ${name}\n\n${"x".repeat(60)}\n`.padEnd(padding, "more text\n");
    Deno.writeFileSync(`${maildirOf(folder, user)}/new/${name}.x`, bytesOf(text));
  }
}

function prepare(folder: string): void {
  for (const user of ["alice", "bob", "carol"]) writeMailbox(maildirOf(folder, user), []);
  deliver(folder, "alice", ["a1", "a2"]);
  deliver(folder, "bob", ["b1"]);
}

function onServer(folder: string, user: string): string[] {
  return ["new", "cur"].flatMap((part) =>
    [...Deno.readDirSync(`${maildirOf(folder, user)}/${part}`)].map(({ name }) => name.slice(0, 2))
  ).sort();
}

function collected(collector: Collector, user = "alice"): string[] {
  return collector.mailbox(user).map((bytes) =>
    /^Subject: (.*)$/m.exec(new TextDecoder().decode(bytes))![1]!
  ).sort();
}

/** Everything below a folder: paths, sizes and times. */
function tree(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    const { size, mtime } = Deno.statSync(path);
    return isDirectory ? [path, ...tree(path)] : [`${path} ${size} ${mtime?.getTime()}`];
  }).sort();
}

Deno.test("retrieve --dry-run counts and changes nothing, here or there", async () => {
  await using program = await Program.start({ prepare });
  const port = program.port("plain");
  await using collector = await Collector.make([
    { id: "one", port, ...ALICE },
    { id: "two", port, ...BOB, more: 'downloads_directory = "%DIRTOP%/files"' },
  ]);
  const before = tree(`${program.folder}/ms`);
  const { code, all } = await collector.retrieve(["--dry-run"]);
  assert.equal(code, 0, all);
  assert.match(all, /^one: would fetch 2 messages /m);
  assert.match(all, /^two: would fetch 1 message /m);
  assert.deepEqual(tree(`${program.folder}/ms`), before);
  const here = tree(collector.path).filter((path) => !/\.log |\/users |\/config\.toml /.test(path));
  assert.deepEqual(here.filter((path) => !/\/var(?:\/\w+)?$/.test(path)), []);
});

Deno.test("retrieve ends with the status of what happened", async () => {
  await using program = await Program.start({ prepare });
  const port = program.port("plain");
  await using collector = await Collector.make([
    { id: "good", port, ...ALICE },
    { id: "wrong", port, ...BOB, password: "guess" },
  ]);
  const good = await collector.retrieve(["--once", "--client", "good"]);
  assert.equal(good.code, 0, good.all);
  assert.deepEqual(onServer(program.folder, "bob"), ["b1"]);
  const empty = await collector.retrieve(["--once", "--client", "good"]);
  assert.equal(empty.code, 0, empty.all);
  const both = await collector.retrieve();
  assert.equal(both.code, 1, both.all);
  assert.match(both.stderr, /^.*wrong: .*no login method succeeded/m);
  const unknown = await collector.retrieve(["--client", "goof"]);
  assert.equal(unknown.code, 2);
  await collector.configure([{ id: "good", port, ...ALICE, more: "sizelimit = 3" }]);
  const misconfigured = await collector.retrieve();
  assert.equal(misconfigured.code, 2);
  assert.match(misconfigured.stderr, /pop3download\.clients\[0\]\.sizelimit/);
});

Deno.test("retrieve takes passwords from a file and from the environment", async () => {
  await using program = await Program.start({ prepare });
  const port = program.port("plain");
  await using collector = await Collector.make([
    { id: "file", port, username: "alice", server: 'password_file = "alice.secret"' },
    { id: "env", recip: "bob", port, username: "bob", server: 'password_env = "BOBS_SECRET"' },
  ], { files: { "alice.secret": "wonder land\n" } });
  const { code, all } = await collector.retrieve(["--once"], { env: { BOBS_SECRET: "builder" } });
  assert.equal(code, 0, all);
  assert.deepEqual(collected(collector), ["a1", "a2"]);
  assert.deepEqual(collected(collector, "bob"), ["b1"]);
  collector.assertNoSecrets(["wonder land", "builder"], all);
});

Deno.test("retrieve leaves what is larger than max_size, which is no error", async () => {
  await using program = await Program.start({ prepare });
  deliver(program.folder, "alice", ["a3"], 5000);
  await using collector = await Collector.make([
    { id: "small", port: program.port("plain"), ...ALICE, more: 'max_size = "2K"' },
  ]);
  const { code, all } = await collector.retrieve();
  assert.equal(code, 0, all);
  assert.deepEqual(collected(collector), ["a1", "a2"]);
  assert.deepEqual(onServer(program.folder, "alice"), ["a3"]);
  assert.match(all, /larger than max_size/);
});

Deno.test("retrieve with preserve and track_seen downloads each message once", async () => {
  await using program = await Program.start({ prepare });
  const port = program.port("plain");
  const seen = "preserve = true\ntrack_seen = true";
  await using collector = await Collector.make([
    { id: "seen", port, ...ALICE, more: seen },
    { id: "again", recip: "bob", port, ...BOB, more: "preserve = true" },
  ]);
  const expected = [["a1", "a2"], ["a1", "a2"], ["a1", "a2", "a3"]];
  for (const [run, names] of expected.entries()) {
    if (run === 2) deliver(program.folder, "alice", ["a3"]);
    const { code, all } = await collector.retrieve();
    assert.equal(code, 0, all);
    assert.deepEqual(collected(collector), names);
    assert.equal(collected(collector, "bob").length, run + 1);
  }
  assert.deepEqual(onServer(program.folder, "alice"), ["a1", "a2", "a3"]);
  assert.deepEqual(onServer(program.folder, "bob"), ["b1"]);
});

/** Runs of each client in the order in which they began, from the transcript. */
const began = (collector: Collector): string[] =>
  collector.transcript().flatMap((line) => /^\[(\w+)-\d+\] \*\* connected/.exec(line)?.[1] ?? []);

Deno.test("retrieve keeps to freq, runs and the number of clients at once", async () => {
  await using program = await Program.start({ prepare });
  const port = program.port("plain");
  await using collector = await Collector.make([
    { id: "thrice", port, ...ALICE, more: "freq = 0\nruns = 3" },
    { id: "twice", port, ...BOB, more: 'freq = "400ms"\nruns = 2' },
    { id: "single", port, username: "carol", password: "christmas", more: "freq = 0" },
  ], { settings: 'max_parallel = 1\ndelay_start = "1h"' });
  // Without --once the schedule counts, but not the wait at its start.
  const { code, all } = await collector.retrieve([]);
  assert.equal(code, 0, all);
  const order = began(collector);
  assert.deepEqual([...order].sort(), ["single", "thrice", "thrice", "thrice", "twice", "twice"]);
  // One at a time: each session ends before the next begins.
  const events = collector.transcript().flatMap((line) =>
    /^\[(\w+-\d+)\] \*\* (connected|ended)/.exec(line)?.slice(1, 3).join(" ") ?? []
  );
  for (let i = 0; i < events.length; i += 2) {
    assert.equal(events[i]!.split(" ")[1], "connected", events.join("\n"));
    assert.equal(events[i + 1], events[i]!.replace("connected", "ended"), events.join("\n"));
  }
});

/** A time stamp of a log's line in milliseconds. */
const timeOf = (line: string): number => Date.parse(line.slice(0, 23).replace(" ", "T"));

Deno.test("serve waits delay_start, then runs its clients at their own intervals", async () => {
  await using program = await Program.start({ prepare });
  const port = program.port("plain");
  const clients: ClientText[] = [
    { id: "quick", port, ...ALICE, more: 'freq = "300ms"\nruns = 4' },
    { id: "slow", port, ...BOB, more: 'freq = "900ms"\nruns = 2' },
  ];
  await using collector = await Collector.make(clients, { settings: 'delay_start = "700ms"' });
  const start = Date.now();
  const { command, args } = programCommand(["serve"]);
  const child = new Deno.Command(command, {
    args,
    cwd: collector.path,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const { code } = await child.status;
  assert.equal(code, 0);
  const lines = (await Deno.readTextFile(`${collector.path}/transcript.log`)).split("\n");
  const times = (id: string, event: string) =>
    lines.filter((line) => line.includes(` [${id}-`) && line.includes(` ** ${event}`)).map(timeOf);
  const quick = times("quick", "connected");
  const ended = times("quick", "ended");
  assert.equal(quick.length, 4);
  assert(quick[0]! - start >= 700, `The first run came after ${quick[0]! - start} ms`);
  for (let i = 1; i < quick.length; i++) {
    const pause = quick[i]! - ended[i - 1]!;
    assert(pause >= 295, `Run ${i + 1} came ${pause} ms after the end of the one before`);
  }
  const slow = times("slow", "connected");
  assert.equal(slow.length, 2);
  assert(slow[1]! - times("slow", "ended")[0]! >= 895);
  // The second run of the slow client does not wait for the quick one, nor the other way round.
  assert(quick[1]! < slow[1]!);
});

Deno.test("two retrievers of one account exclude each other, and neither loses or repeats", async () => {
  await using program = await Program.start({
    config: configText({ pop3server: 'grace = "1s"' }),
    prepare: (folder) => {
      prepare(folder);
      deliver(folder, "alice", Array.from({ length: 60 }, (_, i) => `m${i}`));
    },
  });
  await using collector = await Collector.make([
    { id: "account", port: program.port("plain"), ...ALICE },
  ]);
  const runs = await Promise.all([1, 2, 3].map(() => collector.retrieve()));
  for (const { code, all } of runs) {
    assert(code === 0 || /account: .*(?:another|in use|IN-USE|busy)/i.test(all), `${code}: ${all}`);
  }
  const last = await collector.retrieve();
  assert.equal(last.code, 0, last.all);
  const got = collected(collector);
  assert.equal(got.length, 62);
  assert.equal(new Set(got).size, 62);
});
