import assert from "node:assert/strict";
import { listMailbox } from "../support/mailbox.ts";
import { configText, maildirOf, Program, runProgram, TempFolder } from "../support/program.ts";

/** A retriever's config: `carol` collects what `bob` has at the server on `port`. */
function retriever(port: number, more = ""): string {
  return `
[directory]
users = "users"
plainpass = true
[message_store]
userpath = "collected"
[pop3download]
delay_start = 0
audit = "%DIRLOG%/audit.log"
transcript = "%DIRLOG%/transcript.log"
[[pop3download.clients]]
id = "bob"
recip = "carol"
freq = 0
[pop3download.clients.server]
address = "127.0.0.1:${port}"
username = "bob"
password = "builder"
${more}`;
}

function fillMailbox(folder: string): void {
  const maildir = maildirOf(folder, "bob");
  for (const sub of ["tmp", "new", "cur"]) Deno.mkdirSync(`${maildir}/${sub}`, { recursive: true });
  for (const i of [1, 2, 3]) {
    Deno.writeTextFileSync(`${maildir}/new/${i}.test`, `Subject: ${i}\n\nmessage ${i}\n.dot\n`);
  }
}

async function collecting(text: string): Promise<TempFolder> {
  const folder = await TempFolder.make();
  await Deno.writeTextFile(`${folder.path}/config.toml`, text);
  await Deno.writeTextFile(`${folder.path}/users`, "carol:c\n", { mode: 0o600 });
  return folder;
}

Deno.test("serve runs a retriever alone, and ends when it is done, with its status", async () => {
  await using program = await Program.start({ prepare: fillMailbox });
  await using folder = await collecting(retriever(program.port("plain")));
  const first = await runProgram(["serve"], { cwd: folder.path, limit: 30_000 });
  assert.equal(first.code, 0, first.stderr);
  const collected = listMailbox(`${folder.path}/collected/carol/Maildir`);
  assert.equal(collected.new.length, 3);
  assert.equal(listMailbox(maildirOf(program.folder, "bob")).new.length, 0);
  const audit = await Deno.readTextFile(`${folder.path}/var/logs/audit.log`);
  assert.equal(audit.trim().split("\n").length, 3);
  const transcript = await Deno.readTextFile(`${folder.path}/var/logs/transcript.log`);
  assert.match(transcript, /C: USER bob/);
  assert.doesNotMatch(transcript, /builder/);

  const config = `${folder.path}/config.toml`;
  const wrong = (await Deno.readTextFile(config)).replace('"builder"', '"guess"');
  await Deno.writeTextFile(config, wrong);
  const second = await runProgram(["serve"], { cwd: folder.path, limit: 30_000 });
  assert.equal(second.code, 1, second.stderr);
});

Deno.test("serve runs a retriever beside the server, and ends both on SIGTERM", async () => {
  await using program = await Program.start({ prepare: fillMailbox });
  const config = configText({
    more: `
[pop3download]
delay_start = 0
[[pop3download.clients]]
id = "bob"
recip = "alice"
freq = "200ms"
[pop3download.clients.server]
address = "127.0.0.1:${program.port("plain")}"
username = "bob"
password = "builder"
`,
  });
  await using both = await Program.start({ config });
  const arrived = `${maildirOf(both.folder, "alice")}/new`;
  for (let tries = 0; tries < 400; tries++) {
    const names = await Array.fromAsync(Deno.readDir(arrived)).catch(() => []);
    if (names.length === 3) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.equal(listMailbox(maildirOf(both.folder, "alice")).new.length, 3);
  const begun = performance.now();
  await both.stop();
  assert.ok(performance.now() - begun < 4000);
});
