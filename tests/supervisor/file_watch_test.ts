import assert from "node:assert/strict";
import { FileWatch } from "../../lib/supervisor/file_watch.ts";
import { TempFolder } from "../support/program.ts";

/** A watch of one file, and the next change that it tells of. */
async function watching(path: string) {
  const watch = new FileWatch(10);
  const contents: string[] = [];
  let noticed = Promise.withResolvers<void>();
  await watch.add({
    paths: [path],
    changed: async () => {
      contents.push(await Deno.readTextFile(path).catch(() => "gone"));
      noticed.resolve();
    },
  });
  const next = async () => {
    await noticed.promise;
    noticed = Promise.withResolvers();
  };
  return { watch, contents, next };
}

Deno.test("FileWatch notices a file that is written, replaced, removed and created", async () => {
  await using folder = await TempFolder.make();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "first");
  const { watch, contents, next } = await watching(path);
  await Deno.writeTextFile(path, "second");
  await next();
  await Deno.writeTextFile(`${path}.new`, "thirdd");
  await Deno.rename(`${path}.new`, path);
  await next();
  await Deno.remove(path);
  await next();
  await Deno.writeTextFile(path, "fourth");
  await next();
  watch.stop();
  assert.deepEqual(contents, ["second", "thirdd", "gone", "fourth"]);
});

Deno.test("FileWatch takes all files for changed when it is told so", async () => {
  await using folder = await TempFolder.make();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "same");
  const { watch, contents } = await watching(path);
  await watch.changeAll();
  watch.stop();
  assert.deepEqual(contents, ["same"]);
});

Deno.test("FileWatch handles one change at a time, and many requests to take all for changed as few", async () => {
  await using folder = await TempFolder.make();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "same");
  const watch = new FileWatch(10);
  let running = 0;
  let most = 0;
  let calls = 0;
  const changed = async () => {
    calls++;
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
  };
  await watch.add({ paths: [path], changed });
  const first = watch.changeAll();
  // The first has begun by then.
  await new Promise((resolve) => setTimeout(resolve, 0));
  await Promise.all([first, ...Array.from({ length: 200 }, () => watch.changeAll())]);
  watch.stop();
  assert.equal(most, 1);
  assert.ok(calls >= 1 && calls <= 2, `${calls} calls`);
});

Deno.test("FileWatch goes on after a change that could not be handled", async () => {
  await using folder = await TempFolder.make();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "first");
  const watch = new FileWatch(10);
  const handled = Promise.withResolvers<void>();
  let changes = 0;
  const survived = Promise.withResolvers<string>();
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    survived.resolve(String(event.reason));
  };
  addEventListener("unhandledrejection", listener);
  await watch.add({
    paths: [path],
    changed: () => {
      if (++changes === 1) return Promise.reject(new Error("no"));
      handled.resolve();
      return Promise.resolve();
    },
  });
  await Deno.writeTextFile(path, "second");
  assert.equal(await survived.promise, "Error: no");
  await Deno.writeTextFile(path, "third");
  await handled.promise;
  watch.stop();
  removeEventListener("unhandledrejection", listener);
});
