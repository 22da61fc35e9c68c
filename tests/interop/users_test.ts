/**
 * Users files: passwords hashed by other programs, and by the program's own `user` command while
 * the server runs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { peerTest } from "../support/peers.ts";
import { PopClient } from "../support/pop_client.ts";
import { configText, Program, runCommand, runProgram } from "../support/program.ts";

const PASSWORD = "wönder land";

const CONFIG = configText()
  .replace("plainpass = true", "plainpass = false")
  .replace(`auth_delay = "100ms"`, "auth_delay = 0");

/** Whether the server takes the password. */
async function accepts(port: number, user: string, password: string): Promise<boolean> {
  using client = await PopClient.connect(port);
  await client.ok(`USER ${user}`);
  const { status } = await client.command(`PASS ${password}`);
  if (!status.startsWith("+OK")) {
    assert.match(status, /^-ERR \[AUTH\] /);
    return false;
  }
  await client.ok("QUIT");
  return true;
}

async function checkHashes(t: Deno.TestContext, hashes: Map<string, string>): Promise<void> {
  await using program = await Program.start({
    config: CONFIG,
    users: [...hashes].map(([user, hash]) => `${user}:${hash}\n`).join(""),
  });
  const port = program.port("plain");
  for (const user of hashes.keys()) {
    await t.step(user, async () => {
      assert.equal(await accepts(port, user, PASSWORD), true);
      assert.equal(await accepts(port, user, PASSWORD + " "), false);
      assert.equal(await accepts(port, user, PASSWORD.slice(0, -1)), false);
    });
  }
  await t.step("and no digests are offered", async () => {
    using client = await PopClient.connect(port);
    assert.doesNotMatch(client.greeting, /[<>]/);
    const capa = new TextDecoder().decode((await client.ok("CAPA")).data);
    assert.doesNotMatch(capa, /CRAM-MD5/);
  });
  await program.stop();
}

peerTest(["doveadm"], "the program takes passwords that Dovecot hashed", async (t) => {
  const schemes = ["ARGON2ID", "BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "SSHA", "SSHA256"]
    .concat("SSHA512", "SHA256", "SHA256.HEX", "PLAIN", "SCRAM-SHA-256");
  const hashes = new Map<string, string>();
  for (const scheme of schemes) {
    const { code, stdout, stderr } = await runCommand("doveadm", [
      ...["-c", "/dev/null", "pw", "-s", scheme, "-p", PASSWORD],
    ]);
    assert.equal(code, 0, stderr);
    hashes.set(scheme.toLowerCase(), new TextDecoder().decode(stdout).trim());
  }
  // A passwd-file's further fields.
  hashes.set("passwd-file", `${hashes.get("sha512-crypt")}:1000:1000::/home/x::`);
  await checkHashes(t, hashes);
});

peerTest(["openssl"], "the program takes passwords that openssl hashed", async (t) => {
  const hashes = new Map<string, string>();
  for (const kind of ["5", "6"]) {
    const { code, stdout, stderr } = await runCommand("openssl", ["passwd", `-${kind}`, PASSWORD]);
    assert.equal(code, 0, stderr);
    hashes.set(`kind-${kind}`, new TextDecoder().decode(stdout).trim());
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(PASSWORD));
  hashes.set("own-sha256", new Uint8Array(digest).toHex());
  await checkHashes(t, hashes);
});

Deno.test("the user command changes the users of a running server", async () => {
  await using program = await Program.start({ config: CONFIG, users: "" });
  const port = program.port("plain");
  const user = async (args: string[], input = "") => {
    const all = ["user", ...args, "--config", `${program.folder}/config.toml`];
    const { code, stdout, stderr } = await runProgram(all, { input });
    return { code, text: new TextDecoder().decode(stdout) + stderr };
  };
  const becomes = async (name: string, password: string, expected: boolean) => {
    const deadline = performance.now() + 15_000;
    while (await accepts(port, name, password) !== expected) {
      assert(performance.now() < deadline, `${name} ${expected ? "cannot" : "can still"} log in`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  assert.deepEqual((await user(["add", "joe"], `${PASSWORD}\n`)).code, 0);
  assert.equal((await Deno.stat(`${program.folder}/users`)).mode! & 0o777, 0o600);
  await becomes("joe", PASSWORD, true);
  assert.equal((await user(["verify", "joe"], `${PASSWORD}\n`)).code, 0);
  assert.equal((await user(["verify", "joe"], "something else\n")).code, 1);
  assert.equal((await user(["add", "joe"], "another\n")).code, 1);
  assert.equal((await user(["add", "--replace", "joe"], "another\n")).code, 0);
  await becomes("joe", "another", true);
  assert.equal(await accepts(port, "joe", PASSWORD), false);
  assert.match((await user(["list"])).text, /^joe\b/m);
  assert.equal((await user(["remove", "joe"])).code, 0);
  await becomes("joe", "another", false);
  await program.stop();
});
