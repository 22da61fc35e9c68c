import assert from "node:assert/strict";
import { type Config, loadConfig } from "../../lib/config/config.ts";
import {
  type Grants,
  NO_GRANTS,
  retrieverGrants,
  serverGrants,
  workerPermissions,
} from "../../lib/supervisor/permissions.ts";
import { TempFolder } from "../support/program.ts";
import type { Attempts } from "./attempts.ts";

interface Address {
  hostname: string;
  port: number;
}

/** A server, and a retriever with a destination of each kind; nothing is at these addresses. */
const CONFIG = `
[directory]
users = "users"
[message_store]
userpath = "ms"
[[pop3server.listeners]]
interface = "127.0.0.1"
port = 2110
server.transcript = "%DIRLOG%/t.log"
[[pop3download.clients]]
id = "mailbox"
recip = "alice"
server = { address = "127.0.0.1:2995", username = "a", password_file = "password" }
[[pop3download.clients]]
id = "files"
recip = "alice"
downloads_directory = "saved/%U%"
[pop3download.clients.server]
address = "localhost:2996"
username = "a"
authtypes = "SASL_XOAUTH2"
token_file = "token"
[[pop3download.clients]]
id = "smtp"
recip = "a@example.org"
smtp = { sender = "pop@example.org", server = "127.0.0.1:2525" }
server = { address = "127.0.0.1:2995", username = "b", password = "p" }
`;

async function load(folder: TempFolder): Promise<Config> {
  for (const [name, text] of [["users", "alice:\n"], ["password", "p\n"], ["token", "t\n"]]) {
    await Deno.writeTextFile(`${folder.path}/${name}`, text!, { mode: 0o600 });
  }
  await Deno.mkdir(`${folder.path}/ms`);
  await Deno.writeTextFile(`${folder.path}/config.toml`, CONFIG);
  const { config, problems } = await loadConfig(`${folder.path}/config.toml`);
  assert.deepEqual(problems, []);
  return config!;
}

async function inWorker(grants: Grants, attempts: Attempts): Promise<Record<string, string>> {
  const worker = new Worker(new URL("attempts_worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: workerPermissions(grants) },
  });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(attempts);
    });
  } finally {
    worker.terminate();
  }
}

/** What no worker may do, whatever it is for. */
function forbidden(folder: string, listen: readonly Address[], connect: readonly Address[]) {
  const at = (name: string) => `${folder}/${name}`;
  return {
    read: ["/etc/hostname", "/etc/passwd", "/", folder, at("ms/../users"), "/proc/self/environ"]
      .concat(["config.toml", "users", "password", "var/logs"].map(at)),
    write: ["users", "outside", "var/logs/t.log", "ms/../outside"].map(at).concat("/tmp/outside"),
    listen,
    connect,
  };
}

function assertOutcomes(outcomes: Record<string, string>, allowed: readonly string[]): void {
  for (const [name, outcome] of Object.entries(outcomes)) {
    if (allowed.includes(name)) assert.match(outcome, /^(allowed|ConnectionRefused)/, name);
    else assert.match(outcome, /^NotCapable/, `${name}: ${outcome}`);
  }
  for (const name of allowed) assert.ok(name in outcomes, name);
}

const ELSEWHERE = [{ hostname: "127.0.0.1", port: 9 }, { hostname: "localhost", port: 25 }];

Deno.test("the server's workers can listen where they shall and use the mail folder, nothing else", async () => {
  await using folder = await TempFolder.make();
  const config = await load(folder);
  const own = { hostname: "127.0.0.1", port: 2110 };
  const folders = [`${folder.path}/ms`, `${folder.path}/var/cache`];
  const remote = { hostname: "127.0.0.1", port: 2995 };
  const outcomes = await inWorker(
    serverGrants(config, [{ address: "127.0.0.1", port: 2110 }]),
    {
      // Another test may listen there: binding is not tried, only what is denied.
      allowed: { read: [folders[0]!], writeInto: folders, listen: [] },
      denied: forbidden(
        folder.path,
        [{ ...own, hostname: "0.0.0.0" }, { ...own, port: 2111 }],
        [...ELSEWHERE, remote],
      ),
    },
  );
  assertOutcomes(outcomes, [
    `read ${folders[0]}`,
    ...folders.map((path) => `write into ${path}`),
  ]);
});

Deno.test("the retriever's worker can connect to its servers and write its destinations, nothing else", async () => {
  await using folder = await TempFolder.make();
  const config = await load(folder);
  const at = (name: string) => `${folder.path}/${name}`;
  const folders = [at("ms"), at("saved/alice"), at("var/retriever")];
  const remotes = [
    { hostname: "127.0.0.1", port: 2995 },
    { hostname: "localhost", port: 2996 },
    { hostname: "127.0.0.1", port: 2525 },
  ];
  const outcomes = await inWorker(retrieverGrants(config), {
    allowed: { read: [at("token")], writeInto: folders, listen: [] },
    denied: {
      ...forbidden(
        folder.path,
        [{ hostname: "127.0.0.1", port: 0 }, { hostname: "0.0.0.0", port: 2995 }],
        [...ELSEWHERE, { hostname: "127.0.0.1", port: 2110 }, ...remotes],
      ),
      write: [...forbidden(folder.path, [], []).write, at("token"), at("saved/bob")],
    },
  });
  assertOutcomes(outcomes, [
    `read ${at("token")}`,
    ...folders.map((path) => `write into ${path}`),
    ...remotes.map(({ hostname, port }) => `connect ${hostname}:${port}`),
  ]);
});

Deno.test("workers that compute hashes can do nothing else", async () => {
  await using folder = await TempFolder.make();
  await load(folder);
  const outcomes = await inWorker(NO_GRANTS, {
    allowed: { read: [], writeInto: [], listen: [] },
    denied: forbidden(folder.path, [{ hostname: "127.0.0.1", port: 0 }], ELSEWHERE),
  });
  assertOutcomes(outcomes, []);
});
