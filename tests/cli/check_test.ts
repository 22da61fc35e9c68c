import assert from "node:assert/strict";
import { parse } from "@std/toml";
import { runCheck } from "../../lib/cli/check.ts";
import { loadConfig } from "../../lib/config/config.ts";

const CONFIG = `
[directory]
users = "users"
[message_store]
[log]
file = "%DIRLOG%/%DT%.log"
[[pop3server.listeners]]
name = "a"
port = 0
server = { transcript = "/t-%DT%.log", authtypes = "userpass | apop", timeout = 90000 }
[[pop3server.listeners]]
name = "b"
port = 0
configlink = "a"
[pop3download]
audit = { file = "/a.log", rot = "weekly" }
[[pop3download.clients]]
id = "c"
recip = "anna"
max_size = "10M"
server = { address = "[::1]", username = "u", password = "pass word", authtypes = "all" }
ssl = { latent = "Y", certpass = "key word" }
smtp = { sender = "s@example.org", password = "third word", username = "u" }
`;

interface Checked {
  status: number;
  out: string;
  err: string;
}

async function check(config: string): Promise<Checked & { folder: string }> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.writeTextFile(`${folder}/config.toml`, config, { mode: 0o600 });
    await Deno.writeTextFile(`${folder}/users`, "anna\n");
    return { ...await checkFile(`${folder}/config.toml`), folder };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function checkFile(configFile: string): Promise<Checked> {
  const said = { out: "", err: "" };
  const status = await runCheck({
    configFile,
    workers: 2,
    hostname: "here",
    write: (text) => said.out += text,
    writeError: (text) => said.err += `${text}\n`,
  });
  return { status, ...said };
}

Deno.test("runCheck() prints every setting with where it comes from", async () => {
  const { status, out, folder } = await check(CONFIG);
  assert.equal(status, 0);
  const lines = out.split("\n");
  const find = (start: string) =>
    lines.filter((line) => line.startsWith(start)).map((line) => line.replace(/ +#/, " #"));
  assert.deepEqual(find("file ="), [
    `file = "${folder}/var/logs/%DT%.log" # file`,
    'file = "/t-%DT%.log" # file',
    'file = "/a.log" # file',
  ]);
  assert.deepEqual(find("timeout ="), ['timeout = "1m30s" # file', 'timeout = "4m" # default']);
  assert.deepEqual(find("# timeout ="), ['# timeout = "1m30s" # by configlink']);
  assert.deepEqual(find("address ="), ['address = "[::1]:110" # file']);
  assert.deepEqual(find("# maxfile =").length, 4);
  assert.deepEqual(find("workers ="), ["workers = 2 # default"]);
});

Deno.test("runCheck() masks secrets", async () => {
  const { out, err } = await check(CONFIG);
  assert.doesNotMatch(out + err, /word"/);
  assert.equal(out.match(/"\*\*\*"/g)?.length, 3);
});

Deno.test("runCheck() prints TOML that means the same", async () => {
  const first = await check(CONFIG);
  const masked = CONFIG.replaceAll(/"(pass|key|third) word"/g, '"***"');
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const load = async (text: string) => {
      await Deno.writeTextFile(`${folder}/config.toml`, text, { mode: 0o600 });
      await Deno.writeTextFile(`${folder}/users`, "anna\n");
      return (await loadConfig(`${folder}/config.toml`, { workers: 2, hostname: "here" })).config;
    };
    const printed = first.out.replaceAll(first.folder, folder);
    assert.ok(parse(printed));
    assert.deepEqual(await load(printed), await load(masked));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("runCheck() tells what is wrong and ends with status 2", async () => {
  const { status, out, err } = await check("[log]\nlevle = 1\n[pop3server]\n");
  assert.equal(status, 2);
  assert.equal(out, "");
  assert.match(err, /^Cannot use the config .*: 4 problems\n {2}log\.levle: unknown key/);
  assert.doesNotMatch(err, /\n\s+at /);
  assert.equal((await checkFile("/no/such/config.toml")).status, 2);
});

Deno.test("runCheck() tells warnings apart", async () => {
  const { err } = await check(CONFIG.replace('authtypes = "userpass | apop"', 'authtypes = "-"'));
  assert.match(err, /^Warning: pop3server\.listeners\[0\]\.server\.authtypes \(listener "a"\): /);
});
