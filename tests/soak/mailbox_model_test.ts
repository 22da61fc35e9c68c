import assert from "node:assert/strict";
import { MailboxModel } from "./clients/mailbox_model.ts";
import { checkMessage, diskForm, wireForm } from "./message.ts";
import { Maildirs } from "./maildirs.ts";

/** A model of a mailbox in which messages 1 to 3 were seen under the ids a, b and c. */
function seen(): MailboxModel {
  const model = new MailboxModel();
  model.listed(["a", "b", "c"]);
  ["a", "b", "c"].forEach((uid, at) => model.read(uid, at + 1));
  return model;
}

Deno.test("MailboxModel takes new messages, and the removal of those that were deleted", () => {
  const model = seen();
  model.removed(["b"]);
  model.listed(["a", "c", "d"]);
  assert.deepEqual(model.removedSerials, [2]);
});

Deno.test("MailboxModel sees a lost message", () => {
  assert.throws(() => seen().listed(["a", "c"]), /"b" is lost/);
});

Deno.test("MailboxModel sees a message that comes back", () => {
  const model = seen();
  model.removed(["b"]);
  assert.throws(() => model.listed(["a", "b", "c"]), /"b" came back/);
});

Deno.test("MailboxModel takes both ends of a QUIT without an answer, but no third", () => {
  const removed = seen();
  removed.maybeRemoved(["b"]);
  removed.listed(["a", "c"]);
  assert.deepEqual(removed.removedSerials, [2]);
  const kept = seen();
  kept.maybeRemoved(["b"]);
  kept.listed(["a", "b", "c"]);
  assert.deepEqual(kept.removedSerials, []);
  // Now it is known to be there.
  assert.throws(() => kept.listed(["a", "c"]), /"b" is lost/);
});

Deno.test("MailboxModel sees ids that change, or that two messages share", () => {
  assert.throws(() => seen().read("x", 2), /had the id "b" and has now "x"/);
  assert.throws(() => seen().read("b", 9), /was message 2's and is now 9's/);
  assert.throws(() => seen().listed(["a", "b", "c", "c"]), /lists an id twice/);
});

Deno.test("checkMessage() sees one changed octet, a missing one, and a message of another mailbox", () => {
  const wire = wireForm(45, 40);
  assert.equal(checkMessage(wire, 5, 40), 45);
  const changed = wire.slice();
  changed[changed.length - 9]! ^= 1;
  assert.throws(() => checkMessage(changed, 5, 40), /did not arrive as it is/);
  assert.throws(() => checkMessage(wire.subarray(0, wire.length - 1), 5, 40), /did not arrive/);
  assert.throws(() => checkMessage(wire, 6, 40), /is in the mailbox of user00006/);
});

Deno.test("Maildirs.faults() sees what is lost, changed, twice there or should not be", async () => {
  const root = await Deno.makeTempDir();
  try {
    const maildirs = new Maildirs(root, 1);
    maildirs.make(5);
    assert.deepEqual(maildirs.faults(0, new Set([0, 1, 2, 3, 4])), []);
    assert.equal(maildirs.moveToCur(0), 5);
    const all = new Set([0, 1, 2, 3, 4]);
    assert.deepEqual(maildirs.faults(0, all), []);
    const cur = `${root}/user00000/Maildir/cur`;
    const file = (serial: number) =>
      [...Deno.readDirSync(cur)].find(({ name }) => name.includes(`Q${serial}.`))!.name;
    await Deno.remove(`${cur}/${file(1)}`);
    await Deno.writeFile(`${cur}/${file(2)}`, diskForm(3, 1));
    maildirs.deliver(3);
    all.delete(4);
    const faults = maildirs.faults(0, all).join("\n");
    for (
      const fault of [
        /message 1 is lost/,
        /Q2\S* was changed/,
        /message 3 is there twice/,
        /Q4\S* should/,
      ]
    ) assert.match(faults, fault);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
