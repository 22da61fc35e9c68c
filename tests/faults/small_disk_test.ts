/**
 * On a disk that is really full, with a little more room each time: a run of the retriever, a
 * session of the server, a change of the users file. What fails is refused in order, and all is well
 * as soon as there is room.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { changeFile } from "../../lib/directory/replace_file.ts";
import { MaildirStore } from "../../lib/maildir/maildir_store.ts";
import { checkSentences } from "../support/faulty_files.ts";
import { FakeLog } from "../support/memory_dialogue.ts";
import { startSession } from "../support/memory_session.ts";
import { namesIn, TestRetriever } from "../support/retriever.ts";
import { SmallDisk } from "../support/small_disk.ts";

const PAGE = 4096;
/** From no room at all to enough for everything. */
const ROOMS = [0, 1, 2, 3, 4, 5, 6, 8, 12, 40].map((pages) => pages * PAGE);

/** Registers a test that needs a disk which can be filled. */
function diskTest(name: string, run: (disk: SmallDisk) => Promise<void>): void {
  const lack = Deno.build.os === "linux" && Deno.uid() === 0
    ? ""
    : "only root can mount a small disk";
  Deno.test({
    name: lack === "" ? name : `${name} [skipped: ${lack}]`,
    ignore: lack !== "",
    fn: async (t) => {
      await using disk = await SmallDisk.make();
      if (disk.method === "full") await run(disk);
      else {await t.step({
          name: "skipped: no small disk can be mounted here",
          ignore: true,
          fn() {},
        });}
    },
  });
}

diskTest("A full disk costs the retriever no message and repeats none", async (disk) => {
  const texts = [20, 3000, 9000].map((size, i) =>
    `Message-ID: <${i}@x>\r\n\r\n${"x".repeat(70)}\r\n`.padEnd(size, "y") + "\r\n"
  );
  let failed = 0;
  for (const [i, room] of ROOMS.entries()) {
    using test = new TestRetriever();
    const [maildir, state] = [`${disk.path}/${i}/Maildir`, `${disk.path}/${i}/state`];
    Object.assign(test, { maildir, state });
    const { destination } = test.client;
    ok(destination.kind === "maildir");
    test.client = { ...test.client, destination: { ...destination, path: maildir } };
    test.server.add(...texts);
    disk.fill(room);
    const first = await test.run();
    if (first.failure !== undefined || first.leftByError > 0) failed++;
    disk.free();
    checkSentences(test.log);
    const second = await test.run();
    await test.server.close();
    const context = `${room} bytes of room: ${test.log.join("\n")}`;
    deepEqual([second.failure, second.leftByError], [undefined, 0], context);
    deepEqual(
      test.delivered().sort(),
      texts.map((text) => text.replaceAll("\r\n", "\n")).sort(),
      context,
    );
    deepEqual([test.leftovers(), test.server.messages], [[], []], context);
  }
  ok(failed > 2 && failed < ROOMS.length, `${failed} runs failed`);
});

diskTest("A full disk is no hindrance to fetch and delete mail", async (disk) => {
  for (const [i, room] of ROOMS.entries()) {
    const maildir = `${disk.path}/${i}/alice/Maildir`;
    for (const part of ["tmp", "new", "cur"]) {
      await Deno.mkdir(`${maildir}/${part}`, { recursive: true });
    }
    for (const name of ["1700000001.M1P1Q1.h", "1700000002.M2P1Q1.h"]) {
      await Deno.writeTextFile(`${maildir}/new/${name}`, "Subject: x\n\nbody\n");
    }
    const log = new FakeLog();
    const store = new MaildirStore({
      userPath: `${disk.path}/${i}`,
      mailPath: "Maildir",
      colon: ":",
      comma: ",",
      exclusive: false,
      form: "plain",
      cachePath: `${disk.path}/${i}/cache`,
      warn: (text) => log.warn(text),
    });
    disk.fill(room);
    const client = startSession({ store, log });
    await client.logIn();
    await client.send("RETR 1", "RETR 2", "DELE 1", "QUIT");
    const replies = await client.rest();
    await client.ended();
    disk.free();
    equal(replies.match(/^body\r$/gm)?.length, 2, replies);
    ok(replies.endsWith("+OK Goodbye, 1 deleted\r\n"), replies);
    checkSentences(log.lines);
    const left = [...namesIn(`${maildir}/new`), ...namesIn(`${maildir}/cur`)];
    deepEqual(left.map((name) => name.replace(/:.*/, "")), ["1700000002.M2P1Q1.h"]);
    (await store.open("alice")).close();
  }
});

diskTest("A full disk leaves the users file as it was", async (disk) => {
  const file = `${disk.path}/users`;
  const old = "alice:one\n".repeat(1000);
  await Deno.writeTextFile(file, old, { mode: 0o600 });
  let refused = 0;
  for (const room of ROOMS) {
    disk.fill(room);
    const error = await changeFile(file, (text) => `${text}bob:two\n`).then(
      () => undefined,
      String,
    );
    disk.free();
    const now = await Deno.readTextFile(file);
    equal(now, error === undefined ? `${old}bob:two\n` : old);
    deepEqual(namesIn(disk.path), ["users"]);
    if (error !== undefined) {
      refused++;
      ok(/Cannot replace ".*": No space left on device/.test(error), error);
    }
    await changeFile(file, () => old);
  }
  ok(refused > 0 && refused < ROOMS.length, `${refused} changes were refused`);
});
