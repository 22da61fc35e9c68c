import assert from "node:assert/strict";
import { MessageGoneError, MessageUnreadableError } from "../../lib/maildir/maildrop.ts";
import { FaultyFiles } from "../support/faulty_files.ts";
import { MaildirFixture, retrieve, uidls } from "../support/maildir_fixture.ts";

Deno.test("Maildrop.update() deletes, and moves what was retrieved to cur with the flag S", async () => {
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
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

Deno.test("Maildrop finds a message that another program moves again and again", async () => {
  await using fixture = await MaildirFixture.make();
  const { maildir } = fixture;
  for (const name of ["1.a", "2.b"]) await fixture.put(`new/170000000${name}`, name + "\n");
  const drop = await fixture.store().open("alice");
  const mark = async (from: string, flags: string) => {
    for (const name of ["1700000001.a", "1700000002.b"]) {
      await Deno.rename(
        `${maildir}/${from.replace("NAME", name)}`,
        `${maildir}/cur/${name}:2,${flags}`,
      );
    }
  };
  await mark("new/NAME", "F");
  assert.equal(retrieve(drop, 1), "1.a\r\n");
  await mark("cur/NAME:2,F", "R");
  assert.equal(retrieve(drop, 1), "1.a\r\n");
  await mark("cur/NAME:2,R", "");
  assert.deepEqual(await drop.update([1], [2]), { deleted: 1, undeleted: 0 });
  drop.close();
  assert.deepEqual(await fixture.files("cur"), ["1700000002.b:2,S"]);
});

Deno.test("Maildrop.open() opens nothing but a regular file, whatever was put in a message's place", async () => {
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
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

Deno.test("Maildrop.update() does not overwrite a message that came to have the new name", async () => {
  await using fixture = await MaildirFixture.make();
  await fixture.put("new/1700000001.a", "one\n");
  const drop = await fixture.store().open("alice");
  await fixture.put("cur/1700000001.a:2,S", "two\n");
  await drop.update([], [1]);
  drop.close();
  const again = await fixture.store().open("alice");
  const texts = [1, 2].map((message) => retrieve(again, message)).sort();
  again.close();
  assert.deepEqual(texts, ["one\r\n", "two\r\n"]);
});

for (const to of ["cur/1700000001.a:2,S", "new/1700000001.a:2,"]) {
  Deno.test(`A message that another program is moving to ${to} by a second name is one message`, async () => {
    await using fixture = await MaildirFixture.make();
    await fixture.put("new/1700000001.a", "one\n");
    await Deno.link(`${fixture.maildir}/new/1700000001.a`, `${fixture.maildir}/${to}`);
    const drop = await fixture.store().open("alice");
    await Deno.remove(`${fixture.maildir}/new/1700000001.a`);
    assert.deepEqual(uidls(drop), ["1700000001.a"]);
    assert.equal(retrieve(drop, 1), "one\r\n");
    assert.deepEqual(await drop.update([1], []), { deleted: 1, undeleted: 0 });
    drop.close();
    assert.deepEqual([await fixture.files("new"), await fixture.files("cur")], [[], []]);
  });
}

Deno.test("Maildrop.update() reports what it could not delete", async () => {
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
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
  await using fixture = await MaildirFixture.make();
  await fixture.put("new/1700000001.a", "A: 1\nB: 2\n\n.one\ntwo\n");
  const drop = await fixture.store().open("alice");
  assert.equal(retrieve(drop, 1, 0), "A: 1\r\nB: 2\r\n\r\n");
  assert.equal(retrieve(drop, 1, 1), "A: 1\r\nB: 2\r\n\r\n..one\r\n");
  assert.equal(retrieve(drop, 1, 9), "A: 1\r\nB: 2\r\n\r\n..one\r\ntwo\r\n");
  drop.close();
});

Deno.test("Maildrop warns when a message was changed under it, and announces the new size next time", async () => {
  await using fixture = await MaildirFixture.make();
  await fixture.put("cur/1700000001.a:2,", "one\n");
  await fixture.settle();
  const store = fixture.store();
  (await store.open("alice")).close();
  await fixture.put("cur/1700000001.a:2,", "one and more\n", 5);
  const drop = await store.open("alice");
  retrieve(drop, 1);
  drop.close();
  assert.match(fixture.warnings.join(), /changed by another program: 5 octets announced, 14 sent/);
  const next = await store.open("alice");
  assert.equal(next.size(1), 14);
  next.close();
});

Deno.test("Maildrop does not say of a message that cannot be opened that it is gone", async () => {
  await using fixture = await MaildirFixture.make();
  await fixture.put("cur/1700000001.a:2,", "one\n");
  const drop = await fixture.store().open("alice");
  using _files = new FaultyFiles(0, "dead");
  assert.throws(
    () => drop.open(1),
    (error) =>
      error instanceof MessageUnreadableError && !(error instanceof MessageGoneError) &&
      /^Cannot open .*: Input\/output error/.test(error.message),
  );
  drop.close();
});

Deno.test("Maildrop does not pass off a message that became shorter as whole", async () => {
  await using fixture = await MaildirFixture.make();
  await fixture.put("cur/1700000001.a:2,", "line\n".repeat(50_000));
  const drop = await fixture.store().open("alice");
  const reader = drop.open(1);
  const target = new Uint8Array(8300);
  assert.ok(reader.read(target, 0) > 0);
  await Deno.truncate(`${fixture.maildir}/cur/1700000001.a:2,`, 100_000);
  assert.throws(() => {
    while (reader.read(target, 0) > 0);
  }, MessageUnreadableError);
  reader.close();
  drop.close();
});
