import assert from "node:assert/strict";
import { loadConfig } from "../../lib/config/config.ts";
import type { TraceLog } from "../../lib/log/trace.ts";
import { DirectoryKeeper } from "../../lib/supervisor/directory_keeper.ts";
import { Logs } from "../../lib/supervisor/logs.ts";
import { RetrieverPart } from "../../lib/supervisor/retriever_part.ts";
import { TempFolder } from "../support/program.ts";

const CONFIG = `
[pop3download]
[[pop3download.clients]]
id = "one"
recip = "alice"
downloads_directory = "saved"
server = { address = "127.0.0.1:9", username = "u", password = "p" }
`;

/** A thread that dies as soon as it runs. */
function startDying(): Worker {
  const dies = "addEventListener('message', () => { throw new Error('pushed'); });";
  const url = "data:text/javascript," + encodeURIComponent(dies);
  return new Worker(url, { type: "module", deno: { permissions: "none" } });
}

Deno.test("RetrieverPart does not begin a single run again when its thread dies", async () => {
  await using folder = await TempFolder.make();
  const file = `${folder.path}/config.toml`;
  await Deno.writeTextFile(file, CONFIG);
  const { config, problems } = await loadConfig(file);
  assert.deepEqual(problems, []);
  const errors: string[] = [];
  const log = { error: (text: string) => errors.push(text) } as unknown as TraceLog;
  const logs = new Logs(config!);
  let starts = 0;
  const part = new RetrieverPart({
    config: config!,
    retriever: config!.pop3download!,
    logs,
    log,
    directory: new DirectoryKeeper(undefined, log),
    hostName: "test.example",
    mode: { once: true, dryRun: false },
    create: () => {
      starts++;
      return startDying();
    },
  });
  await part.start();
  assert.equal(await part.finished, false, "the run failed");
  await part.stop(0, Promise.resolve());
  assert.equal(starts, 1);
  assert.match(errors.join(), /The retriever died: .*pushed/);
  await logs.close();
});
