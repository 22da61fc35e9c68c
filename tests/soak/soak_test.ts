import assert from "node:assert/strict";
import { hasFigures } from "./process_figures.ts";
import { runSoak } from "./run_soak.ts";

const title =
  "200 clients of all kinds leave every message as it must be, no lock and no open file";
// Where there is no /proc, nobody can say how many files are open.
const skipped = !await hasFigures();

Deno.test({
  name: skipped ? `${title} (skipped: open files are counted in Linux' /proc)` : title,
  ignore: skipped,
  async fn() {
    const result = await runSoak({
      ...{ seconds: 6, sessions: 200, workers: 2, processes: 1, rate: 60, seed: 7 },
      // Nobody is thrown out for having been slow on a busy machine.
      patience: "2m",
    });
    assert.deepEqual(result.faults, []);
    assert(result.removed > 0 && result.delivered > 0 && result.moved > 0);
  },
});
