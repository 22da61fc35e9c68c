import assert from "node:assert/strict";
import { type Config, loadConfig } from "../../lib/config/config.ts";
import {
  listenGrants,
  programGrants,
  retrieverGrants,
  serverGrants,
  workerPermissions,
} from "../../lib/supervisor/permissions.ts";
import { permissionFlags } from "../../lib/cli/permissions.ts";
import { systemdUnit } from "../../lib/supervisor/systemd_unit.ts";
import { TempFolder } from "../support/program.ts";

async function load(folder: TempFolder, text: string): Promise<Config> {
  await Deno.writeTextFile(`${folder.path}/users`, "alice:pw\n");
  await Deno.writeTextFile(`${folder.path}/token`, "t\n");
  await Deno.writeTextFile(`${folder.path}/config.toml`, text);
  const { config, problems } = await loadConfig(`${folder.path}/config.toml`, {
    env: () => "secret",
  });
  assert.deepEqual(problems, []);
  return config!;
}

const SERVER = `
[directory]
users = "users"
plainpass = true
[message_store]
userpath = "mail"
[pop3server]
[[pop3server.listeners]]
name = "a"
interface = "127.0.0.1"
port = 2110
server.transcript = "%DIRLOG%/Y%Y%/pop3-%DT%.log"
[[pop3server.listeners]]
name = "b"
port = 110
`;

const RETRIEVER = `
[pop3download]
audit = "audit.log"
[[pop3download.clients]]
id = "one"
recip = "alice"
downloads_directory = "saved/%U%"
[pop3download.clients.server]
address = "[2001:db8::1]:1110"
username = "u"
password_env = "POP_PASSWORD"
[[pop3download.clients]]
id = "two"
recip = "bob@example.org"
[pop3download.clients.server]
address = "pop.example.org"
username = "u"
authtypes = ["SASL_XOAUTH2"]
oauth2 = { token_endpoint = "https://login.example.org/token", client_id = "c", refresh_token_file = "token" }
[pop3download.clients.ssl]
[pop3download.clients.smtp]
sender = "pop@localhost"
server = "mx.example.org:24"
`;

Deno.test("serverGrants() gives the listen addresses, the mail folder and the cache", async () => {
  await using folder = await TempFolder.make();
  const config = await load(folder, SERVER);
  const folders = [`${folder.path}/mail`, `${folder.path}/var/cache`];
  assert.deepEqual(
    serverGrants(config, [{ address: "127.0.0.1", port: 2110 }, { address: "::", port: 110 }]),
    { net: ["127.0.0.1:2110", "[::]:110"], read: folders, write: folders },
  );
});

Deno.test("retrieverGrants() gives the servers, the folders and nothing to listen on", async () => {
  await using folder = await TempFolder.make();
  const { net, read, write } = retrieverGrants(await load(folder, RETRIEVER));
  assert.deepEqual([...net].sort(), [
    "[2001:db8::1]:1110",
    "login.example.org:443",
    "mx.example.org:24",
    "pop.example.org:995",
  ]);
  assert.ok(write.includes(`${folder.path}/saved/alice`));
  assert.ok(!read.includes("/"));
  assert.ok(!write.some((path) => path.endsWith("/mail")));
});

Deno.test("listenGrants() names a host with its addresses, and any port for 0", async () => {
  await using folder = await TempFolder.make();
  const named = SERVER.replace('"127.0.0.1"', '"localhost"').replace("port = 110", "port = 0");
  const grants = await listenGrants(await load(folder, named));
  for (const grant of ["localhost", "127.0.0.1:2110", "[::]", "0.0.0.0"]) {
    assert.ok(grants.includes(grant), grant);
  }
});

Deno.test("programGrants() covers all workers and main's own files", async () => {
  await using folder = await TempFolder.make();
  const config = await load(folder, SERVER + RETRIEVER);
  const grants = programGrants(config, {
    program: "/opt/mailismus",
    secretFiles: ["/run/secret"],
    envNames: ["POP_PASSWORD"],
    listen: await listenGrants(config),
  });
  const server = serverGrants(config, []);
  const retriever = retrieverGrants(config);
  for (
    const path of [...server.read, ...retriever.read, "/opt/mailismus", "/run/secret", config.file]
  ) {
    assert.ok(grants.read.includes(path), path);
  }
  for (const path of [...server.write, ...retriever.write, config.paths.logs]) {
    assert.ok(grants.write.includes(path), path);
  }
  for (const address of ["127.0.0.1:2110", "[::]:110", ...retriever.net]) {
    assert.ok(grants.net.includes(address), address);
  }
  const flags = permissionFlags({ ...grants, read: ["/a,b"] });
  assert.ok(flags.includes("--allow-read=/a,,b"));
  assert.ok(flags.includes("--allow-env=POP_PASSWORD"));
  assert.deepEqual(flags.slice(-2), ["--deny-run", "--deny-ffi"]);
});

Deno.test("systemdUnit() is hardened, and asks for low ports only where they are needed", async () => {
  await using folder = await TempFolder.make();
  const config = await load(folder, SERVER);
  const grants = programGrants(config, {
    secretFiles: [],
    envNames: ["POP_PASSWORD"],
    listen: await listenGrants(config),
  });
  const unit = systemdUnit(config, { binary: "/opt/my mail/100%", grants });
  assert.match(unit, /^ExecStart="\/opt\/my mail\/100%%" serve --config \S+config\.toml$/m);
  assert.match(unit, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
  assert.match(unit, /^ProtectSystem=strict$/m);
  assert.match(unit, /^NoNewPrivileges=yes$/m);
  assert.match(unit, /^TimeoutStopSec=10$/m);
  assert.match(unit, /^EnvironmentFile=/m);
  assert.ok(unit.includes(`\nReadWritePaths=${folder.path}/mail\n`));
  const high = await load(folder, SERVER.replace("port = 110", "port = 1110"));
  const other = systemdUnit(high, { binary: "/b", grants });
  assert.doesNotMatch(other, /AmbientCapabilities/);
  assert.match(other, /^CapabilityBoundingSet=$/m);
  assert.doesNotMatch(other, /CacheDirectory/);
  const unpacking = systemdUnit(high, { binary: "/b", grants, unpacks: true });
  assert.match(unpacking, /^CacheDirectory=mailismus\nCacheDirectoryMode=0700$/m);
});

const ATTEMPTS = `
const attempts = {
  readSystemFile: () => Deno.readTextFileSync("/etc/hostname"),
  listRoot: () => [...Deno.readDirSync("/")],
  readConfig: () => Deno.readTextFileSync(data.config),
  readUsers: () => Deno.readTextFileSync(data.users),
  writeOutside: () => Deno.writeTextFileSync(data.outside, "x"),
  climbOut: () => Deno.readTextFileSync(data.mail + "/../users"),
  linkOut: () => Deno.symlinkSync(data.users, data.mail + "/link"),
  connect: () => Deno.connect({ hostname: "127.0.0.1", port: 9 }),
  connectToOwnPort: () => Deno.connect({ hostname: "127.0.0.1", port: data.port + 1 }),
  listenElsewhere: () => Deno.listen({ hostname: "0.0.0.0", port: data.port }),
  fetch: () => fetch("http://127.0.0.1:2525/"),
  resolve: () => Deno.resolveDns("example.org", "A"),
  run: () => new Deno.Command("true").outputSync(),
  loadLibrary: () => Deno.dlopen("libc.so.6", {}),
  env: () => Deno.env.get("HOME"),
  hostname: () => Deno.hostname(),
  importOther: () => import(data.module, { with: { type: "json" } }),
  nestedWorker: () => new Worker("data:text/javascript,", { type: "module", deno: { permissions: { read: true } } }),
};
const outcomes = {};
let data;
onmessage = async (event) => {
  data = event.data;
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      await attempt();
      outcomes[name] = "allowed";
    } catch (error) {
      outcomes[name] = error.name + (error instanceof TypeError ? ": " + error.message : "");
    }
  }
  Deno.mkdirSync(data.mail + "/alice/Maildir", { recursive: true });
  Deno.writeTextFileSync(data.mail + "/alice/Maildir/1", "mail");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: data.port });
  listener.close();
  postMessage(outcomes);
};`;

Deno.test("a server worker can do nothing but listen and handle the mail folder", async () => {
  await using folder = await TempFolder.make();
  const config = await load(folder, SERVER);
  await Deno.writeTextFile(`${folder.path}/module.json`, "{}");
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr as Deno.NetAddr;
  free.close();
  const grants = serverGrants(config, [{ address: "127.0.0.1", port }]);
  const worker = new Worker("data:text/javascript," + encodeURIComponent(ATTEMPTS), {
    type: "module",
    deno: { permissions: workerPermissions(grants) },
  });
  try {
    const outcomes = await new Promise<Record<string, string>>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage({
        config: config.file,
        users: `${folder.path}/users`,
        module: `file://${folder.path}/module.json`,
        outside: `${folder.path}/outside`,
        mail: `${folder.path}/mail`,
        port,
      });
    });
    const allowed = Object.entries(outcomes).filter(([, outcome]) =>
      !/^NotCapable|Can't escalate|requires? .*(permission|access)/i.test(outcome)
    );
    assert.deepEqual(allowed, []);
  } finally {
    worker.terminate();
  }
});
