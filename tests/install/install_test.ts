import assert from "node:assert/strict";
import { PopClient } from "../support/pop_client.ts";
import { Program, runCommand } from "../support/program.ts";
import { ROOT, Staging } from "./staging.ts";

const MESSAGE = "From: a@example.org\nSubject: A test\n\nRead me.\n";

/** Any free port instead of one that needs a privilege, and an own comment. */
const ownConfig = (text: string) => text.replace(/^port = 110$/m, "port = 0 # my own");

async function addUser(staging: Staging, name: string, password: string): Promise<void> {
  const args = ["user", "add", name, "--config", staging.config];
  const { code, stderr } = await runCommand(staging.program, args, { input: `${password}\n` });
  assert.equal(code, 0, stderr);
}

async function addMessage(staging: Staging): Promise<string> {
  const inbox = staging.path("var/lib/mailismus/ms/anna/Maildir/new");
  await Deno.mkdir(inbox, { recursive: true });
  await Deno.writeTextFile(`${inbox}/1.first`, MESSAGE);
  return `${inbox}/1.first`;
}

Deno.test("install.sh sets everything up, with the right modes, and changes nothing a second time", async () => {
  await using staging = await Staging.make();
  const binary = await staging.binary();
  const said = await staging.install(binary);
  assert.match(
    said,
    /Installed mailismus \d+\.\d+\.\d+[^\n]* as \S+\/usr\/local\/bin\/mailismus\n/,
  );
  assert.match(said, /Next: /);
  const tree = staging.tree();
  const kinds = [...tree].map(([path, what]) => [path, what.split(" ").slice(0, 2).join(" ")]);
  const modes = Object.fromEntries(kinds);
  assert.equal(modes["usr/local/bin/mailismus"], "file 755");
  assert.equal(modes["etc/mailismus"], "folder 750");
  assert.equal(modes["etc/mailismus/config.toml"], "file 640");
  assert.equal(modes["etc/mailismus/conf"], "folder 750");
  assert.equal(modes["etc/mailismus/conf/users"], "file 640");
  assert.equal(modes["etc/systemd/system/mailismus.service"], "file 644");
  assert.equal(modes["var/lib/mailismus"], "folder 700");
  assert.equal(modes["var/lib/mailismus/ms"], "folder 700");
  assert.equal(modes["var/lib/mailismus/cache"], "folder 700");
  assert.equal(modes["var/log/mailismus"], "folder 750");
  const leftOver = [...tree.keys()].filter((path) => /\.new|\.err/.test(path));
  assert.deepEqual(leftOver, []);

  const again = await staging.install(binary);
  assert.match(again, /mailismus is mailismus \S+.* already/);
  assert.deepEqual(staging.tree(), tree);
});

Deno.test("install.sh writes a unit for this config and the chosen user, which stays at an upgrade", async () => {
  await using staging = await Staging.make();
  const binary = await staging.binary();
  await staging.install("--user", "postmaster", binary);
  const unit = staging.path("etc/systemd/system/mailismus.service");
  const first = await Deno.readTextFile(unit);
  assert.match(first, /^User=postmaster$/m);
  assert.match(first, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
  assert.ok(first.includes(`serve --config ${staging.config}\n`));
  if (Deno.env.get("MAILISMUS_BIN")) {
    assert.ok(first.includes(`ExecStart=${staging.program} serve`));
  }
  // The unit follows the config.
  await staging.configure((text) =>
    text.replace("port = 110", "port = 2110").replace(
      'userpath = "%DIRVAR%/ms"',
      `userpath = "${staging.prefix}/srv/mail"`,
    )
  );
  await staging.install(binary);
  const second = await Deno.readTextFile(unit);
  assert.match(second, /^User=postmaster$/m);
  assert.doesNotMatch(second, /^AmbientCapabilities/m);
  assert.ok(second.includes(`ReadWritePaths=${staging.prefix}/srv/mail\n`));
  assert.ok((await Deno.stat(staging.path("srv/mail"))).isDirectory);
});

Deno.test("install.sh upgrades below a changed config and mail, and the result serves them", async () => {
  await using staging = await Staging.make();
  await staging.install(await staging.binary("1"));
  await addUser(staging, "anna", "welcome");
  await staging.configure(ownConfig);
  const message = await addMessage(staging);
  const config = await Deno.readTextFile(staging.config);

  // As if the version before had had another default.
  await Deno.writeTextFile(staging.path("etc/mailismus/config.toml.shipped"), "# older\n");
  const next = await staging.binary("2");
  if (!Deno.env.get("MAILISMUS_BIN")) {
    assert.match(await staging.install(next), /Kept \S+; the config of the new version is beside/);
    assert.deepEqual(await Deno.readFile(staging.program), await Deno.readFile(next));
  } else await staging.install(next);
  assert.equal(await Deno.readTextFile(staging.config), config);
  assert.match(await Deno.readTextFile(`${staging.config}.new`), /^port = 110$/m);
  assert.equal(await Deno.readTextFile(message), MESSAGE);
  // What the version brought is offered once.
  await Deno.remove(`${staging.config}.new`);
  assert.doesNotMatch(await staging.install(next), /Kept/);
  await assert.rejects(Deno.stat(`${staging.config}.new`));

  await using program = await Program.start({
    folder: staging.prefix,
    command: () =>
      Promise.resolve({ command: staging.program, args: ["serve", "--config", staging.config] }),
    listeners: ["POP3"],
  });
  using client = await PopClient.login(program.port("POP3"), "anna", "welcome");
  const { data } = await client.ok("RETR 1");
  assert.equal(new TextDecoder().decode(data), MESSAGE.replaceAll("\n", "\r\n"));
  await client.ok("QUIT");
  await program.stop();
});

Deno.test("install.sh lets an unchanged config follow the new version", async () => {
  await using staging = await Staging.make();
  const binary = await staging.binary();
  await staging.install(binary);
  const shipped = await Deno.readTextFile(staging.config);
  const older = shipped.replace("# The config of the", "# The old config of the");
  for (const name of ["config.toml", "config.toml.shipped"]) {
    await Deno.writeTextFile(staging.path(`etc/mailismus/${name}`), older);
  }
  assert.match(await staging.install(binary), /Replaced \S+ by that of the new version/);
  assert.equal(await Deno.readTextFile(staging.config), shipped);
});

Deno.test("install.sh --uninstall keeps config and mail, --purge does not, and both can be repeated", async () => {
  await using staging = await Staging.make();
  const binary = await staging.binary();
  await staging.install(binary);
  await staging.configure((text) =>
    text.replace('userpath = "%DIRVAR%/ms"', `userpath = "${staging.prefix}/srv/mail"`)
  );
  await staging.install(binary);
  const message = await addMessage(staging);
  const config = await Deno.readTextFile(staging.config);
  const said = await staging.install("--uninstall");
  assert.match(
    said,
    /Removed \S+mailismus\.service\nRemoved \S+bin\/mailismus\nKept \S+etc\/mailismus\n/,
  );
  assert.ok(said.includes(`Kept ${staging.prefix}/srv/mail\n`));
  assert.equal(await Deno.readTextFile(staging.config), config);
  assert.equal(await Deno.readTextFile(message), MESSAGE);
  await assert.rejects(Deno.stat(staging.program));
  assert.match(await staging.install("--uninstall"), /^Nothing of Mailismus is installed/);

  await staging.install(binary);
  assert.equal(await Deno.readTextFile(staging.config), config);
  await staging.install("--uninstall", "--purge");
  const files = [...staging.tree()].filter(([, what]) => what.startsWith("file"));
  assert.deepEqual(files, []);
  // Mail that a config keeps elsewhere is never removed.
  assert.ok((await Deno.stat(staging.path("srv/mail"))).isDirectory);
  assert.match(await staging.install("--uninstall", "--purge"), /^Nothing of Mailismus/);
});

Deno.test("install.sh says what stands against it, before it changes anything", async (t) => {
  await using staging = await Staging.make();
  const refused = async (args: string[], status: number, message: RegExp) => {
    const { code, stderr } = await staging.run(...args);
    assert.equal(code, status, stderr);
    assert.match(stderr, message);
  };
  await t.step("a wrong command line", async () => {
    await refused(["--purge"], 2, /--purge goes with --uninstall only/);
    await refused(["--colour"], 2, /"--colour" is not known/);
    await refused(["--user"], 2, /--user needs a value/);
    await refused(["--user", "a b"], 2, /"a b" is no user's name/);
    await refused(["one", "two"], 2, /one program, not both "one" and "two"/);
  });
  await t.step("no program, or one that does not run here", async () => {
    await refused(["/nowhere/mailismus"], 1, /"\/nowhere\/mailismus": there is no such file/);
    await refused([ROOT], 1, /it is not a file/);
    await refused([`${ROOT}/LICENSE`], 1, /does not run here, so nothing was installed/);
  });
  await t.step("a folder that cannot stand in a config", async () => {
    const args = [`${ROOT}/scripts/install.sh`, "--prefix", `${staging.prefix}/a"b`];
    const { code, stderr } = await runCommand("sh", args);
    assert.equal(code, 1);
    assert.match(stderr, /holds a character that cannot stand in a config/);
  });
  const files = () => [...staging.tree()].filter(([, what]) => what.startsWith("file"));
  assert.deepEqual(files(), []);
  await t.step("a config that the program does not take", async () => {
    await staging.install(await staging.binary());
    await staging.configure((text) => text.replace("port = 110", 'prot = "110"'));
    const before = staging.tree();
    await refused(
      [await staging.binary("2")],
      1,
      /config has problems, so nothing was changed[^]*listeners\[0\]\.prot[^]*"port"/,
    );
    assert.deepEqual(staging.tree(), before);
  });
});

Deno.test("install.sh finds the program beside itself, and takes a relative prefix", async () => {
  await using staging = await Staging.make();
  const folder = staging.prefix;
  await Deno.mkdir(folder);
  await Deno.copyFile(`${ROOT}/scripts/install.sh`, `${folder}/install.sh`);
  const { code, stderr } = await runCommand("sh", ["install.sh", "--prefix", "h"], { cwd: folder });
  assert.equal(code, 1);
  assert.match(stderr, /finds no program for \S+ in dist\/ or beside itself/);
  await Deno.rename(await staging.binary(), `${folder}/mailismus`);
  const found = await runCommand("sh", ["install.sh", "--prefix", "h"], { cwd: folder });
  assert.equal(found.code, 0, found.stderr);
  assert.ok((await Deno.stat(`${folder}/h/usr/local/bin/mailismus`)).isFile);
});

Deno.test("install.sh --help names every option that it takes", async () => {
  const script = await Deno.readTextFile(`${ROOT}/scripts/install.sh`);
  const { stdout, code } = await runCommand("sh", [`${ROOT}/scripts/install.sh`, "--help"]);
  assert.equal(code, 0);
  const help = new TextDecoder().decode(stdout);
  const options = new Set(script.match(/^ {6}--[a-z]+(?=\)| \|)/gm)?.map((one) => one.trim()));
  assert.ok(options.size >= 4);
  for (const option of options) assert.ok(help.includes(option), option);
});
