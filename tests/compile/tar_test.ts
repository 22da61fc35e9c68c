import assert from "node:assert/strict";
import { concat } from "../../scripts/compile/single_file.ts";
import { TAR_END, tarEntry } from "../../scripts/compile/tar.ts";

Deno.test("tarEntry() makes what tar reads: names, modes, times, contents of any length", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const time = Date.UTC(2026, 0, 1) / 1000;
    const sizes = [0, 1, 511, 512, 513, 70_000];
    const bytes = (size: number) => Uint8Array.from({ length: size }, (_, at) => at % 251);
    const archive = concat([
      ...sizes.map((size) =>
        tarEntry({ name: `file-${size}`, mode: 0o640, time, bytes: bytes(size) })
      ),
      TAR_END,
    ]);
    await Deno.writeFile(`${folder}/archive`, archive);
    const { code, stderr } = await new Deno.Command("tar", {
      args: ["-xpof", "archive"],
      cwd: folder,
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    for (const size of sizes) {
      const file = `${folder}/file-${size}`;
      assert.deepEqual(await Deno.readFile(file), bytes(size));
      const { mode, mtime } = await Deno.stat(file);
      assert.equal((mode ?? 0) & 0o777, 0o640);
      assert.equal(mtime?.getTime(), time * 1000);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
