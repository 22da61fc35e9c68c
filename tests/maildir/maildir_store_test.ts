import assert from "node:assert/strict";
import { MaildropInUseError, MaildropUnavailableError } from "../../lib/maildir/maildrop.ts";
import { MaildirFixture, retrieve, sizes, uidls } from "../support/maildir_fixture.ts";

Deno.test("MaildirStore.open() shows new and cur, oldest first, with the sizes that RETR sends", async () => {
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
  await fixture.put("new/zeta", "z\n", 5000);
  await fixture.put("new/alpha", "a\n", 100);
  await fixture.put("new/middle", "m\n", 300);
  const drop = await fixture.store().open("alice");
  assert.deepEqual(uidls(drop), ["zeta", "middle", "alpha"]);
  drop.close();
});

Deno.test("MaildirStore.open() takes only regular, visible files for messages", async () => {
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
  const store = fixture.store();
  const drop = await store.open("alice");
  await assert.rejects(store.open("alice"), MaildropInUseError);
  await assert.rejects(fixture.store().open("alice"), MaildropInUseError);
  drop.close();
  drop.close();
  (await store.open("alice")).close();
});

Deno.test("MaildirStore.open() makes the Maildir of a user who never had mail", async () => {
  await using fixture = await MaildirFixture.make();
  const drop = await fixture.store().open("bob");
  assert.equal(drop.count, 0);
  await assert.rejects(fixture.store().open("bob"), MaildropInUseError);
  drop.close();
});

Deno.test("MaildirStore.open() refuses names that lead out of the store", async () => {
  await using fixture = await MaildirFixture.make();
  for (const name of ["..", ".", "", "a/b", "../alice", "a\\b", "a\0b"]) {
    await assert.rejects(fixture.store().open(name), MaildropUnavailableError);
  }
});

Deno.test("MaildirStore keeps sizes over restarts and notices a changed file", async () => {
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
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

Deno.test("MaildirStore sees new mail though a program that copies folders sets their time back", async () => {
  await using fixture = await MaildirFixture.make();
  const store = fixture.store();
  const changed = async () => (await Deno.stat(`${fixture.maildir}/new`)).ctime!.getTime();
  for (const count of [1, 2]) {
    const before = await changed();
    await fixture.put(`new/170000000${count}.a`, "x\n");
    // The system's clock for files ticks every few milliseconds.
    while (await changed() === before) await fixture.settle();
    await fixture.settle();
    const drop = await store.open("alice");
    assert.equal(drop.count, count);
    drop.close();
  }
});

Deno.test("MaildirStore does not believe twice a name or a cache that was wrong about a size", async () => {
  await using fixture = await MaildirFixture.make();
  const text = `${"x".repeat(99)}\n`.repeat(4000);
  const lying = `cur/1700000001.a,S=${text.length},W=${text.length + 4001}:2,`;
  await fixture.put(lying, text);
  await fixture.put("cur/1700000002.b:2,", "a\nb\n");
  const store = fixture.store();
  (await store.open("alice")).close();
  const { mtime } = await Deno.stat(`${fixture.maildir}/cur/1700000002.b:2,`);
  await fixture.put("cur/1700000002.b:2,", "abc\n");
  await Deno.utime(`${fixture.maildir}/cur/1700000002.b:2,`, mtime!, mtime!);
  const first = await store.open("alice");
  assert.deepEqual(sizes(first), [text.length + 4001, 6]);
  for (const message of [1, 2]) assert.throws(() => retrieve(first, message), /became shorter/);
  first.close();
  // Another process reads the corrected cache.
  (await store.open("alice")).close();
  const again = await fixture.store().open("alice");
  assert.deepEqual(sizes(again), [text.length + 4000, 5]);
  for (const message of [1, 2]) {
    assert.equal(retrieve(again, message).length, sizes(again)[message - 1]);
  }
  again.close();
});

Deno.test("MaildirStore serves wire form as it lies on disk and counts it unstuffed", async () => {
  await using fixture = await MaildirFixture.make();
  await fixture.put("new/1700000001.a", "A: 1\r\n\r\n..one\r\ntwo\r\n");
  const drop = await fixture.store({ form: "wire" }).open("alice");
  assert.deepEqual(sizes(drop), [19]);
  assert.equal(retrieve(drop, 1), "A: 1\r\n\r\n..one\r\ntwo\r\n");
  drop.close();
});

Deno.test("MaildirStore believes sizes in names only where the file bears them out", async () => {
  await using fixture = await MaildirFixture.make();
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

Deno.test("MaildirStore.open() tells faults that last from those that pass", async () => {
  await using fixture = await MaildirFixture.make();
  await Deno.remove(`${fixture.maildir}/cur`);
  await Deno.writeTextFile(`${fixture.maildir}/cur`, "a file in the folder's place");
  await assert.rejects(fixture.store().open("alice"), (error: Error) => {
    assert.ok(error instanceof MaildropUnavailableError);
    assert.equal(error.lasting, true);
    return true;
  });
});
