import assert from "node:assert/strict";
import type { Client, Listener } from "../../lib/config/config.ts";
import { configOf, loadText, STORE, USERS } from "./load_text.ts";

const POP3 = '[[pop3server.listeners]]\nname = "POP3"\n';
const CLIENT = '[[pop3download.clients]]\nid = "a"\nrecip = "anna"\n';
const LOGIN = 'username = "u", password = "p"';

async function listener(settings: string): Promise<Listener> {
  const config = await configOf(`${STORE}${POP3}${settings}`, TLS_FILES);
  return config.pop3server!.listeners[0]!;
}

async function client(settings: string): Promise<Client> {
  const config = await configOf(`${STORE}${CLIENT}${settings}`);
  return config.pop3download!.clients[0]!;
}

const fixtures = new URL("../fixtures/tls/", import.meta.url);
const TLS_FILES = {
  ...USERS,
  cert: await Deno.readTextFile(new URL("server.pem", fixtures)),
  key: await Deno.readTextFile(new URL("server.key", fixtures)),
  ca: await Deno.readTextFile(new URL("ca.pem", fixtures)),
};
const SSL = 'cert = "cert", key = "key"';

Deno.test("loadConfig() gives a server the manual's defaults", async () => {
  const config = await configOf(STORE + POP3, USERS, { workers: 3 });
  assert.equal(config.pop3server!.workers, 3);
  assert.equal(config.pop3server!.grace, 5000);
  assert.deepEqual(config.pop3server!.limits, {
    login_time: 60_000,
    login_commands: 100,
    login_input: 65_536,
    line: 8192,
    bad_commands: 10,
    unauthenticated: 1000,
    unauthenticated_per_address: 100,
    connections_per_address: 0,
    handshake_time: 20_000,
    handshakes: 500,
    handshakes_per_address: 100,
    auth_delay: 1000,
    auth_delay_max: 30_000,
  });
  assert.deepEqual(config.pop3server!.listeners, [{
    name: "POP3",
    port: 110,
    maxservers: 0,
    backlog: 5000,
    server: {
      greet: "Mailismus POP3 Ready",
      authtypes: ["USERPASS", "APOP", "SASL_PLAIN", "SASL_CRAM_MD5", "SASL_EXTERNAL"],
      authtypes_ssl: ["SASL_EXTERNAL"],
      timeout: 120_000,
      expire: -1,
    },
  }]);
});

Deno.test("loadConfig() gives a client the manual's defaults", async () => {
  const config = await configOf(
    `${STORE}${CLIENT}server = { address = "pop.example.org", ${LOGIN} }`,
  );
  const { clients, ...retriever } = config.pop3download!;
  assert.deepEqual(retriever, { timeout: 240_000, delay_start: 60_000, max_parallel: 4 });
  assert.deepEqual(clients, [{
    id: "a",
    recip: "anna",
    freq: 300_000,
    runs: 0,
    preserve: false,
    track_seen: false,
    capa: false,
    omitreceivedheader: false,
    server: {
      host: "pop.example.org",
      port: 110,
      username: "u",
      password: "p",
      authtypes: ["USERPASS", "SASL_PLAIN"],
      initrsp: false,
    },
  }]);
});

Deno.test("loadConfig() resolves paths from the config file's folder", async () => {
  const text = '[paths]\nvar = "data"\n[log]\nfile = "%DIRLOG%/Y%Y%/%DT%.log"\nlevel = "trc2"\n' +
    '[message_store]\nuserpath = "/srv//mail/../ms"\n';
  const { config, folder } = await loadText(text);
  assert.deepEqual(config!.paths, {
    root: folder,
    config: `${folder}/conf`,
    var: `${folder}/data`,
    logs: `${folder}/data/logs`,
    tmp: `${folder}/data/tmp`,
  });
  assert.equal(config!.log.file, `${folder}/data/logs/Y%Y%/%DT%.log`);
  assert.equal(config!.log.level, "TRC2");
  assert.equal(config!.message_store!.userpath, "/srv/ms");
});

Deno.test("loadConfig() takes a log file as a path or as a table", async () => {
  const text = '[pop3download]\ntranscript = "/t.log"\n' +
    'audit = { file = "/a-%DT%.log", rot = "monthly", maxfile = "10M", buffer = 0, flush = 0 }\n';
  const { transcript, audit } = (await configOf(text)).pop3download!;
  assert.deepEqual(transcript, { file: "/t.log", rot: "NEVER", buffer: 8192, flush: 1000 });
  assert.deepEqual(audit, {
    file: "/a-%DT%.log",
    rot: "MONTHLY",
    maxfile: 10 * 1024 ** 2,
    buffer: 0,
    flush: 0,
  });
});

Deno.test("loadConfig() applies the manual's three rules for authtypes_ssl", async () => {
  const rules = [
    ["", ["SASL_EXTERNAL"]],
    [`ssl = { ${SSL} }`, ["USERPASS", "APOP", "SASL_PLAIN", "SASL_CRAM_MD5", "SASL_EXTERNAL"]],
    [`ssl = { ${SSL}, latent = true }`, ["SASL_PLAIN", "SASL_EXTERNAL"]],
    [
      `ssl = { ${SSL}, latent = true, mandatory = true }\nserver.authtypes = "apop|Userpass"`,
      ["APOP", "USERPASS"],
    ],
    [`ssl = { ${SSL} }\nserver.authtypes = "USERPASS"`, ["USERPASS"]],
    [`ssl = { ${SSL}, latent = true }\nserver.authtypes = "USERPASS | SASL_PLAIN"`, ["SASL_PLAIN"]],
    [`ssl = { ${SSL} }\nserver.authtypes = "-"`, []],
    ['server = { authtypes = ["USERPASS"], authtypes_ssl = "all" }', ["USERPASS"]],
    [`ssl = { ${SSL} }\nserver.authtypes_ssl = "-"`, []],
    ['server = { authtypes = "APOP", authtypes_ssl = ["USERPASS", "SASL_EXTERNAL"] }', []],
  ] as const;
  for (const [settings, expected] of rules) {
    assert.deepEqual((await listener(settings)).server.authtypes_ssl, expected, settings);
  }
});

Deno.test("loadConfig() chooses the port by whether TLS is on from the start", async () => {
  assert.equal((await listener(`ssl = { ${SSL} }`)).port, 995);
  assert.equal((await listener(`ssl = { ${SSL}, latent = "Yes" }`)).port, 110);
  assert.equal((await listener(`ssl = { ${SSL}, enabled = false }`)).port, 110);
  assert.equal((await listener("port = 0")).port, 0);
  const at = (address: string) => `server = { address = "${address}", ${LOGIN} }\n`;
  const server = async (settings: string) => (await client(settings)).server;
  assert.equal((await server(at("h") + "ssl = {}")).port, 995);
  assert.equal((await server(at("h") + "ssl.latent = true")).port, 110);
  assert.equal((await server(at("h:2110") + "ssl = {}")).port, 2110);
  const v6 = await server(at("[2001:db8::1]:1110"));
  assert.deepEqual([v6.host, v6.port], ["2001:db8::1", 1110]);
});

Deno.test("loadConfig() names listeners that have no name", async () => {
  const unnamed = "[[pop3server.listeners]]\nport = 0\n";
  const config = await configOf(`${STORE}${unnamed}${unnamed}`);
  assert.deepEqual(config.pop3server!.listeners.map(({ name }) => name), ["POP3-1", "POP3-2"]);
});

Deno.test("loadConfig() lets a listener use another's server section by configlink", async () => {
  const config = await configOf(
    `${STORE}${POP3}server = { greet = "%H% here", authtypes = "USERPASS", timeout = "10m" }
    [[pop3server.listeners]]
    name = "POP3S"
    configlink = "POP3"
    ssl = { ${SSL} }`,
    TLS_FILES,
  );
  const [plain, tls] = config.pop3server!.listeners;
  assert.equal(tls!.server.greet, "here here");
  assert.equal(tls!.server.timeout, 600_000);
  // The default still follows from the listener's own ssl.
  assert.deepEqual(plain!.server.authtypes_ssl, []);
  assert.deepEqual(tls!.server.authtypes_ssl, ["USERPASS"]);
  assert.equal("configlink" in tls!, false);
});

Deno.test("loadConfig() tells a problem of a linked server section once", async () => {
  const { problems } = await loadText(
    `${STORE}${POP3}server.timeout = "soon"
    [[pop3server.listeners]]
    name = "other"
    port = 2110
    configlink = "POP3"`,
  );
  assert.deepEqual(problems.map(({ path }) => path), ["pop3server.listeners[0].server.timeout"]);
});

Deno.test("loadConfig() drops what is disabled, whatever is in it", async () => {
  const config = await configOf(`
    [directory]
    users = "no such file"
    enabled = "N"
    [pop3server]
    enabled = false
    colour = "blue"
    [[pop3download.clients]]
    enabled = "No"
    freq = "never"
    ${CLIENT}
    downloads_directory = "d/%U%"
    server = { address = "h", ${LOGIN} }
    smtp = { enabled = false }
  `);
  assert.equal(config.directory, undefined);
  assert.equal(config.pop3server, undefined);
  assert.deepEqual(config.pop3download!.clients.map(({ id, smtp }) => [id, smtp]), [[
    "a",
    undefined,
  ]]);
});

Deno.test("loadConfig() runs a client once where freq is 0, unless runs says otherwise", async () => {
  const server = `server = { address = "h", ${LOGIN} }\n`;
  assert.equal((await client(`${server}freq = 0`)).runs, 1);
  assert.equal((await client(`${server}freq = "0"\nruns = 3`)).runs, 3);
  assert.equal((await client(`${server}freq = 0\nruns = 0`)).runs, 0);
});

Deno.test("loadConfig() finds passwords in files and in the environment", async () => {
  const withPassword = (how: string) =>
    `${CLIENT}downloads_directory = "d"\nserver = { address = "h", username = "u", ${how} }`;
  const from = async (how: string, files = {}, env = (_name: string): string | undefined => "") =>
    (await configOf(withPassword(how), files, { env })).pop3download!.clients[0]!.server.password;
  assert.equal(await from('password = " a b "'), " a b ");
  assert.equal(await from('password_file = "p"', { p: "s:e cret \r\nsecond\n" }), "s:e cret ");
  assert.equal(await from('password_file = "p"', { p: "ünï" }), "ünï");
  assert.equal(
    await from('password_env = "A_B"', {}, (name) => `value of ${name}`),
    "value of A_B",
  );
  const refused = await loadText(withPassword('password_env = "A"'), {}, { env: () => "a\nb" });
  assert.match(refused.problems[0]!.message, /line break/);
});

Deno.test("loadConfig() fills in the mail server's port", async () => {
  const port = async (smtp: string) => {
    const server = `server = { address = "h", ${LOGIN} }\n`;
    return (await client(`${server}smtp = { sender = "s@example.org", ${smtp} }`)).smtp!.server;
  };
  assert.deepEqual(await port('protocol = "LMTP"'), { host: "localhost", port: 25 });
  assert.deepEqual(await port('server = "m", tls = "implicit"'), { host: "m", port: 465 });
  assert.deepEqual(await port('server = "m:24", tls = "implicit"'), { host: "m", port: 24 });
});

Deno.test("loadConfig() accepts a recipient that an alias expands, with smtp", async () => {
  const text = `[directory]\nusers = "users"\naliases = "aliases"\n${CLIENT.replace("anna", "all")}
    server = { address = "h", ${LOGIN} }
    smtp.sender = "s@example.org"`;
  const files = { ...USERS, aliases: "all : anna : carl@example.net\n" };
  assert.equal((await configOf(text, files)).pop3download!.clients[0]!.recip, "all");
});

Deno.test("loadConfig() knows listeners that differ by interface or port", async () => {
  const two = (a: string, b: string) =>
    `${STORE}${POP3}${a}\n[[pop3server.listeners]]\nname = "b"\n${b}\n`;
  const problems = async (a: string, b: string) => (await loadText(two(a, b))).problems.length;
  assert.equal(await problems('interface = "127.0.0.1"', 'interface = "127.0.0.2"'), 0);
  assert.equal(await problems('interface = "127.0.0.1"', 'interface = "::1"'), 0);
  assert.equal(await problems("port = 0", "port = 0"), 0);
  assert.equal(await problems('interface = "0.0.0.0"', 'interface = "::1"'), 0);
  assert.equal(await problems('interface = "0.0.0.0"', 'interface = "127.0.0.1"'), 1);
  assert.equal(await problems('interface = "::"', 'interface = "127.0.0.1"'), 1);
  assert.equal(await problems('interface = "LOCALHOST"', 'interface = "127.0.0.1"'), 1);
});

Deno.test("loadConfig() accepts an EXTERNAL login by certificate alone", async () => {
  const text = `${CLIENT}downloads_directory = "d"
    server = { address = "h", authtypes = "SASL_EXTERNAL" }
    ssl = { cert = "cert", key = "key" }`;
  const config = await configOf(text, TLS_FILES);
  assert.equal(config.pop3download!.clients[0]!.server.username, undefined);
});

Deno.test("loadConfig() says that there is no config file, or a folder", async () => {
  const folder = await Deno.makeTempDir();
  const { loadConfig } = await import("../../lib/config/config.ts");
  const absent = await loadConfig(`${folder}/none.toml`);
  assert.match(absent.problems[0]!.message, /^There is no such file/);
  assert.equal(absent.config, undefined);
  assert.match((await loadConfig(folder)).problems[0]!.message, /folder/);
  await Deno.remove(folder);
});

Deno.test("loadConfig() accepts an empty file", async () => {
  const config = await configOf("", {});
  assert.equal(config.pop3server, undefined);
  assert.equal(config.pop3download, undefined);
});
