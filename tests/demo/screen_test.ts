import assert from "node:assert/strict";
import { Screen } from "../../lib/demo/screen.ts";

/** What a screen writes while `show` uses it. */
function written(colour: boolean, show: (screen: Screen) => void): string {
  let text = "";
  show(new Screen({ write: (part) => (text += part, true), colour }));
  return text;
}

function dialogue(screen: Screen): void {
  screen.step("First", "What it is.");
  screen.client("NOOP");
  screen.server("+OK");
  screen.server("-ERR no");
  screen.server("");
  screen.step("Second", "More.");
  screen.caption("This", "why");
}

Deno.test("Screen shows numbered steps and who says what", () => {
  assert.equal(
    written(false, dialogue),
    "\n1. First\n   What it is.\n   C: NOOP\n   S: +OK\n   S: -ERR no\n   S:\n" +
      "\n2. Second\n   More.\n\n   This: why\n",
  );
});

Deno.test("Screen uses colours where it may, and resets each", () => {
  const text = written(true, dialogue);
  assert.ok(text.includes(
    "\x1b[36m   C: NOOP\x1b[0m\n\x1b[32m   S: +OK\x1b[0m\n\x1b[31m   S: -ERR no\x1b[0m\n",
  ));
  // deno-lint-ignore no-control-regex
  assert.equal(text.replace(/\x1b\[\d+m/g, ""), written(false, dialogue));
});

Deno.test("Screen shows nothing while it is muted", () => {
  const text = written(false, (screen) => {
    screen.muted = true;
    screen.line("hidden");
    screen.muted = false;
    screen.line("shown");
  });
  assert.equal(text, "shown\n");
});

Deno.test("Screen ends the demo once nobody reads", () => {
  const screen = new Screen({ write: () => false, colour: false });
  assert.throws(() => screen.line("x"), Deno.errors.BrokenPipe);
});
