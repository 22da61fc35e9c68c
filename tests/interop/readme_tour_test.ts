import assert from "node:assert/strict";
import { Page } from "../install/pages.ts";
import { peerTest } from "../support/peers.ts";
import { Program, programCommand, runCommand, TempFolder } from "../support/program.ts";

const tour = (await Page.read("../README.md")).section("A five-minute tour");
const PASSWORD = "correct horse";

/** The tour's commands as they are here: this program, a free port, a password on the command line. */
function here(commands: string, port = 0): string {
  const { command, args } = programCommand([]);
  const program = [command, ...args].map((word) => `'${word}'`).join(" ");
  return commands.replaceAll("sh scripts/mailismus", program)
    .replaceAll(/\b2110\b/g, String(port))
    .replaceAll("curl --user alice", `curl --silent --user 'alice:${PASSWORD}'`);
}

peerTest(["curl"], "README.md's tour goes as it says", async () => {
  await using folder = await TempFolder.make();
  const run = async (commands: string): Promise<string> => {
    const { code, stdout, stderr } = await runCommand("sh", ["-euc", commands], {
      cwd: folder.path,
      input: `${PASSWORD}\n`,
    });
    assert.equal(code, 0, `${commands}\n${stderr}`);
    return new TextDecoder().decode(stdout);
  };

  await run(here(tour.block("sh", "user add")));
  const [check = "", serve = ""] = tour.block("sh", "check").trim().split("\n");
  assert.match(await run(here(check)), /authtypes/);
  assert.equal(serve, "sh scripts/mailismus serve --config my-mail/config.toml");
  await using program = await Program.start({
    folder: `${folder.path}/my-mail`,
    listeners: ["POP3"],
  });
  const port = program.port("POP3");
  assert.match(await run(here(tour.block("sh", "curl"), port)), /Subject: Hello[^]*It works/);
  const collected = await run(here(tour.block("sh", "init"), port));
  assert.match(collected, /would fetch 1 message[^]*Total: 1 message[^]*\.eml\n$/);
  assert.match(await run(here(tour.block("sh", "permissions"), port)), /--deny-run/);
  await program.stop();
  const transcript = await run(tour.block("sh", "logs/pop3"));
  assert.match(transcript, /C: QUIT/);
  assert.ok(!transcript.includes(PASSWORD) && !transcript.includes(btoa(`\0alice\0${PASSWORD}`)));
});
