import assert from "node:assert/strict";
import fc from "fast-check";
import { LogFileWriter } from "../../lib/log/log_file_writer.ts";
import { ROTATIONS } from "../../lib/log/name_template.ts";
import { FakeFiles, settle } from "./fake_files.ts";

Deno.test("write() gathers lines until the buffer is full", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer({ buffer: 10, flush: 0 });
  writer.write("one\n");
  writer.write("two\n");
  await settle();
  assert.deepEqual(disk.files(), {});
  assert.equal(disk.timers.size, 0, "flush = 0 means no timer");
  writer.write("three\n");
  await settle();
  assert.deepEqual(disk.files(), { "/l/a-20261121.log": "one\ntwo\nthree\n" });
  assert.equal(disk.writes, 1);
  writer.write("four\n");
  await writer.close();
  assert.deepEqual(disk.files(), { "/l/a-20261121.log": "one\ntwo\nthree\nfour\n" });
  assert.equal(disk.openNow, 0);
});

Deno.test("write() is followed by a write to disk after the flush time", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer({ flush: 1000 });
  writer.write("one\n");
  await disk.pass(600);
  writer.write("two\n");
  assert.deepEqual(disk.files(), {});
  await disk.pass(400);
  assert.deepEqual(disk.files(), { "/l/a-20261121.log": "one\ntwo\n" });
  assert.equal(disk.timers.size, 0, "nothing waits, so no timer runs");
  await writer.close();
});

Deno.test("write() goes to a new file when the period changes, for every rotation", async () => {
  const steps = {
    NEVER: ["2026-11-21T14:03:22", "2027-12-01T00:00:00", ["20261121"]],
    HOURLY: ["2026-11-21T14:59:59.999", "2026-11-21T15:00:00", ["20261121_1400", "20261121_1500"]],
    DAILY: ["2026-11-21T23:59:59.999", "2026-11-22T00:00:00", ["20261121", "20261122"]],
    WEEKLY: ["2026-11-22T23:59:59.999", "2026-11-23T00:00:00", ["20261116", "20261123"]],
    MONTHLY: ["2026-11-30T23:59:59.999", "2026-12-01T00:00:00", ["202611", "202612"]],
    YEARLY: ["2026-12-31T23:59:59.999", "2027-01-01T00:00:00", ["2026", "2027"]],
  } as const;
  for (const rot of ROTATIONS) {
    const [before, after, names] = steps[rot];
    const disk = new FakeFiles(before);
    const writer = disk.writer({ rot });
    writer.write("old\n");
    await disk.goTo(after);
    writer.write("new\n");
    await writer.close();
    const found = disk.files();
    assert.deepEqual(Object.keys(found), names.map((name) => `/l/a-${name}.log`), rot);
    assert.equal(Object.values(found).join("|"), rot === "NEVER" ? "old\nnew\n" : "old\n|new\n");
    assert.equal(disk.openNow, 0);
  }
});

Deno.test("write() puts lines into the file of the time they were written at", async () => {
  const disk = new FakeFiles("2026-11-21T23:59:59.900");
  const writer = disk.writer({ flush: 0 });
  writer.write("before midnight\n");
  await disk.pass(200);
  writer.write("after midnight\n");
  await writer.close();
  assert.deepEqual(disk.files(), {
    "/l/a-20261121.log": "before midnight\n",
    "/l/a-20261122.log": "after midnight\n",
  });
});

Deno.test("write() uses one file for the hour that daylight saving repeats", async () => {
  const disk = new FakeFiles("2026-10-25T02:30:00+02:00");
  const writer = disk.writer({ rot: "HOURLY" });
  writer.write("first\n");
  await disk.pass(3_600_000);
  writer.write("second\n");
  await writer.close();
  assert.deepEqual(disk.files(), { "/l/a-20261025_0200.log": "first\nsecond\n" });
});

Deno.test("write() follows a clock that is turned back", async () => {
  const disk = new FakeFiles("2031-01-01T00:00:00");
  const writer = disk.writer({ rot: "YEARLY" });
  writer.write("wrong clock\n");
  await disk.goTo("2026-11-21T14:03:22");
  writer.write("right clock\n");
  await writer.close();
  assert.deepEqual(disk.files(), {
    "/l/a-2031.log": "wrong clock\n",
    "/l/a-2026.log": "right clock\n",
  });
});

Deno.test("a restart in the same period goes on in the same file", async () => {
  const disk = new FakeFiles();
  for (const line of ["first run\n", "second run\n"]) {
    const writer = disk.writer({ rot: "WEEKLY" });
    writer.write(line);
    await writer.close();
    await disk.goTo("2026-11-22T09:00:00");
  }
  assert.deepEqual(disk.files(), { "/l/a-20261116.log": "first run\nsecond run\n" });
});

Deno.test("maxfile overrides rot and starts files named to the second", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer({ rot: "YEARLY", maxfile: 10, flush: 0 });
  writer.write("12345678\n");
  await writer.flush();
  await disk.pass(5000);
  writer.write("abcd\nefgh\n");
  await writer.flush();
  await disk.goTo("2028-01-01T00:00:00");
  writer.write("\n");
  await writer.close();
  assert.deepEqual(disk.files(), {
    "/l/a-20261121_140322.log": "12345678\n",
    "/l/a-20261121_140327.log": "abcd\nefgh\n",
    "/l/a-20280101_000000.log": "\n",
  });
});

Deno.test("maxfile counts up where the name would be the same", async () => {
  const disk = new FakeFiles();
  disk.contents.set("/l/a.log", "from before\n");
  const writer = disk.writer({ file: "/l/a.log", maxfile: 12 });
  writer.write("12345678\n1234567890123456789\nab\ncd\nef\ngh\nij\n");
  await writer.close();
  assert.deepEqual(disk.files(), {
    "/l/a.log": "from before\n",
    "/l/a_1.log": "12345678\n",
    "/l/a_2.log": "1234567890123456789\n",
    "/l/a_3.log": "ab\ncd\nef\ngh\n",
    "/l/a_4.log": "ij\n",
  });
  const next = disk.writer({ file: "/l/a.log", maxfile: 12 });
  next.write("kl\n");
  await next.close();
  assert.equal(disk.contents.get("/l/a_1.log"), "12345678\nkl\n", "room is used after a restart");
});

Deno.test("maxfile never tears, loses or overgrows, whatever the lines and short writes", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ maxLength: 12 }).map((text) => text.replace(/[^!-~]/g, ".")), {
      maxLength: 40,
    }),
    fc.integer({ min: 1, max: 30 }),
    fc.integer({ min: 1, max: 9 }),
    async (lines, maxfile, atOnce) => {
      const disk = new FakeFiles();
      disk.atOnce = atOnce;
      const writer = disk.writer({ maxfile, buffer: 16, flush: 0 });
      for (const line of lines) writer.write(line + "\n");
      await writer.close();
      const files = Object.values(disk.files());
      assert.equal(files.join(""), lines.map((line) => line + "\n").join(""));
      for (const text of files) {
        assert.ok(text.endsWith("\n"));
        assert.ok(text.length <= maxfile || text.indexOf("\n") === text.length - 1);
      }
    },
  ));
});

Deno.test("a full disk is reported once, and everything is written when there is room", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer();
  disk.room = 6;
  writer.write("one\ntwo\n");
  await disk.pass(1000);
  assert.deepEqual(disk.files(), { "/l/a-20261121.log": "one\ntw" });
  assert.equal(disk.openNow, 0);
  writer.write("three\n");
  for (let i = 0; i < 10; i++) await disk.pass(30_000);
  assert.equal(disk.reports.length, 1);
  assert.match(
    disk.reports[0]!,
    /^Cannot write the log file "\/l\/a-20261121\.log": No space left on device\. /,
  );
  disk.room = Infinity;
  await disk.pass(30_000);
  assert.deepEqual(disk.files(), { "/l/a-20261121.log": "one\ntwo\nthree\n" });
  assert.deepEqual(disk.reports.slice(1), [
    'The log file "/l/a-20261121.log" can be written again',
  ]);
  assert.equal(disk.timers.size, 0);
  disk.room = 0;
  writer.write("four\n");
  await disk.pass(1000);
  assert.equal(disk.reports.length, 3, "the next full disk is news again");
  disk.room = Infinity;
  await writer.close();
});

Deno.test("a file that cannot be opened is tried less and less often, up to every 30 s", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer();
  disk.openFault = new Error("Permission denied (os error 13), open '/l/a'");
  writer.write("one\n");
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    const [timer] = [...disk.timers.values()];
    waits.push(timer!.due - disk.time);
    await disk.pass(timer!.due - disk.time);
  }
  assert.deepEqual(waits, [1000, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assert.match(disk.reports.join(), /"\/l\/a-20261121\.log": Permission denied\. /);
  disk.openFault = undefined;
  await disk.pass(30_000);
  assert.deepEqual(disk.files(), { "/l/a-20261121.log": "one\n" });
  await writer.close();
});

Deno.test("lines in memory are bounded while the disk is full, the oldest are dropped and counted", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer({ buffer: 100 }, 500);
  disk.room = 0;
  for (let i = 0; i < 1000; i++) writer.write(`line ${i}\n`);
  await disk.pass(1000);
  for (let i = 1000; i < 2000; i++) writer.write(`line ${i}\n`);
  disk.room = Infinity;
  await writer.close();
  const lines = disk.contents.get("/l/a-20261121.log")!.trimEnd().split("\n");
  assert.ok(lines.join("\n").length < 1000, "what waited was bounded");
  assert.equal(lines.at(-1), "line 1999");
  const notes = lines.filter((line) => line.includes("**"));
  const lost = notes.reduce(
    (sum, line) => sum + Number(/\*\* Lines of this log lost here: (\d+)$/.exec(line)![1]),
    0,
  );
  assert.equal(lost + lines.length - notes.length, 2000, "every line is there or counted");
  const after = lines.findLastIndex((line) => line.includes("**"));
  const kept = lines.slice(after + 1).map((line) => Number(line.slice(5)));
  assert.deepEqual(kept, kept.map((_, i) => 2000 - kept.length + i), "the note stands at the gap");
  assert.match(disk.reports.at(-1)!, /can be written again; lines lost meanwhile: \d+$/);
});

Deno.test("a line begun before the disk was full is finished, whatever is dropped behind it", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer({ buffer: 10 }, 30);
  disk.room = 3;
  writer.write("1234567890\n");
  await settle();
  for (let i = 0; i < 100; i++) writer.write(`${i}\n`.padStart(11, "x"));
  disk.room = Infinity;
  await writer.close();
  assert.match(
    disk.contents.get("/l/a-20261121.log")!,
    /^1234567890\n\S+ \S+ \*\* Lines of this log lost here: 9\d\n(x+\d\d\n)+$/,
  );
});

Deno.test("close() says how many lines are lost for good", async () => {
  const disk = new FakeFiles();
  disk.room = 5;
  const writer = disk.writer();
  writer.write("one\ntwo\nthree\n");
  await disk.pass(1000);
  writer.write("four\n");
  await writer.close();
  assert.equal(disk.timers.size, 0);
  assert.equal(disk.openNow, 0);
  assert.deepEqual(disk.reports.slice(1), ['Log "/l/a-%DT%.log": lines lost at the end: 3']);
  writer.write("too late\n");
  await writer.close();
  assert.deepEqual(disk.files(), { "/l/a-20261121.log": "one\nt" });
});

Deno.test("reopen() goes on in a new file of the name, with whole lines", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer({ file: "/l/a.log", rot: "NEVER" });
  const moveAway = (name: string) => {
    disk.contents.set(name, disk.contents.get("/l/a.log")!);
    disk.contents.delete("/l/a.log");
  };
  writer.write("one\n");
  await writer.flush();
  moveAway("/l/a.log.1");
  writer.reopen();
  assert.equal(disk.openNow, 0, "logrotate may delete the old file now");
  writer.write("two\n");
  await writer.flush();
  assert.deepEqual(disk.files(), { "/l/a.log.1": "one\n", "/l/a.log": "two\n" });
  disk.room = 7;
  writer.write("three\nfour\n");
  await writer.flush();
  moveAway("/l/a.log.2");
  disk.room = Infinity;
  writer.reopen();
  await writer.close();
  assert.deepEqual(disk.files(), {
    "/l/a.log.1": "one\n",
    "/l/a.log.2": "two\nthree\nf",
    "/l/a.log": "four\n",
  });
});

Deno.test("reopen() takes a new day into the name of a log that never rotates", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer({ rot: "NEVER" });
  writer.write("one\n");
  await writer.flush();
  await disk.goTo("2026-11-25T00:00:00");
  writer.write("two\n");
  await writer.flush();
  writer.reopen();
  writer.write("three\n");
  await writer.close();
  assert.deepEqual(disk.files(), {
    "/l/a-20261121.log": "one\ntwo\n",
    "/l/a-20261125.log": "three\n",
  });
});

Deno.test("lose() notes how many lines did not arrive", async () => {
  const disk = new FakeFiles();
  const writer = disk.writer();
  writer.lose(7);
  await writer.close();
  assert.match(
    disk.contents.get("/l/a-20261121.log")!,
    /^\S+ \S+ \*\* Lines of this log lost here: 7\n$/,
  );
});

Deno.test("a real file is created with its folders for its owner alone, and appended to", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/logs/Y%Y%/pop3-%DT%.log`;
    for (const line of ["one\n", "two ü\n"]) {
      const writer = new LogFileWriter(
        { file, rot: "MONTHLY", buffer: 8192, flush: 0 },
        { now: () => Date.UTC(2026, 10, 21), zone: "UTC" },
      );
      writer.write(line);
      await writer.close();
    }
    const path = `${folder}/logs/Y2026/pop3-202611.log`;
    assert.equal(await Deno.readTextFile(path), "one\ntwo ü\n");
    if (Deno.build.os !== "windows") {
      assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
      assert.equal((await Deno.stat(`${folder}/logs/Y2026`)).mode! & 0o777, 0o700);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "a real full disk is reported with its cause and throws nothing",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const program = new URL("full_disk_main.ts", import.meta.url).pathname;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-lock", "--no-check", "--allow-all", program],
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.deepEqual(new TextDecoder().decode(stdout).trimEnd().split("\n"), [
      'Cannot write the log file "/dev/full": No space left on device. ' +
      "Its lines are kept in memory as far as there is room, and writing is tried again",
      'Log "/dev/full": lines lost at the end: 2',
    ]);
    assert.equal(code, 0);
  },
});

Deno.test("a path that is a folder is reported, not thrown", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const reports: string[] = [];
    const writer = new LogFileWriter(
      { file: folder, rot: "NEVER", buffer: 8192, flush: 1000 },
      { report: (sentence) => reports.push(sentence) },
    );
    writer.write("one\n");
    await writer.close();
    assert.match(reports[0]!, /^Cannot write the log file ".*": Is a directory\./);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
