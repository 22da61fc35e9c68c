import { deepEqual, equal, rejects } from "node:assert/strict";
import { createDestination } from "../../lib/retriever/destinations.ts";
import type { DestinationOptions } from "../../lib/retriever/options.ts";
import { namesIn } from "../support/retriever.ts";

const context = { recip: "alice", hostName: "here", tag: "abcdef012345", now: Date.now };

Deno.test("createDestination() keeps apart what two configs with journals of their own have half done", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const kinds: [DestinationOptions, string][] = [
      [{ kind: "maildir", path: `${folder}/m`, colon: ":", comma: ",", wire: false }, "m/new"],
      [{ kind: "files", directory: `${folder}/f` }, "f"],
    ];
    for (const [options, place] of kinds) {
      const [one, other] = await Promise.all(
        ["a", "b"].map((stateDirectory) =>
          createDestination(options, context, { stateDirectory, timeout: 1000 })
        ),
      );
      await one!.open();
      const receiver = await one!.receive({});
      await receiver.write(new Uint8Array([0x61, 0x0a]));
      const staged = await receiver.finish();
      await one!.secure([staged]);
      await other!.open();
      deepEqual(await other!.recover([]), []);
      await one!.publish([staged]);
      equal(namesIn(`${folder}/${place}`).length, 1);
      await one!.close();
      await other!.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "a mailbox whose owner replaced a folder by a link gets no mail through it",
  // Only root gives files away.
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
  async fn() {
    for (const part of ["m", "m/tmp", "m/new"]) {
      const root = await Deno.makeTempDir();
      try {
        const path = `${root}/users/alice/m`;
        const elsewhere = `${root}/elsewhere`;
        for (const inner of ["tmp", "new", "cur"]) {
          await Deno.mkdir(`${path}/${inner}`, { recursive: true });
          await Deno.mkdir(`${elsewhere}/${inner}`, { recursive: true });
        }
        const own = async (what: string) =>
          await new Deno.Command("chown", { args: ["-hR", "4001", what] }).output();
        await own(`${root}/users/alice`);
        const destination = await createDestination(
          {
            kind: "maildir",
            path,
            userPath: `${root}/users`,
            colon: ":",
            comma: ",",
            wire: false,
          },
          context,
          { stateDirectory: `${root}/state`, timeout: 1000 },
        );
        await destination.open();
        const deliver = async () => {
          const receiver = await destination.receive({});
          await receiver.write(new Uint8Array([0x61, 0x0a]));
          const staged = await receiver.finish();
          await destination.secure([staged]);
          await destination.publish([staged]);
        };
        await deliver();
        const link = `${root}/users/alice/${part}`;
        await Deno.rename(link, `${link}.aside`);
        await Deno.symlink(part === "m" ? elsewhere : `${elsewhere}/new`, link);
        await own(link);
        await rejects(deliver, /is a link to what belongs to another user than the link/);
        await rejects(() => destination.open(), /is a link to what belongs to another user/);
        for (const inner of ["tmp", "new", "cur"]) deepEqual(namesIn(`${elsewhere}/${inner}`), []);
        await destination.close();
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    }
  },
});
