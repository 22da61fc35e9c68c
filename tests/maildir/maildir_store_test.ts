import assert from "node:assert/strict";
import type { DiskForm } from "../../lib/wire/dot_stuffing.ts";
import { latin1 } from "../../lib/wire/text.ts";
import {
  type Maildrop,
  MaildropInUseError,
  MaildropUnavailableError,
  MessageGoneError,
} from "../../lib/maildir/maildrop.ts";
import { MaildirStore } from "../../lib/maildir/maildir_store.ts";

/** A throw-away store with one user's Maildir. */
class Fixture implements AsyncDisposable {
  readonly root: string;
  readonly warnings: string[] = [];

  private constructor(root: string) {
    this.root = root;
  }

  static async make(): Promise<Fixture> {
    const fixture = new Fixture(await Deno.makeTempDir());
    for (const folder of ["new", "cur", "tmp"]) {
      await Deno.mkdir(`${fixture.maildir}/${folder}`, { recursive: true });
    }
    return fixture;
  }

  get maildir(): string {
    return `${this.root}/ms/alice/Maildir`;
  }

  store(options: { form?: DiskForm; exclusive?: boolean; cache?: boolean } = {}): MaildirStore {
    return new MaildirStore({
      userPath: `${this.root}/ms`,
      mailPath: "Maildir",
      colon: ":",
      comma: ",",
      exclusive: options.exclusive ?? false,
      form: options.form ?? "plain",
      ...(options.cache === false ? {} : { cachePath: `${this.root}/cache` }),
      warn: (text) => this.warnings.push(text),
    });
  }

  /** Writes a message file, by default one that lay there for an hour. */
  async put(name: string, content: string | Uint8Array, age = 3600): Promise<void> {
    const path = `${this.maildir}/${name}`;
    const bytes = typeof content === "string"
      ? Uint8Array.from(content, (c) => c.charCodeAt(0))
      : content;
    await Deno.writeFile(path, bytes);
    const then = Date.now() / 1000 - age;
    await Deno.utime(path, then, then);
  }

  /** Makes the folders look long unchanged, so that what was read of them is remembered. */
  async settle(): Promise<void> {
    const then = 1_750_000_000;
    for (const folder of ["new", "cur"]) await Deno.utime(`${this.maildir}/${folder}`, then, then);
  }

  async files(folder: string): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(`${this.maildir}/${folder}`)) names.push(entry.name);
    return names.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

function retrieve(drop: Maildrop, message: number, bodyLines?: number, room = 8300): string {
  const reader = drop.open(message, bodyLines);
  const target = new Uint8Array(room);
  let text = "";
  for (let end = reader.read(target, 100); end > 100; end = reader.read(target, 100)) {
    text += latin1(target.subarray(100, end));
  }
  reader.close();
  return text;
}

function sizes(drop: Maildrop): number[] {
  return Array.from({ length: drop.count }, (_, i) => drop.size(i + 1));
}

function uidls(drop: Maildrop): string[] {
  return Array.from({ length: drop.count }, (_, i) => drop.uidl(i + 1));
}

Deno.test("MaildirStore.open() shows new and cur, oldest first, with the sizes that RETR sends", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("cur/1700000002.M2P1.h:2,S", "b\nc");
  await fixture.put("new/1700000001.M1P1.h", "a\r\n.\r\n");
  await fixture.put("new/1700000002.M1P1.h", "");
  await fixture.put("cur/1700000000.M1P1.h:2,", "\0\xff\n\n");
  const drop = await fixture.store().open("alice");
  assert.deepEqual(uidls(drop), [
    "1700000000.M1P1.h",
    "1700000001.M1P1.h",
    "1700000002.M1P1.h",
    "1700000002.M2P1.h",
  ]);
  assert.deepEqual(sizes(drop), [6, 6, 0, 6]);
  const texts = [1, 2, 3, 4].map((message) => retrieve(drop, message));
  assert.deepEqual(texts, ["\0\xff\r\n\r\n", "a\r\n..\r\n", "", "b\r\nc\r\n"]);
  drop.close();
});

Deno.test("MaildirStore.open() orders names without a time by the file's time", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("new/zeta", "z\n", 5000);
  await fixture.put("new/alpha", "a\n", 100);
  await fixture.put("new/middle", "m\n", 300);
  const drop = await fixture.store().open("alice");
  assert.deepEqual(uidls(drop), ["zeta", "middle", "alpha"]);
  drop.close();
});

Deno.test("MaildirStore.open() takes only regular, visible files for messages", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("new/1.a", "a\n");
  await fixture.put("new/.hidden", "x\n");
  await Deno.mkdir(`${fixture.maildir}/new/folder`);
  await Deno.symlink("/etc/hostname", `${fixture.maildir}/new/link`);
  await Deno.symlink(`${fixture.maildir}/new/1.a`, `${fixture.maildir}/cur/inside`);
  const drop = await fixture.store().open("alice");
  assert.deepEqual(uidls(drop), ["1.a"]);
  drop.close();
});

Deno.test("MaildirStore.open() locks out every other session until the first closes", async () => {
  await using fixture = await Fixture.make();
  const store = fixture.store();
  const drop = await store.open("alice");
  await assert.rejects(store.open("alice"), MaildropInUseError);
  await assert.rejects(fixture.store().open("alice"), MaildropInUseError);
  drop.close();
  drop.close();
  (await store.open("alice")).close();
});

Deno.test("MaildirStore.open() makes the Maildir of a user who never had mail", async () => {
  await using fixture = await Fixture.make();
  const drop = await fixture.store().open("bob");
  assert.equal(drop.count, 0);
  await assert.rejects(fixture.store().open("bob"), MaildropInUseError);
  drop.close();
});

Deno.test("MaildirStore.open() refuses names that lead out of the store", async () => {
  await using fixture = await Fixture.make();
  for (const name of ["..", ".", "", "a/b", "../alice", "a\\b", "a\0b"]) {
    await assert.rejects(fixture.store().open(name), MaildropUnavailableError);
  }
});

Deno.test("MaildirStore keeps sizes over restarts and notices a changed file", async () => {
  await using fixture = await Fixture.make();
  for (let i = 0; i < 20; i++) await fixture.put(`cur/17000000${10 + i}.a:2,`, "line\n".repeat(i));
  const first = await fixture.store().open("alice");
  const before = sizes(first);
  first.close();
  assert.deepEqual(before, Array.from({ length: 20 }, (_, i) => 6 * i));
  await fixture.put("cur/1700000011.a:2,", "longer than it was\n", 10);
  const again = await fixture.store().open("alice");
  assert.equal(again.size(2), 20);
  assert.equal(again.size(3), before[2]);
  again.close();
});

Deno.test("MaildirStore computes damaged cache entries anew", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("cur/1700000001.a:2,", "one\n");
  await fixture.put("cur/1700000002.b:2,", "two\ntwo\n");
  (await fixture.store().open("alice")).close();
  let path = "";
  for await (const file of Deno.readDir(`${fixture.root}/cache/sizes`)) {
    path = `${fixture.root}/cache/sizes/${file.name}`;
  }
  const text = await Deno.readTextFile(path);
  for (
    const damaged of [
      "",
      "nonsense",
      text.slice(0, -7),
      text.replaceAll("1700000002", "\0\0\0"),
      text + "9999 1",
      text.replace("mailismus", "mailismug"),
    ]
  ) {
    await Deno.writeTextFile(path, damaged);
    const drop = await fixture.store().open("alice");
    assert.deepEqual(sizes(drop), [5, 10]);
    drop.close();
  }
});

Deno.test("MaildirStore keeps the cache short however many messages come and go", async () => {
  await using fixture = await Fixture.make();
  const store = fixture.store();
  let longest = 0;
  for (let i = 0; i < 10; i++) {
    for (let n = 0; n < 200; n++) {
      await fixture.put(`new/${1_700_000_000 + 200 * i + n}.${"x".repeat(100)}`, "x\n");
    }
    const drop = await store.open("alice");
    assert.equal(drop.count, 200);
    await drop.update(Array.from({ length: 200 }, (_, n) => n + 1), []);
    drop.close();
    for await (const file of Deno.readDir(`${fixture.root}/cache/sizes`)) {
      longest = Math.max(
        longest,
        (await Deno.stat(`${fixture.root}/cache/sizes/${file.name}`)).size,
      );
    }
  }
  assert.ok(longest < 240_000, `${longest} bytes`);
});

Deno.test("MaildirStore serves on when the cache cannot be written, and says so once", async () => {
  await using fixture = await Fixture.make();
  await Deno.writeTextFile(`${fixture.root}/cache`, "a file in the way");
  await fixture.put("cur/1700000001.a:2,", "one\n");
  const store = fixture.store();
  for (let i = 0; i < 3; i++) {
    const drop = await store.open("alice");
    assert.deepEqual(sizes(drop), [5]);
    drop.close();
  }
  assert.equal(fixture.warnings.filter((text) => text.includes("cache")).length, 1);
});

Deno.test("MaildirStore sees new mail although it remembers the mailbox", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("cur/1700000001.a:2,", "one\n");
  await fixture.settle();
  const store = fixture.store();
  (await store.open("alice")).close();
  const same = await store.open("alice");
  assert.equal(same.count, 1);
  same.close();
  await fixture.put("new/1700000002.b", "two\n");
  const more = await store.open("alice");
  assert.equal(more.count, 2);
  more.close();
});

Deno.test("MaildirStore does not rely on the time of a folder that changed just now", async () => {
  await using fixture = await Fixture.make();
  const store = fixture.store();
  const frozen = Date.now() / 1000;
  for (let i = 1; i <= 5; i++) {
    await fixture.put(`new/170000000${i}.a`, "x\n");
    // As on a file system whose clock ticks coarsely: the folder's time stays as it was.
    await Deno.utime(`${fixture.maildir}/new`, frozen, frozen);
    await Deno.utime(`${fixture.maildir}/cur`, frozen, frozen);
    const drop = await store.open("alice");
    assert.equal(drop.count, i);
    drop.close();
  }
});

Deno.test("Maildrop.update() deletes, and moves what was retrieved to cur with the flag S", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("new/1700000001.a", "a\n");
  await fixture.put("new/1700000002.b", "b\n");
  await fixture.put("cur/1700000003.c:2,F", "c\n");
  await fixture.put("cur/1700000004.d:2,S", "d\n");
  await fixture.put("new/1700000005.e", "e\n");
  const drop = await fixture.store().open("alice");
  assert.deepEqual(await drop.update([2], [1, 2, 3, 4]), { deleted: 1, undeleted: 0 });
  drop.close();
  assert.deepEqual(await fixture.files("new"), ["1700000005.e"]);
  assert.deepEqual(await fixture.files("cur"), [
    "1700000001.a:2,S",
    "1700000003.c:2,FS",
    "1700000004.d:2,S",
  ]);
});

Deno.test("Maildrop finds messages that another program moved, and misses those it removed", async () => {
  await using fixture = await Fixture.make();
  for (const name of ["1.a", "2.b", "3.c", "4.d"]) {
    await fixture.put(`new/170000000${name}`, name + "\n");
  }
  const drop = await fixture.store().open("alice");
  const { maildir } = fixture;
  await Deno.rename(`${maildir}/new/1700000001.a`, `${maildir}/cur/1700000001.a:2,S`);
  await Deno.remove(`${maildir}/new/1700000002.b`);
  await Deno.rename(`${maildir}/new/1700000003.c`, `${maildir}/cur/1700000003.c:2,R`);
  assert.equal(retrieve(drop, 1), "1.a\r\n");
  assert.throws(() => drop.open(2), MessageGoneError);
  assert.equal(retrieve(drop, 4), "4.d\r\n");
  assert.deepEqual(await drop.update([1, 2], [3]), { deleted: 2, undeleted: 0 });
  drop.close();
  assert.deepEqual(await fixture.files("cur"), ["1700000003.c:2,RS"]);
  assert.deepEqual(await fixture.files("new"), ["1700000004.d"]);
});

Deno.test("Maildrop.open() opens nothing but a regular file, whatever was put in a message's place", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("new/1700000001.a", "a\n");
  await fixture.put("new/1700000002.b", "b\n");
  await Deno.writeTextFile(`${fixture.root}/other`, "of another user\n");
  const drop = await fixture.store().open("alice");
  const [pipe, link] = ["1.a", "2.b"].map((name) => `${fixture.maildir}/new/170000000${name}`);
  await Deno.remove(pipe!);
  await new Deno.Command("mkfifo", { args: [pipe!] }).output();
  await Deno.remove(link!);
  await Deno.symlink(`${fixture.root}/other`, link!);
  // Opening a pipe that nobody writes to would never return.
  assert.throws(() => drop.open(1), /no regular file/);
  assert.throws(() => drop.open(2), /no regular file/);
  drop.close();
});

Deno.test("Maildrop keeps two messages of one base name apart and never overwrites either", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("new/1700000001.a", "new\n");
  await fixture.put("cur/1700000001.a:2,S", "cur\n");
  await fixture.put("cur/1700000001.a:2,FS", "flagged\n");
  const drop = await fixture.store().open("alice");
  assert.equal(drop.count, 3);
  assert.equal(new Set(uidls(drop)).size, 3);
  const texts = [1, 2, 3].map((message) => retrieve(drop, message)).sort();
  assert.deepEqual(texts, ["cur\r\n", "flagged\r\n", "new\r\n"]);
  await drop.update([], [1, 2, 3]);
  drop.close();
  assert.equal((await fixture.files("new")).length + (await fixture.files("cur")).length, 3);
  const again = await fixture.store().open("alice");
  assert.deepEqual(uidls(again).sort(), uidls(drop).sort());
  await again.update([1], []);
  again.close();
  assert.equal((await fixture.files("new")).length + (await fixture.files("cur")).length, 2);
});

Deno.test("Maildrop.update() reports what it could not delete", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("new/1700000001.a", "a\n");
  await fixture.put("new/1700000002.b", "b\n");
  const drop = await fixture.store().open("alice");
  // A folder in the file's place cannot be removed as a file, not even by root.
  await Deno.remove(`${fixture.maildir}/new/1700000001.a`);
  await Deno.mkdir(`${fixture.maildir}/new/1700000001.a/full`, { recursive: true });
  const report = await drop.update([1, 2], []);
  drop.close();
  assert.equal(report.deleted, 1);
  assert.equal(report.undeleted, 1);
  assert.match(report.reason!, /1700000001\.a/);
});

Deno.test("Maildrop.open() streams a large message through a small buffer", async () => {
  await using fixture = await Fixture.make();
  const line = "." + "x".repeat(70) + "\n";
  await fixture.put("new/1700000001.a", line.repeat(20000));
  const drop = await fixture.store().open("alice");
  assert.equal(drop.size(1), 73 * 20000);
  const text = retrieve(drop, 1);
  assert.equal(text.length, 74 * 20000);
  assert.equal(text, ("." + line.replace("\n", "\r\n")).repeat(20000));
  assert.equal(retrieve(drop, 1, 3).length, 74 * 20000);
  drop.close();
});

Deno.test("Maildrop.open() with body lines gives the header, the blank line and the lines", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("new/1700000001.a", "A: 1\nB: 2\n\n.one\ntwo\n");
  const drop = await fixture.store().open("alice");
  assert.equal(retrieve(drop, 1, 0), "A: 1\r\nB: 2\r\n\r\n");
  assert.equal(retrieve(drop, 1, 1), "A: 1\r\nB: 2\r\n\r\n..one\r\n");
  assert.equal(retrieve(drop, 1, 9), "A: 1\r\nB: 2\r\n\r\n..one\r\ntwo\r\n");
  drop.close();
});

Deno.test("MaildirStore serves wire form as it lies on disk and counts it unstuffed", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("new/1700000001.a", "A: 1\r\n\r\n..one\r\ntwo\r\n");
  const drop = await fixture.store({ form: "wire" }).open("alice");
  assert.deepEqual(sizes(drop), [19]);
  assert.equal(retrieve(drop, 1), "A: 1\r\n\r\n..one\r\ntwo\r\n");
  drop.close();
});

Deno.test("MaildirStore believes sizes in names only where the file bears them out", async () => {
  await using fixture = await Fixture.make();
  const big = "x".repeat(99) + "\n";
  const disk = 100 * 4000;
  await fixture.put(`cur/1700000001.a,S=${disk},W=${disk + 4000}:2,`, big.repeat(4000));
  await fixture.put(`cur/1700000002.b,S=7,W=9:2,`, big.repeat(4000));
  await fixture.put(
    `cur/1700000003.c,S=${disk - 1},W=${disk + 3999}:2,`,
    big.repeat(4000).slice(0, -1),
  );
  await fixture.put(`cur/1700000004.d,S=4,W=5:2,`, "a\nb\n");
  const drop = await fixture.store().open("alice");
  assert.deepEqual(sizes(drop), [404000, 404000, 404000, 6]);
  drop.close();
});

Deno.test("Maildrop warns when a message was changed under it, and announces the new size next time", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("cur/1700000001.a:2,", "one\n");
  await fixture.settle();
  const store = fixture.store();
  (await store.open("alice")).close();
  await fixture.put("cur/1700000001.a:2,", "one and more\n", 5);
  await fixture.settle();
  const drop = await store.open("alice");
  retrieve(drop, 1);
  drop.close();
  assert.match(fixture.warnings.join(), /changed by another program: 5 octets announced, 14 sent/);
  const next = await store.open("alice");
  assert.equal(next.size(1), 14);
  next.close();
});

Deno.test("Maildrop does not pass off a message that became shorter as whole", async () => {
  await using fixture = await Fixture.make();
  await fixture.put("cur/1700000001.a:2,", "line\n".repeat(50_000));
  const drop = await fixture.store().open("alice");
  const reader = drop.open(1);
  const target = new Uint8Array(8300);
  assert.ok(reader.read(target, 0) > 0);
  await Deno.truncate(`${fixture.maildir}/cur/1700000001.a:2,`, 100_000);
  assert.throws(() => {
    while (reader.read(target, 0) > 0);
  }, MessageGoneError);
  reader.close();
  drop.close();
});

Deno.test("MaildirStore.open() tells faults that last from those that pass", async () => {
  await using fixture = await Fixture.make();
  await Deno.remove(`${fixture.maildir}/cur`);
  await Deno.writeTextFile(`${fixture.maildir}/cur`, "a file in the folder's place");
  await assert.rejects(fixture.store().open("alice"), (error: Error) => {
    assert.ok(error instanceof MaildropUnavailableError);
    assert.equal(error.lasting, true);
    return true;
  });
});
