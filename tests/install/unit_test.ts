import assert from "node:assert/strict";
import { runCommand, TempFolder } from "../support/program.ts";
import { Staging } from "./staging.ts";

/** Settings that may stand several times. */
const REPEATED = new Set(["ReadWritePaths", "SystemCallFilter"]);

const SECTIONS = {
  Unit: /^(Description|After|Wants)$/,
  Service:
    /^(Type|Exec(Start|Reload)|Restart(Sec|PreventExitStatus)?|TimeoutStopSec|User|Group|UMask|LimitNOFILE|EnvironmentFile|AmbientCapabilities|CapabilityBoundingSet|NoNewPrivileges|ReadWritePaths|CacheDirectory(Mode)?|(Protect|Private|Restrict)[A-Za-z]+|LockPersonality|RemoveIPC|SystemCall(Architectures|Filter|ErrorNumber))$/,
  Install: /^WantedBy$/,
};

/** A unit's settings by section, checked for form. */
function parseUnit(text: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  let section = "";
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const heading = /^\[(\w+)\]$/.exec(line);
    if (heading !== null) section = heading[1]!;
    else {
      const [, name = "", value = ""] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? assert.fail(line);
      const known = SECTIONS[section as keyof typeof SECTIONS];
      assert.match(name, known, `[${section}] ${line}`);
      settings.set(name, [...settings.get(name) ?? [], value]);
    }
  }
  for (const [name, values] of settings) {
    assert.ok(values.length === 1 || REPEATED.has(name), `${name} stands ${values.length} times`);
  }
  return settings;
}

async function installedUnit(staging: Staging, change?: (text: string) => string): Promise<string> {
  const binary = await staging.binary();
  await staging.install(binary);
  if (change !== undefined) {
    await staging.configure(change);
    await staging.install(binary);
  }
  return await Deno.readTextFile(staging.path("etc/systemd/system/mailismus.service"));
}

Deno.test("the unit gives the service its folders and its ports, and nothing else", async () => {
  await using staging = await Staging.make();
  const unit = parseUnit(await installedUnit(staging));
  const one = (name: string) => unit.get(name)?.[0];
  assert.equal(one("User"), "mailismus");
  assert.equal(one("CapabilityBoundingSet"), "CAP_NET_BIND_SERVICE");
  assert.equal(one("ProtectSystem"), "strict");
  assert.equal(one("NoNewPrivileges"), "yes");
  assert.equal(one("RestartPreventExitStatus"), "2");
  const folders = ["ms", "cache"].map((name) => staging.path(`var/lib/mailismus/${name}`));
  assert.deepEqual(unit.get("ReadWritePaths"), folders);
  // systemd starts nothing if one of these is missing.
  for (const folder of folders) assert.ok((await Deno.stat(folder)).isDirectory);
});

Deno.test("permissions makes no unit for what is no user's name, and needs no passwords", async () => {
  await using staging = await Staging.make();
  await staging.install(await staging.binary());
  await staging.configure((text) =>
    `${text}\n[[pop3download.clients]]\nid = "x"\nrecip = "x"\ndownloads_directory = "saved"\n` +
    `server = { address = "pop.example.net", username = "u", password_env = "NOT_SET_HERE" }\n`
  );
  const permissions = (...args: string[]) =>
    runCommand(staging.program, ["permissions", "--config", staging.config, ...args]);
  const wrong = await permissions("--systemd", "--user", "x\ny");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /that is no user's name/);
  const { code, stdout, stderr } = await permissions("--folders");
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    new TextDecoder().decode(stdout).trim().split("\n").sort(),
    [
      staging.path("etc/mailismus/saved"),
      ...["cache", "ms", "retriever"].map((name) => staging.path(`var/lib/mailismus/${name}`)),
    ],
  );
});

async function systemdAnalyze(args: string[]) {
  return await runCommand("systemd-analyze", args).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
}

const installed = await systemdAnalyze(["--version"]);

Deno.test({
  name: "systemd finds nothing wrong with the unit, and little exposed",
  ignore: installed === undefined,
  fn: async () => {
    await using staging = await Staging.make();
    await using folder = await TempFolder.make();
    const text = await installedUnit(
      staging,
      (config) =>
        `${config}\n[pop3download]\naudit = "%DIRLOG%/a b/100%-%DT%.log"
[[pop3download.clients]]\nid = "x"\nrecip = "x@example.org"\nsmtp = { sender = "a@example.org" }
server = { address = "pop.example.net", username = "u", password_env = "X_PASSWORD" }\n`,
    );
    const unit = `${folder.path}/mailismus.service`;
    // The program of the checkout's stand-in is not where its unit expects it.
    const own = text.replace(/^ExecStart=\S+/m, `ExecStart=${staging.program}`);
    await Deno.writeTextFile(unit, own);
    const verified = (await systemdAnalyze(["verify", "--man=no", unit]))!;
    const about = verified.stderr.split("\n").filter((line) => line.includes("mailismus.service"));
    assert.deepEqual(about, []);
    assert.equal(verified.code, 0, verified.stderr);
    const security = (await systemdAnalyze([
      "security",
      "--offline=yes",
      "--threshold=25",
      "--no-pager",
      unit,
    ]))!;
    assert.equal(security.code, 0, new TextDecoder().decode(security.stdout) + security.stderr);
  },
});
