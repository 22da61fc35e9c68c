/**
 * Plays the scripts of `tests/dialogues` with the running program, over TCP and real TLS.
 *
 * @module
 */
import { type Dialogue, parseDialogue, playDialogue } from "../support/dialogue.ts";
import { Program } from "../support/program.ts";
import {
  dialogueConfig,
  dialogueUsers,
  obstacle,
  programKey,
  startTcpDialogue,
} from "../support/tcp_dialogue.ts";

const FOLDER = new URL("../dialogues/", import.meta.url);

function dialogues(): Dialogue[] {
  return [...Deno.readDirSync(FOLDER)].map((entry) => entry.name)
    .filter((name) => name.endsWith(".pop3")).sort()
    .map((name) =>
      parseDialogue(name.slice(0, -".pop3".length), Deno.readTextFileSync(new URL(name, FOLDER)))
    )
    .filter((dialogue) => obstacle(dialogue) === undefined);
}

const groups = Map.groupBy(dialogues(), ({ settings }) => programKey(settings));

for (const group of groups.values()) {
  const [{ name: first, settings }] = group as [Dialogue, ...Dialogue[]];
  const others = group.length === 1 ? "" : ` and ${group.length - 1} like it`;
  Deno.test(`the running program in the dialogue ${first}${others}`, async (t) => {
    await using program = await Program.start({
      config: dialogueConfig(group),
      users: dialogueUsers(settings),
      listeners: group.map(({ name }) => name),
    });
    for (const dialogue of group) {
      await t.step(dialogue.name, async () => {
        const store = `${program.folder}/ms`;
        const peer = await startTcpDialogue(dialogue, program.port(dialogue.name), store);
        try {
          await playDialogue(dialogue, peer);
        } finally {
          peer.release();
        }
      });
    }
    await program.stop();
  });
}
