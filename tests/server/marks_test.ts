import assert from "node:assert/strict";
import { Marks } from "../../lib/server/marks.ts";

Deno.test("Marks keeps deletion and retrieval apart", () => {
  const marks = new Marks(3);
  marks.delete(1);
  marks.retrieve(3);
  marks.retrieve(1);
  assert.deepEqual(marks.deleted(), [1]);
  assert.deepEqual(marks.retrieved(), [1, 3]);
  assert.equal(marks.isDeleted(1), true);
  assert.equal(marks.isDeleted(3), false);
});

Deno.test("Marks.reset() takes all back", () => {
  const marks = new Marks(2);
  marks.delete(2);
  marks.retrieve(1);
  marks.reset();
  assert.deepEqual(marks.deleted(), []);
  assert.deepEqual(marks.retrieved(), []);
  assert.equal(marks.isDeleted(2), false);
});

Deno.test("Marks.hasDeleted is true from the first deletion to the next reset", () => {
  const marks = new Marks(2);
  marks.retrieve(1);
  assert.equal(marks.hasDeleted, false);
  marks.delete(2);
  assert.equal(marks.hasDeleted, true);
  marks.reset();
  assert.equal(marks.hasDeleted, false);
});

Deno.test("Marks of an untouched maildrop are none", () => {
  const marks = new Marks(1_000_000);
  assert.deepEqual(marks.deleted(), []);
  assert.equal(marks.isDeleted(1_000_000), false);
});
