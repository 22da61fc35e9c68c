import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../../lib/config/config.ts";
import { loadText } from "./load_text.ts";

const shipped = new URL("../../config.toml", import.meta.url);

Deno.test("the config.toml of the distribution is right as it stands, and local", async () => {
  const { config, problems, warnings } = await loadConfig(fileURLToPath(shipped));
  assert.deepEqual(problems, []);
  assert.deepEqual(warnings, []);
  const [listener, ...others] = config!.pop3server!.listeners;
  assert.deepEqual([listener!.interface, listener!.port], ["127.0.0.1", 2110]);
  assert.deepEqual(others, []);
});

Deno.test("the comments of config.toml are settings that there are", async () => {
  const text = await Deno.readTextFile(shipped);
  // A commented setting is "# key = value" or "# [table]"; the rest is prose.
  const settings = text.replaceAll(/^# ((?:\[|[\w.]+ = ).*)$/gm, "$1");
  const { problems } = await loadText(settings, {}, { env: () => "secret" });
  assert.ok(problems.some(({ path }) => path === "pop3server.listeners[2].ssl.key"));
  assert.ok(problems.some(({ path }) => path === "pop3download.clients[2].server.password_file"));
  // Only the files are not there.
  assert.deepEqual(problems.filter(({ message }) => !message.includes("is not there")), []);
});
