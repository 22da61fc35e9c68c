/**
 * Every file operation of a change of the users file goes wrong in every way. The file is the old
 * one or the new one, whole; nothing is left lying about, and the next change needs no help.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import { changeFile } from "../../lib/directory/replace_file.ts";
import { UserError } from "../../lib/errors.ts";
import { checkSentences, everyFault } from "../support/faulty_files.ts";
import { namesIn } from "../support/retriever.ts";

const OLD = "alice:one\nbob:two\n";
const NEW = `${OLD}carol:three\n`;

for (const old of [OLD, undefined]) {
  const what = old === undefined ? "the first user" : "one more user";
  Deno.test(`A users file survives every fault of its files: ${what}`, async (t) => {
    let [changed, refused] = [0, 0];
    const { operations, faults, trials } = await everyFault(async (begin) => {
      const folder = await Deno.makeTempDir({ prefix: "mailismus-users-" });
      const file = `${folder}/users`;
      if (old !== undefined) await Deno.writeTextFile(file, old, { mode: 0o600 });
      let error: unknown;
      let stopped: boolean;
      {
        using faulty = begin();
        await changeFile(file, (text) => `${text}carol:three\n`).then(
          () => changed++,
          (reason: unknown) => error = reason,
        );
        stopped = faulty.stopped;
      }
      const before = old ?? "";
      const after = `${before}carol:three\n`;
      const now = namesIn(folder).includes("users") ? await Deno.readTextFile(file) : "";
      ok(now === before || now === after, `neither old nor new: ${now}`);
      if (error === undefined) equal(now, after);
      else {
        refused++;
        ok(stopped || error instanceof UserError, String(error));
        checkSentences([(error as Error).message]);
      }
      // The lock is free, and what a killed process left does not matter.
      await changeFile(file, () => NEW, { patience: 0 });
      equal(await Deno.readTextFile(file), NEW);
      equal((await Deno.stat(file)).mode! & 0o777, 0o600);
      deepEqual(namesIn(folder), ["users"]);
      await Deno.remove(folder, { recursive: true });
    });
    ok(changed > 0 && refused > 5, `${changed} changes, ${refused} errors`);
    await t.step(`${trials} of ${faults} faults in ${operations} operations`, () => {});
  });
}
