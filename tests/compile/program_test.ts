import assert from "node:assert/strict";
import { bundleProgram, MAIN, runtimeFlags, sourceInfo } from "../../scripts/compile/program.ts";

Deno.test("bundleProgram() makes main and each worker one file, without what only tests use", async () => {
  const scratch = await Deno.makeTempDir();
  try {
    const info = { ...await sourceInfo(), version: "0.0.0", commit: "0123456789" };
    const files = await bundleProgram(info, "self-extracting", scratch);
    assert.deepEqual([...files.keys()], [
      MAIN,
      "auth_hash_worker.mjs",
      "retriever_worker.mjs",
      "server_worker.mjs",
    ]);
    for (const [name, bytes] of files) {
      const text = new TextDecoder().decode(bytes);
      const imports = [...text.matchAll(/^import .*? from "([^"]+)";$/gms)].map(([, from]) =>
        from!
      );
      assert.deepEqual(imports.filter((from) => !from.startsWith("node:")), [], name);
      assert.doesNotMatch(text, /SMTPServer|fast-check/, name);
    }
    const main = new TextDecoder().decode(files.get(MAIN));
    assert.match(main, /"self-extracting"/);
    assert.match(main, /"0123456789"/);
    for (const name of [...files.keys()].slice(1)) {
      assert.ok(main.includes(`new URL("./${name}", import.meta.url)`), name);
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
});

Deno.test("runtimeFlags() never ask, and grant neither programs nor native code", () => {
  const flags = runtimeFlags({ version: "1.2.3", commit: "", unstable: ["net"] });
  for (const flag of ["--no-prompt", "--unstable-net", "--deny-run", "--deny-ffi"]) {
    assert.ok(flags.includes(flag), flag);
  }
  assert.ok(!flags.some((flag) => /^--allow-(all|run|ffi)/.test(flag) || flag === "--allow-sys"));
});
