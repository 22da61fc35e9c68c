import assert from "node:assert/strict";
import { checkFolders } from "../../lib/maildir/folder_links.ts";
import { MaildirStore } from "../../lib/maildir/maildir_store.ts";
import { type Maildrop, MaildropUnavailableError } from "../../lib/maildir/maildrop.ts";

const [ALICE, BOB] = [4001, 4002];

/** Two users' Maildirs. */
async function makeStore(): Promise<{ root: string } & AsyncDisposable> {
  const root = await Deno.makeTempDir();
  for (const user of ["alice", "bob"]) {
    for (const part of ["tmp", "new", "cur"]) {
      await Deno.mkdir(`${root}/${user}/Maildir/${part}`, { recursive: true });
    }
  }
  return { root, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}

async function replaceByLink(path: string, target: string, owner?: number): Promise<void> {
  await Deno.remove(path, { recursive: true });
  await Deno.symlink(target, path);
  if (owner !== undefined) {
    await new Deno.Command("chown", { args: ["-h", `${owner}`, path] }).output();
  }
}

Deno.test("checkFolders() takes folders, links to one's own, and what is not there yet", async () => {
  await using store = await makeStore();
  checkFolders(store.root, "alice", "Maildir");
  checkFolders(store.root, "carol", "mail/Maildir");
  await Deno.mkdir(`${store.root}/alice/elsewhere`);
  await replaceByLink(`${store.root}/alice/Maildir/cur`, "../elsewhere");
  checkFolders(store.root, "alice", "Maildir");
  await replaceByLink(`${store.root}/alice/Maildir/cur`, "nowhere");
  checkFolders(store.root, "alice", "Maildir");
});

Deno.test({
  name: "checkFolders() follows no link of a user to another's mail",
  // Only root gives files away.
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
  async fn() {
    for (const part of ["Maildir", "Maildir/new", "Maildir/cur"]) {
      await using store = await makeStore();
      const { root } = store;
      await Deno.chown(`${root}/bob/${part}`, BOB, BOB);
      await replaceByLink(`${root}/alice/${part}`, `${root}/bob/${part}`, ALICE);
      assert.throws(
        () => checkFolders(root, "alice", "Maildir"),
        /belongs to another user than the link/,
      );
      await replaceByLink(`${root}/alice/${part}`, `${root}/bob/${part}`, 0);
      checkFolders(root, "alice", "Maildir");
    }
  },
});

function storeOf(root: string): MaildirStore {
  return new MaildirStore({
    userPath: root,
    mailPath: "Maildir",
    colon: ":",
    comma: ",",
    exclusive: false,
    form: "plain",
    warn: () => {},
  });
}

/** Alice's mailbox as one that belongs to her, with a message in each folder; and Bob's with the same names. */
async function makeOwnedStore(): Promise<{ root: string } & AsyncDisposable> {
  const store = await makeStore();
  for (const [user, uid] of [["alice", ALICE], ["bob", BOB]] as const) {
    for (const part of ["new", "cur"]) {
      const path = `${store.root}/${user}/Maildir/${part}/1763733802.${part}`;
      await Deno.writeTextFile(path, `Subject: mail of ${user}\n\nText\n`);
    }
    await new Deno.Command("chown", { args: ["-R", `${uid}`, `${store.root}/${user}`] }).output();
  }
  return store;
}

function textOf(maildrop: Maildrop, message: number): string {
  const reader = maildrop.open(message);
  const target = new Uint8Array(8192);
  const length = reader.read(target, 0);
  reader.close();
  return new TextDecoder().decode(target.subarray(0, length));
}

/** Puts a link to Bob's folder in the place of Alice's. */
async function swap(root: string, part: string): Promise<void> {
  const path = `${root}/alice/${part}`;
  await Deno.rename(path, `${path}.aside`);
  await Deno.symlink(`${root}/bob/${part}`, path);
  await new Deno.Command("chown", { args: ["-h", `${ALICE}`, path] }).output();
}

Deno.test({
  name: "a folder that is replaced by a link during a session opens nobody else's mail",
  // Only root gives files away.
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
  async fn() {
    for (const part of ["Maildir", "Maildir/new", "Maildir/cur"]) {
      await using store = await makeOwnedStore();
      const maildrop = await storeOf(store.root).open("alice");
      assert.equal(maildrop.count, 2);
      assert.match(textOf(maildrop, 1), /mail of alice/);
      await swap(store.root, part);
      for (const message of [1, 2]) {
        try {
          assert.match(textOf(maildrop, message), /mail of alice/);
        } catch (error) {
          assert.match(String(error), /belongs to another user/);
        }
      }
      await maildrop.update([1], [2]);
      maildrop.close();
      for (const folder of ["new", "cur"]) {
        const left = [...Deno.readDirSync(`${store.root}/bob/Maildir/${folder}`)];
        assert.deepEqual(left.map(({ name }) => name), [`1763733802.${folder}`]);
      }
    }
  },
});

Deno.test({
  name: "a message that root put into a user's Maildir is served, one behind a link is not",
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
  async fn() {
    await using store = await makeOwnedStore();
    const cur = `${store.root}/alice/Maildir/cur`;
    await Deno.chown(`${cur}/1763733802.cur`, 0, 0);
    const maildrop = await storeOf(store.root).open("alice");
    assert.match(textOf(maildrop, 2), /mail of alice/);
    // Root's is believed to lie there once the folders were left alone for a second.
    assert.throws(() => textOf(maildrop, 1), /may not lie there/);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    assert.match(textOf(maildrop, 1), /mail of alice/);
    await Deno.mkdir(`${store.root}/root`);
    await Deno.writeTextFile(`${store.root}/root/1763733802.cur`, "Subject: of root's\n\nText\n");
    await Deno.rename(cur, `${cur}.aside`);
    await Deno.symlink(`${store.root}/root`, cur);
    await new Deno.Command("chown", { args: ["-h", `${ALICE}`, cur] }).output();
    assert.throws(() => textOf(maildrop, 1), /belongs to another user than the link/);
    maildrop.close();
  },
});

Deno.test({
  name: "MaildirStore.open() opens no pipe in a Maildir's place",
  ignore: Deno.build.os === "windows",
  async fn() {
    for (const part of ["Maildir", "Maildir/new", "Maildir/cur"]) {
      await using store = await makeStore();
      const path = `${store.root}/alice/${part}`;
      await Deno.remove(path, { recursive: true });
      await new Deno.Command("mkfifo", { args: [path] }).output();
      await assert.rejects(storeOf(store.root).open("alice"), (error: Error) => {
        assert.ok(error instanceof MaildropUnavailableError);
        assert.match(error.message, /is not a folder/);
        return true;
      });
    }
  },
});
