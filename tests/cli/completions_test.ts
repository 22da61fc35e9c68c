import assert from "node:assert/strict";
import { completionsCommand } from "../../lib/cli/completions.ts";
import { SUBCOMMANDS } from "../../lib/cli/subcommands.ts";
import { PROGRAM } from "../../lib/cli/help.ts";
import { runCommand } from "../support/program.ts";
import { capture } from "./capture.ts";

async function script(shell: string): Promise<string> {
  const { out } = await capture(() =>
    completionsCommand(() => SUBCOMMANDS).run({
      configFile: "config.toml",
      positionals: [shell],
      has: () => false,
      value: () => undefined,
      values: () => [],
    })
  );
  return out;
}

/** What bash would offer for a command line that ends in the word to complete. */
async function offers(...words: string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/script`, await script("bash"));
    const quoted = [PROGRAM, ...words].map((word) => `'${word}'`).join(" ");
    const { stdout } = await runCommand("bash", [
      "-c",
      `. ${folder}/script; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _${PROGRAM};` +
      ` printf '%s\\n' "\${COMPREPLY[@]}"`,
    ]);
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("completions bash offers subcommands, then their flags", async () => {
  assert.deepEqual(await offers("ser"), ["serve"]);
  assert.deepEqual(await offers("retrieve", "--o"), ["--once"]);
  assert.ok((await offers("check", "--")).includes("--config"));
  assert.ok((await offers("serve", "--config", "/et")).includes("/etc"));
});

Deno.test("completions names every subcommand and flag for every shell", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const text = await script(shell);
    for (const { name, flags } of SUBCOMMANDS) {
      assert.ok(text.includes(name), `${shell}: ${name}`);
      for (const flag of flags) assert.ok(text.includes(flag.name), `${shell}: ${flag.name}`);
    }
  }
});

Deno.test("completions says which shells it knows", async () => {
  await assert.rejects(script("csh"), /completions takes one of bash, fish, zsh: "csh"/);
});
