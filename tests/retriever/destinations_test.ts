import { deepEqual, equal } from "node:assert/strict";
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
