import assert from "node:assert/strict";
import { LimitReport } from "../../lib/server/limit_report.ts";

function collecting() {
  const lines: string[] = [];
  const clock = { now: 0 };
  const report = new LimitReport({
    warn: (text) => lines.push(`WARN ${text}`),
    info: (text) => lines.push(`INFO ${text}`),
  }, () => clock.now);
  return { lines, clock, report };
}

Deno.test("LimitReport tells the first at once, then one a minute with the number of all", () => {
  const { lines, clock, report } = collecting();
  for (let i = 0; i < 100; i++) report.refused("full", `refused 192.0.2.${i}`);
  assert.deepEqual(lines, ["WARN refused 192.0.2.0"]);
  clock.now = 60_000;
  report.refused("full", "refused 192.0.2.200");
  report.refused("full", "refused 192.0.2.201");
  assert.equal(lines[1], "WARN refused 192.0.2.200 (the last of 100 since the last report)");
  assert.equal(lines.length, 2);
  clock.now = 200_000;
  report.refused("full", "refused 192.0.2.202");
  assert.equal(lines[2], "WARN refused 192.0.2.202 (the last of 2 since the last report)");
  clock.now = 300_000;
  report.refused("full", "refused 192.0.2.203");
  assert.equal(lines[3], "WARN refused 192.0.2.203");
});

Deno.test("LimitReport tells limits apart, and those that clients reach are no warnings", () => {
  const { lines, report } = collecting();
  report.refused("one", "a");
  report.refused("other", "b");
  report.reached("third", "c");
  assert.deepEqual(lines, ["WARN a", "WARN b", "INFO c"]);
});

Deno.test("LimitReport.flush() tells what is left, once", () => {
  const { lines, report } = collecting();
  report.refused("full", "a");
  report.refused("full", "b");
  report.refused("full", "c");
  report.flush();
  report.flush();
  assert.deepEqual(lines, ["WARN a", "WARN c (the last of 2 since the last report)"]);
});
