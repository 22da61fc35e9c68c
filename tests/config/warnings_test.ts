import assert from "node:assert/strict";
import { formatProblem } from "../../lib/config/config.ts";
import { type Files, loadText, STORE, USERS } from "./load_text.ts";

const LOCAL = '[[pop3server.listeners]]\nname = "POP3"\ninterface = "127.0.0.1"\n';
const CLIENT = '[[pop3download.clients]]\nid = "a"\nrecip = "anna"\ndownloads_directory = "d"\n';
const SAFE = 'ssl = {}\nserver = { address = "h", username = "u", password = "p" }\n';

async function warnings(text: string, files: Files = USERS): Promise<string[]> {
  const result = await loadText(text, files);
  assert.deepEqual(result.problems, []);
  return result.warnings.map(formatProblem);
}

Deno.test("loadConfig() does not warn of a config as it should be", async () => {
  assert.deepEqual(await warnings(`${STORE}${LOCAL}${CLIENT}${SAFE}`), []);
});

Deno.test("loadConfig() warns of passwords that cross the network unencrypted", async () => {
  const [server] = await warnings(STORE + LOCAL.replace("127.0.0.1", "192.0.2.1"));
  assert.match(
    server!,
    /^pop3server\.listeners\[0\]\.server\.authtypes \(listener "POP3"\): lets passwords/,
  );
  const [client] = await warnings(CLIENT + SAFE.replace("ssl = {}", ""));
  assert.match(client!, /^pop3download\.clients\[0\]\.ssl \(client "a"\): .* unencrypted to h$/);
});

Deno.test("loadConfig() warns of a listener where nobody could log in", async () => {
  for (
    const methods of ['"-"', '"APOP"', '"SASL_EXTERNAL"', '"all"\nserver.authtypes_ssl = "all"']
  ) {
    const [warning] = await warnings(`${STORE}${LOCAL}server.authtypes = ${methods}\n`);
    assert.match(warning!, /leaves no method by which anybody could log in$/, methods);
  }
});

Deno.test("loadConfig() warns of copies at each run", async () => {
  assert.match((await warnings(`${CLIENT}${SAFE}preserve = true`))[0]!, /every message again/);
  assert.deepEqual(await warnings(`${CLIENT}${SAFE}preserve = true\ntrack_seen = true`), []);
  assert.deepEqual(await warnings(`${CLIENT}${SAFE}preserve = true\nfreq = 0`), []);
});

Deno.test("loadConfig() warns of methods and tokens that are of no use", async () => {
  const server = (more: string) =>
    `${CLIENT}ssl = {}\nserver = { address = "h", username = "u", password = "p", ${more} }`;
  const [external] = await warnings(server('authtypes = "USERPASS | SASL_EXTERNAL"'));
  assert.match(external!, /SASL_EXTERNAL needs ssl\.cert and ssl\.key; it will not be tried$/);
  const [token] = await warnings(server('token_file = "users"'));
  assert.match(token!, /token_file .* is not used/);
});

Deno.test({
  name: "loadConfig() warns of secrets that everybody can read",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const { loadConfig } = await import("../../lib/config/config.ts");
      const file = `${folder}/config.toml`;
      await Deno.writeTextFile(
        file,
        CLIENT + SAFE.replace('password = "p"', 'password_file = "p"'),
      );
      await Deno.writeTextFile(`${folder}/p`, "secret");
      await Deno.chmod(file, 0o644);
      await Deno.chmod(`${folder}/p`, 0o644);
      const [readable] = (await loadConfig(file)).warnings;
      assert.equal(readable!.path, "pop3download.clients[0].server.password_file");
      await Deno.chmod(`${folder}/p`, 0o640);
      assert.deepEqual((await loadConfig(file)).warnings, []);
      await Deno.writeTextFile(file, CLIENT + SAFE);
      const [inside] = (await loadConfig(file)).warnings;
      assert.equal(inside!.path, "pop3download.clients[0].server.password");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("loadConfig() warns of its files in folders where worker threads write", async () => {
  const oauth = `ssl = {}\nserver = { address = "h", username = "u", authtypes = "SASL_XOAUTH2", ` +
    'oauth2 = { token_endpoint = "https://h/t", client_id = "c", refresh_token_file = "token" } }\n';
  const files = { ...USERS, token: "t\n" };
  const [token, ...none] = await warnings(STORE + CLIENT + oauth, files);
  assert.match(token!, /refresh_token_file .*config\.toml \(the config file\) lies too/);
  assert.deepEqual(none, []);
  const [mail] = await warnings(
    STORE.replace("[message_store]", '[message_store]\nuserpath = "."') + LOCAL,
  );
  assert.match(mail!, /^message_store\.userpath: .*the config file/);
  const [downloads] = await warnings(CLIENT.replace('"d"', '"./%U%"') + SAFE);
  assert.match(downloads!, /downloads_directory/);
});
