/**
 * The file system fails at every operation in turn. Whatever fails, nothing may be lost, repeated
 * or left lying about once it works again.
 */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { ClientOptions } from "../../lib/retriever/options.ts";
import { namesIn, readLatin1, TestRetriever } from "../support/retriever.ts";

const TEXTS = Array.from({ length: 3 }, (_, i) => `Message-ID: <${i}@x>\r\n\r\nbody ${i}\r\n`);
const ON_DISK = TEXTS.map((text) => text.replaceAll("\r\n", "\n"));

type Function = (this: unknown, ...args: unknown[]) => unknown;

/** Makes the operations on files fail from the `first` to the `last`, counted from 1. */
class FaultyFiles implements Disposable {
  operations = 0;
  readonly #restore: (() => void)[] = [];

  constructor(first: number, last: number) {
    const file = Deno.FsFile.prototype as unknown as Record<string, Function>;
    const system = Deno as unknown as Record<string, Function>;
    const fail = (): boolean => {
      this.operations++;
      return this.operations >= first && this.operations <= last;
    };
    for (const name of ["openSync", "renameSync", "rename", "mkdirSync", "statSync", "lstatSync"]) {
      this.#patch(system, name, fail);
    }
    for (const name of ["writeSync", "syncData", "sync", "truncateSync"]) {
      this.#patch(file, name, fail);
    }
  }

  #patch(owner: Record<string, Function>, name: string, fail: () => boolean): void {
    const original = owner[name]!;
    const asynchronous = ["rename", "syncData", "sync"].includes(name);
    owner[name] = function (...args) {
      if (!fail()) return original.apply(this, args);
      const error = Object.assign(new Error("No space left on device (os error 28)"), {
        code: "ENOSPC",
      });
      if (asynchronous) return Promise.reject(error);
      throw error;
    };
    this.#restore.push(() => owner[name] = original);
  }

  [Symbol.dispose](): void {
    for (const restore of this.#restore) restore();
  }
}

function everything(test: TestRetriever): string[] {
  const files = `${test.folder}/files`;
  const saved = namesIn(files).map((name) =>
    readLatin1(`${files}/${name}`).replaceAll("\r\n", "\n")
  );
  return [...test.delivered(), ...saved].sort();
}

const VARIANTS: [string, Partial<ClientOptions>, boolean][] = [
  ["into a Maildir", {}, false],
  ["into files", {}, true],
  ["with preserve and track_seen", { preserve: true, trackSeen: true }, false],
];

for (const [name, overrides, files] of VARIANTS) {
  for (const lasting of [false, true]) {
    const how = lasting ? "from any operation on" : "at any operation";
    Deno.test(`Files that fail ${how} cost nothing, ${name}`, async () => {
      let operations = Infinity;
      let failures = 0;
      // From behind, so that the first trial, in which nothing fails, tells how many there are.
      for (let at = Infinity; at > 0; at = Math.min(at - 1, operations)) {
        using test = new TestRetriever(overrides);
        if (files) {
          const destination = { kind: "files" as const, directory: `${test.folder}/files` };
          test.client = { ...test.client, destination };
        }
        test.server.add(...TEXTS);
        {
          using faulty = new FaultyFiles(at, lasting ? Infinity : at);
          const report = await test.run();
          if (report.failure !== undefined || report.leftByError > 0) failures++;
          if (at === Infinity) operations = faulty.operations;
        }
        const before = everything(test);
        equal(new Set(before).size, before.length, `failed at ${at}`);
        const report = await test.run();
        await test.server.close();
        equal(report.failure, undefined, `failed at ${at}`);
        deepEqual(everything(test), ON_DISK, `failed at ${at}: ${test.log.join("\n")}`);
        deepEqual(test.leftovers(), [], `failed at ${at}`);
        equal(test.server.messages.length, overrides.preserve === true ? 3 : 0);
      }
      ok(operations > 15 && failures > 10, `${failures} failures in ${operations} operations`);
    });
  }
}
