import { deepEqual, equal, match } from "node:assert/strict";
import { listMailbox } from "../support/mailbox.ts";
import { runProgram, TempFolder } from "../support/program.ts";
import { ScriptedPop3Server } from "../support/scripted_pop3_server.ts";

/** A config with two clients of one server, which has an account for everyone. */
function configText(port: number): string {
  const client = (id: string, recip: string) => `
[[pop3download.clients]]
id = "${id}"
recip = "${recip}"
[pop3download.clients.server]
address = "127.0.0.1:${port}"
username = "${id}"
password = "secret"
`;
  return `
[directory]
users = "users"
[message_store]
userpath = "ms"
[pop3download]
delay_start = "1h"
${client("home", "alice")}${client("work", "bob")}`;
}

/** A folder with a config, and a server that it names. */
async function prepared(): Promise<{ folder: TempFolder; server: ScriptedPop3Server }> {
  const folder = await TempFolder.make();
  const server = new ScriptedPop3Server();
  await Deno.writeTextFile(`${folder.path}/config.toml`, configText(server.listen()), {
    mode: 0o600,
  });
  await Deno.writeTextFile(`${folder.path}/users`, "alice\nbob\n", { mode: 0o600 });
  return { folder, server };
}

function counts(folder: TempFolder): number[] {
  return ["alice", "bob"].map((user) => {
    try {
      return listMailbox(`${folder.path}/ms/${user}/Maildir`).new.length;
    } catch {
      return 0;
    }
  });
}

Deno.test("retrieve --dry-run counts and leaves all as it is", async () => {
  const { folder, server } = await prepared();
  server.add("Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n");
  const result = await runProgram(["retrieve", "--dry-run", "--client", "home"], {
    cwd: folder.path,
    limit: 30_000,
  });
  await server.close();
  equal(result.code, 0, result.stderr);
  match(
    new TextDecoder().decode(result.stdout),
    /^home: would fetch 2 messages \(28 octets\) of 2 from home at .*nothing was changed$/m,
  );
  equal(server.messages.length, 2);
  deepEqual(counts(folder), [0, 0]);
  await folder[Symbol.asyncDispose]();
});

Deno.test("retrieve --once collects without delay, chosen clients only, and ends", async () => {
  const { folder, server } = await prepared();
  server.add("Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n");
  const result = await runProgram(["retrieve", "--once", "--client", "work"], {
    cwd: folder.path,
    limit: 30_000,
  });
  await server.close();
  equal(result.code, 0, result.stderr);
  match(new TextDecoder().decode(result.stdout), /^work: 2 messages .*2 deleted there$/m);
  match(new TextDecoder().decode(result.stdout), /^Total: 2 messages \(28 octets\) in 1 run$/m);
  equal(result.stderr, "");
  deepEqual(counts(folder), [0, 2]);
  await folder[Symbol.asyncDispose]();
});

Deno.test("retrieve --once ends with status 1 where a message had to stay", async () => {
  const { folder, server } = await prepared();
  server.add("Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n");
  server.script = [{
    rewrite: (reply, command) => command === "RETR 1" ? "-ERR broken\r\n" : reply,
  }];
  const result = await runProgram(["retrieve", "--once", "--client", "home"], {
    cwd: folder.path,
    limit: 30_000,
  });
  await server.close();
  equal(result.code, 1);
  match(result.stderr, /message 1 stays on the server: .*broken/);
  deepEqual(counts(folder), [1, 0]);
  await folder[Symbol.asyncDispose]();
});

Deno.test("retrieve says which clients there are", async () => {
  const { folder, server } = await prepared();
  const result = await runProgram(["retrieve", "--client", "hone"], { cwd: folder.path });
  await server.close();
  equal(result.code, 2);
  match(result.stderr, /no client "hone".*"home".*home, work/);
  await folder[Symbol.asyncDispose]();
});
