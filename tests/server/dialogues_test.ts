/**
 * Plays every script of `tests/dialogues` in memory, the client's octets cut into pieces of several
 * sizes: the replies may not depend on where packets end.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseDialogue, playDialogue } from "../support/dialogue.ts";
import { startDialogue } from "../support/memory_dialogue.ts";

const FOLDER = new URL("../dialogues/", import.meta.url);
const CHUNKS = [1, 2, 3, 7, 64, Infinity];

function scripts(): string[] {
  const names: string[] = [];
  for (const { name } of Deno.readDirSync(FOLDER)) {
    if (name.endsWith(".pop3")) names.push(name.slice(0, -".pop3".length));
  }
  return names.sort();
}

for (const name of scripts()) {
  Deno.test(`dialogue ${name}`, async () => {
    const dialogue = parseDialogue(name, await Deno.readTextFile(new URL(`${name}.pop3`, FOLDER)));
    assert.notEqual(dialogue.title, "", `${name}.pop3 does not say what it shows`);
    for (const chunk of CHUNKS) {
      const peer = await startDialogue(dialogue, chunk);
      try {
        await playDialogue(dialogue, peer);
      } catch (error) {
        throw new Error(`With pieces of ${chunk} octets`, { cause: error });
      }
      const faults = peer.log.lines.filter((line) => line.includes("internal error"));
      assert.deepEqual(faults, []);
    }
  });
}
