/** What becomes of a listing while other programs are at work, or while files cannot be opened. */
import assert from "node:assert/strict";
import { MaildirFixture, uidls } from "../support/maildir_fixture.ts";

type Name = "openSync" | "readDirSync";

/** Replaces a function of `Deno` until disposed. */
function replaced<N extends Name>(
  name: N,
  make: (original: typeof Deno[N]) => typeof Deno[N],
): Disposable {
  const original = Deno[name];
  Deno[name] = make(original);
  return { [Symbol.dispose]: () => void (Deno[name] = original) };
}

async function filled(count: number): Promise<MaildirFixture> {
  const fixture = await MaildirFixture.make();
  for (let i = 0; i < count; i++) await fixture.put(`cur/${1_700_000_000 + i}.a:2,`, "x\n");
  return fixture;
}

Deno.test("readListing() lists messages that another program marks while they are measured", async () => {
  await using fixture = await filled(3);
  let isRead = false;
  using _ = replaced("readDirSync", (original) => (path) => {
    const entries = [...original(path)];
    if (!isRead && String(path).endsWith("/cur")) {
      isRead = true;
      for (const { name } of entries) Deno.renameSync(`${path}/${name}`, `${path}/${name}S`);
    }
    return entries.values();
  });
  const drop = await fixture.store().open("alice");
  drop.close();
  assert.deepEqual(uidls(drop), ["1700000000.a", "1700000001.a", "1700000002.a"]);
});

Deno.test("readListing() lists a message that is renamed while the names of many are read", async () => {
  await using fixture = await filled(300);
  let isRead = false;
  using _ = replaced("readDirSync", (original) => (path) => {
    const entries = [...original(path)];
    if (isRead || !String(path).endsWith("/cur")) return entries.values();
    isRead = true;
    // The system had come past its new name before it came to the old one.
    const name = "1700000007.a:2,";
    Deno.renameSync(`${path}/${name}`, `${path}/${name}S`);
    return entries.filter((entry) => entry.name !== name).values();
  });
  const drop = await fixture.store().open("alice");
  drop.close();
  assert.equal(drop.count, 300);
  assert.equal(drop.uidl(8), "1700000007.a");
});

Deno.test("MaildirStore.open() fails where no file can be opened, and shows no mailbox with holes", async () => {
  await using fixture = await filled(3);
  const store = fixture.store();
  {
    using _ = replaced("openSync", (original) => (path, options) => {
      if (!String(path).includes("/cur/")) return original(path, options);
      throw Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });
    });
    await assert.rejects(store.open("alice"), /Cannot read Maildir .*Too many open files/);
  }
  const drop = await store.open("alice");
  drop.close();
  assert.equal(drop.count, 3);
});

Deno.test("MaildirStore forgets a listing that lacks a message which could not be read", async () => {
  await using fixture = await filled(3);
  await fixture.settle();
  const store = fixture.store({ cache: false });
  {
    using _ = replaced("openSync", (original) => (path, options) => {
      if (!String(path).includes("1700000001")) return original(path, options);
      throw new Deno.errors.PermissionDenied("Permission denied (os error 13)");
    });
    const drop = await store.open("alice");
    drop.close();
    assert.equal(drop.count, 2);
    assert.match(fixture.warnings.join(), /Cannot read message .*1700000001.*it is left out/);
  }
  const drop = await store.open("alice");
  drop.close();
  assert.equal(drop.count, 3);
});
