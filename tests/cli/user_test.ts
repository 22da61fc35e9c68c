import assert from "node:assert/strict";
import { join } from "node:path";
import type { CommandArgs } from "../../lib/cli/command.ts";
import { firstLine, type SecretInput } from "../../lib/cli/secret_input.ts";
import { parseUserAction, runUser, type UserOptions } from "../../lib/cli/user.ts";
import { changeFile } from "../../lib/directory/replace_file.ts";
import { UserError } from "../../lib/errors.ts";
import { capture, type Captured } from "./capture.ts";

/** Answers from a list, as a person at a terminal or a pipe. */
function answers(
  list: (string | null)[],
  interactive = false,
): SecretInput & { prompts: string[] } {
  const prompts: string[] = [];
  return {
    interactive,
    prompts,
    ask: (prompt) => {
      prompts.push(prompt);
      return Promise.resolve(list.shift() ?? null);
    },
  };
}

/** A users file in a folder of its own. */
class Fixture {
  readonly folder: string = Deno.makeTempDirSync();
  readonly file: string = join(this.folder, "users");

  constructor(text?: string) {
    if (text !== undefined) this.write(text);
  }

  get text(): string {
    return Deno.readTextFileSync(this.file);
  }

  write(text: string): void {
    Deno.writeTextFileSync(this.file, text);
  }

  entries(): string[] {
    return [...Deno.readDirSync(this.folder)].map((entry) => entry.name).sort();
  }

  mode(): number {
    return Deno.statSync(this.file).mode! & 0o777;
  }

  async run(action: UserOptions["action"], rest: Partial<UserOptions> = {}): Promise<Captured> {
    const options = { usersFile: this.file, plainpass: false, replace: false, mailOnly: false };
    return await capture(() => runUser({ ...options, action, ...rest }));
  }

  async fails(
    expected: RegExp,
    action: UserOptions["action"],
    rest: Partial<UserOptions> = {},
  ): Promise<UserError> {
    let caught: unknown;
    await this.run(action, rest).catch((error) => caught = error);
    assert.ok(caught instanceof UserError, String(caught));
    assert.match(caught.message, expected);
    return caught;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("user add creates the users file, for its owner alone, with an argon2id hash", async () => {
  using fixture = new Fixture();
  const { status, out } = await fixture.run("add", { name: "joe", input: answers(["s:e cret"]) });
  assert.equal(status, 0);
  assert.match(out, /^Added user "joe" in .*users, with the password hashed by argon2id\n$/);
  assert.match(fixture.text, /^joe:\$argon2id\$[^:]+\n$/);
  assert.equal(fixture.mode(), 0o600);
  assert.deepEqual(fixture.entries(), ["users"]);
  assert.equal(
    (await fixture.run("verify", { name: "joe", input: answers(["s:e cret"]) })).status,
    0,
  );
  const wrong = await fixture.run("verify", { name: "joe", input: answers(["secret"]) });
  assert.deepEqual(wrong, { status: 1, out: 'The password of "joe" is wrong\n', err: "" });
});

Deno.test("user add creates the folder of the users file, for its owner alone", async () => {
  using fixture = new Fixture();
  const conf = join(fixture.folder, "etc", "conf");
  const { status } = await fixture.run("add", {
    name: "joe",
    usersFile: join(conf, "users"),
    mailOnly: true,
  });
  assert.equal(status, 0);
  assert.equal(await Deno.readTextFile(join(conf, "users")), "joe\n");
  assert.equal((await Deno.stat(conf)).mode! & 0o777, 0o700);
});

Deno.test("user add stores the password as it is with plainpass, and says so", async () => {
  using fixture = new Fixture("# mine\nann:x");
  const { out } = await fixture.run("add", {
    name: "joe",
    plainpass: true,
    input: answers(["s:e cret"]),
  });
  assert.match(out, /as it is, since directory\.plainpass is true/);
  assert.equal(fixture.text, "# mine\nann:x\njoe:s:e cret\n");
});

Deno.test("user add asks a person twice, and changes nothing if the answers differ", async () => {
  using fixture = new Fixture("");
  const input = answers(["one", "two"], true);
  const error = await fixture.fails(/not the same: nothing was changed/, "add", {
    name: "joe",
    input,
  });
  assert.equal(error.status, 2);
  assert.deepEqual(input.prompts, ['Password for "joe":', "The same again:"]);
  assert.equal(fixture.text, "");
  const same = answers(["one", "one"], true);
  assert.equal((await fixture.run("add", { name: "joe", input: same, plainpass: true })).status, 0);
});

Deno.test("user add refuses passwords that cannot be stored or sent", async () => {
  using fixture = new Fixture("");
  const cases: [RegExp, string | null, boolean][] = [
    [/No password was given: its place is the first line of standard input/, null, false],
    [/No password was given/, "", false],
    [/too long: at most 1024 octets/, "\u00e4".repeat(513), false],
    [/line break or a NUL/, "a\0b", false],
    [/line break or a NUL/, "a\rb", false],
    [/white space/, " secret", true],
    [/white space/, "secret\t", true],
  ];
  for (const [expected, password, plainpass] of cases) {
    const input = answers([password]);
    const error = await fixture.fails(expected, "add", { name: "joe", plainpass, input });
    assert.equal(error.status, 2);
  }
  assert.equal(fixture.text, "");
});

Deno.test("user add refuses names that cannot be a user's", async () => {
  using fixture = new Fixture("");
  for (const name of ["", "a:b", "a\nb", " joe", "joe ", "#joe", "..", "a/b", "a\\b", "\0"]) {
    const input = answers(["x"]);
    const error = await fixture.fails(/^Cannot add the user/, "add", { name, input });
    assert.equal(error.status, 2);
    assert.deepEqual(input.prompts, []);
  }
});

Deno.test("user add replaces a password only with --replace, and then only one that is there", async () => {
  const old = "# head\n joe : old:1000:1000::/home/joe\r\nann:x\n";
  using fixture = new Fixture(old);
  const input = answers(["new"]);
  await fixture.fails(/is in .* already: .*"user add --replace joe"/, "add", {
    name: "joe",
    input,
  });
  assert.deepEqual(input.prompts, []);
  await fixture.fails(/no user "jim"/, "add", { name: "jim", replace: true, input });
  const { out } = await fixture.run("add", { name: "joe", replace: true, input });
  assert.match(out, /^Changed user "joe"/);
  // Dovecot's further fields are kept.
  assert.match(fixture.text, /^# head\njoe:\$argon2id\$[^:]+:1000:1000::\/home\/joe\r\nann:x\n$/);
});

Deno.test("user add refuses to guess which of two lines is meant", async () => {
  using fixture = new Fixture("joe:a\nann:x\njoe:b\n");
  await fixture.fails(/more than once, on lines 1 and 3/, "add", { name: "joe", replace: true });
});

Deno.test("user add --mail-only asks for no password", async () => {
  using fixture = new Fixture("joe:x:1000\n");
  assert.equal((await fixture.run("add", { name: "ann", mailOnly: true })).status, 0);
  await fixture.run("add", { name: "joe", mailOnly: true, replace: true });
  assert.equal(fixture.text, "joe::1000\nann\n");
});

Deno.test("user remove takes out a user's line and no other", async () => {
  using fixture = new Fixture("# head\njoe:a\n\njoseph:b\n");
  const { status, out } = await fixture.run("remove", { name: "joe" });
  assert.equal(status, 0);
  assert.match(out, /mail is left where it is/);
  assert.equal(fixture.text, "# head\n\njoseph:b\n");
  assert.equal((await fixture.fails(/no user "joe"/, "remove", { name: "joe" })).status, 1);
});

Deno.test("user remove does not create a users file", async () => {
  using fixture = new Fixture();
  await fixture.fails(/There is no users file/, "remove", { name: "joe" });
  assert.deepEqual(fixture.entries(), []);
});

Deno.test("user remove says that it closed the file to others", async () => {
  using fixture = new Fixture("joe:x\nann:y\n");
  await Deno.chmod(fixture.file, 0o644);
  const { err } = await fixture.run("remove", { name: "joe" });
  assert.match(
    err,
    /^Other users of this machine could read .*users: now only its owner can/,
  );
  assert.equal((await fixture.run("remove", { name: "ann" })).err, "");
});

Deno.test("user list shows how each password is stored", async () => {
  using fixture = new Fixture(
    "a:{SSHA}pUHivuyHpfYJ5aCObEzoAOPGeX/QuFtW:1:2\nb\nc:$y$x\n" +
      "d:$2y$05$CevL5/DaMPWGlPVat8sSiewa8ITpUJ5IuH.DZi7y3ERFmSnuunlSK\ne:{PLAIN}x\n" +
      "f:$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.\n",
  );
  const { status, out } = await fixture.run("list");
  assert.equal(status, 0);
  const lines = out.trimEnd().split("\n");
  assert.match(lines[2]!, /^c\tcannot log in: .*\(yescrypt\)/);
  lines.splice(2, 1);
  assert.deepEqual(lines, [
    "a\tsalted sha1",
    "b\tno password, mail only",
    "d\tbcrypt",
    "e\tplain password",
    "f\tsha256-crypt",
  ]);
});

Deno.test("user list shows what is wrong with the file, and fails", async () => {
  using fixture = new Fixture("a:x\na:y\n");
  const { status, err } = await fixture.run("list", { plainpass: true });
  assert.equal(status, 1);
  assert.match(err, /users:2: User "a" stands in the file twice/);
});

Deno.test("user verify says why nobody can log in", async () => {
  using fixture = new Fixture("a\nb:$y$x\n");
  await fixture.fails(/"a" has no password/, "verify", { name: "a" });
  await fixture.fails(/users:2: User "b" cannot log in: .*yescrypt/, "verify", { name: "b" });
  await fixture.fails(/no user "c"/, "verify", { name: "c" });
});

Deno.test("runUser() needs a users file in the config", async () => {
  using fixture = new Fixture();
  const error = await fixture.fails(/does not set directory\.users/, "list", {
    usersFile: undefined,
  });
  assert.equal(error.status, 2);
});

Deno.test("parseUserAction() reads an action and what goes with it", () => {
  const args = (positionals: string[], flags: string[] = []): CommandArgs => ({
    configFile: "",
    positionals,
    has: (flag) => flags.includes(flag),
    value: () => undefined,
    values: () => [],
  });
  assert.deepEqual(parseUserAction(args(["add", "joe"], ["replace"])), {
    action: "add",
    name: "joe",
    replace: true,
    mailOnly: false,
  });
  assert.equal(parseUserAction(args(["list"])).name, undefined);
  const bad: [string[], string[], RegExp][] = [
    [[], [], /add, remove, list, verify, was given none/],
    [["delete", "joe"], [], /not "delete"/],
    [["add"], [], /one user's name/],
    [["add", "a", "b"], [], /one user's name/],
    [["list", "joe"], [], /takes no name/],
    [["remove", "joe"], ["replace"], /"--replace" goes with "user add" only/],
  ];
  for (const [positionals, flags, expected] of bad) {
    assert.throws(
      () => parseUserAction(args(positionals, flags)),
      (error) => error instanceof UserError && error.status === 2 && expected.test(error.message),
    );
  }
});

Deno.test("firstLine() takes the first line, whatever pieces it comes in", async () => {
  const text = new TextEncoder();
  const stream = (...pieces: string[]) =>
    ReadableStream.from(pieces.map((piece) => text.encode(piece)));
  assert.equal(await firstLine(stream("secr", "et\r", "\nmore")), "secret");
  assert.equal(await firstLine(stream(" no end ")), " no end ");
  assert.equal(await firstLine(stream("\nx")), "");
  assert.equal(await firstLine(stream()), null);
  await assert.rejects(firstLine(stream("x".repeat(70_000))), /too long/);
  await assert.rejects(firstLine(ReadableStream.from([Uint8Array.of(0xff, 0x0a)])), /not UTF-8/);
});

Deno.test({
  name: "changeFile() leaves a file that was given to a group open to it (needs root)",
  ignore: Deno.uid() !== 0,
  async fn() {
    using fixture = new Fixture("a\n");
    const group = (await Deno.stat(fixture.file)).gid! + 1;
    await Deno.chown(fixture.file, null, group);
    await Deno.chmod(fixture.file, 0o644);
    assert.deepEqual(await changeFile(fixture.file, (text) => text), { closedToOthers: true });
    assert.equal(fixture.mode(), 0o640);
    assert.equal((await Deno.stat(fixture.file)).gid, group);
  },
});

Deno.test("changeFile() keeps others out, and follows a symbolic link", async () => {
  using fixture = new Fixture("a\n");
  await Deno.chmod(fixture.file, 0o644);
  const link = join(fixture.folder, "link");
  await Deno.symlink(fixture.file, link);
  assert.deepEqual(await changeFile(link, (text) => text + "b\n"), { closedToOthers: true });
  assert.equal(fixture.text, "a\nb\n");
  assert.equal(fixture.mode(), 0o600);
  assert.ok((await Deno.lstat(link)).isSymlink);
  assert.deepEqual(fixture.entries(), ["link", "users"]);
  assert.deepEqual(await changeFile(link, (text) => text), { closedToOthers: false });
});

Deno.test("changeFile() changes nothing if the change throws", async () => {
  using fixture = new Fixture("a\n");
  await assert.rejects(
    changeFile(fixture.file, () => {
      throw new UserError("no");
    }),
    /^UserError: no$/,
  );
  assert.equal(fixture.text, "a\n");
  assert.deepEqual(fixture.entries(), ["users"]);
});

Deno.test("changeFile() loses nothing between writers at once", async () => {
  using fixture = new Fixture();
  const names = Array.from({ length: 12 }, (_, i) => `user${i}`);
  await Promise.all(names.map((name) => changeFile(fixture.file, (text) => `${text}${name}\n`)));
  assert.deepEqual(fixture.text.trimEnd().split("\n").sort(), names.sort());
});

Deno.test("changeFile() gives up on a folder that stays locked", async () => {
  using fixture = new Fixture("a\n");
  using folder = await Deno.open(fixture.folder);
  assert.ok(await folder.tryLock(true));
  await assert.rejects(
    changeFile(fixture.file, (text) => text, { patience: 60 }),
    /another program holds its folder locked/,
  );
});

Deno.test("changeFile() says what it could not do", async () => {
  using fixture = new Fixture();
  await assert.rejects(
    changeFile(join(fixture.folder, "none", "users"), (text) => text),
    /^UserError: Cannot change ".*none\/users"/,
  );
  await Deno.writeFile(fixture.file, Uint8Array.of(0xff));
  await assert.rejects(changeFile(fixture.file, (text) => text), /not UTF-8 text/);
});
