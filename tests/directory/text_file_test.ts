import assert from "node:assert/strict";
import { readLines } from "../../lib/directory/text_file.ts";
import { TempFolder } from "../support/program.ts";

Deno.test(
  "readLines() refuses a pipe at once: waiting for a writer, no change would ever be read again",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using folder = await TempFolder.make();
    const path = `${folder.path}/users`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    assert.deepEqual(await readLines(path), {
      file: path,
      message: "Cannot read the file: it is a pipe or a device, not a file",
    });
    assert.match(
      JSON.stringify(await readLines("/dev/zero")),
      /it is a pipe or a device, not a file/,
    );
  },
);
