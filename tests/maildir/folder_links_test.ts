import assert from "node:assert/strict";
import { checkFolders } from "../../lib/maildir/folder_links.ts";
import { MaildirStore } from "../../lib/maildir/maildir_store.ts";
import { MaildropUnavailableError } from "../../lib/maildir/maildrop.ts";

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

Deno.test({
  name: "MaildirStore.open() opens no pipe in a Maildir's place",
  ignore: Deno.build.os === "windows",
  async fn() {
    for (const part of ["Maildir", "Maildir/new", "Maildir/cur"]) {
      await using store = await makeStore();
      const path = `${store.root}/alice/${part}`;
      await Deno.remove(path, { recursive: true });
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const maildirs = new MaildirStore({
        userPath: store.root,
        mailPath: "Maildir",
        colon: ":",
        comma: ",",
        exclusive: false,
        form: "plain",
        warn: () => {},
      });
      await assert.rejects(maildirs.open("alice"), (error: Error) => {
        assert.ok(error instanceof MaildropUnavailableError);
        assert.match(error.message, /is not a folder/);
        return true;
      });
    }
  },
});
