import assert from "node:assert/strict";
import { BUILD, COMMIT, programFile } from "../../lib/cli/build_info.ts";

Deno.test("programFile() is the one file of a build, and nothing in a checkout", () => {
  assert.deepEqual([BUILD, COMMIT], ["checkout", ""]);
  assert.equal(programFile(), undefined);
  assert.equal(programFile("compiled"), Deno.execPath());
  const before = Deno.env.get("MAILISMUS_FILE");
  Deno.env.set("MAILISMUS_FILE", "/usr/local/bin/mailismus");
  try {
    assert.equal(programFile("self-extracting"), "/usr/local/bin/mailismus");
  } finally {
    if (before === undefined) Deno.env.delete("MAILISMUS_FILE");
    else Deno.env.set("MAILISMUS_FILE", before);
  }
});
