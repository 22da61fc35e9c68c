import assert from "node:assert/strict";
import { join } from "node:path";
import { parseAccountFlag } from "../../lib/init/account_flag.ts";
import { Fixture, Person, tls } from "./init_fixture.ts";

Deno.test("init asks a person for all that no flag says", async () => {
  using fixture = new Fixture();
  const person = new Person(
    ["Serve mailboxes", ""],
    ["Certificate", "nowhere.pem"],
    ["Certificate", `${tls}server.pem`],
    ["private key", `${tls}server.key`],
    ["Address to listen on", ""],
    ["Port [995]", "99999"],
    ["Port [995]", " 2995 "],
    ["first user", "a/b"],
    ["first user", "anna"],
    ['Password for "anna"', ""],
    ['Password for "anna"', " one "],
    ["The same again", "two"],
    ['Password for "anna"', " one "],
    ["The same again", " one "],
    ["another user", ""],
    ["address of an account", "anna@icloud.com"],
    ["Provider [icloud]", ""],
    ["address of an account", "anna@example.net"],
    ["Provider [isp]", "yahooo"],
    ["Provider [isp]", ""],
    ["POP3 server", "pop.example.net"],
    ["Encryption", "stls"],
    ["Port [110]", ""],
    ["Password", "remote"],
    ["Deliver to", "folder"],
    ["Folder [%DIRVAR%/downloads/anna-isp]", ""],
    ["Leave the messages", "perhaps"],
    ["Leave the messages", "yes"],
    ["Time between", "often"],
    ["Time between", "90s"],
    ["another account", "anna@gmail.com"],
    ["Provider [gmail]", ""],
    ["App password", "abcd efgh ijkl mnop"],
    ["Deliver to", ""],
    ["Local user", "bert"],
    ["Leave the messages", ""],
    ["Time between", ""],
    ["another account", ""],
    ['Password for "bert"', "two"],
    ["The same again", "two"],
  );
  await fixture.run([], person);
  assert.equal(person.left, 0);
  const config = await fixture.checked();
  assert.equal(config.pop3server!.listeners[0]!.interface, undefined);
  assert.equal(config.pop3server!.listeners[0]!.port, 2995);
  assert.deepEqual(
    config.pop3download!.clients.map(({ id, server, recip, freq, preserve }) => [
      id,
      server.host,
      server.port,
      server.password,
      recip,
      freq,
      preserve,
    ]),
    [
      ["anna-isp", "pop.example.net", 110, "remote", "files", 90_000, true],
      ["anna-gmail", "pop.gmail.com", 995, "abcdefghijklmnop", "bert", 600_000, false],
    ],
  );
  assert.match(fixture.text("conf/users"), /^anna:\$argon2id\$.*\nbert:\$argon2id\$.*\n$/);
  const told = person.told.join("\n");
  for (
    const expected of [
      /Cannot find the file ".*nowhere\.pem"/,
      /99999 is not allowed/,
      /"a\/b" cannot be a user: it holds "\/"/,
      /A password is needed/,
      /not the same: once more/,
      /iCloud Mail has no POP3, only IMAP/,
      /"yahooo" is no provider known here: gmail, outlook/,
      /"perhaps" is neither yes nor no/,
      /"often" is not allowed/,
      / {2}- Enable POP in Gmail's settings/,
      /unseen: App password:/,
      /unseen: Password for "anna":/,
    ]
  ) assert.match(told, expected);
});

Deno.test("init writes nothing when the person leaves", async () => {
  using fixture = new Fixture();
  const person = new Person(["Serve mailboxes", "no"], ["address of an account", null]);
  await fixture.fails(/^Stopped before the end: nothing was written$/, [], person);
  assert.deepEqual(fixture.written(), []);
});

Deno.test("init without a terminal names the flags that are missing", async () => {
  using fixture = new Fixture();
  const cases: [string[], RegExp[]][] = [
    [[], [/flags must give all answers\. Missing: --serve yes\|no \(whether/]],
    [["--serve", "yes"], [/Missing: --user NAME=FILE/]],
    [["--serve", "yes", "--user", "anna"], [/Missing: --user anna=FILE/]],
    [
      ["--serve", "no", "--account", "provider=gmail"],
      [/--account username=USER/, /--account password=FILE/, /mailbox=USER, folder=PATH or smtp/],
    ],
    [
      ["--serve", "no", "--account", "username=a@outlook.com,folder=x"],
      [/--account client-id=ID; --account refresh-token=FILE/],
    ],
    [
      ["--serve", "no", "--account", "username=a,folder=x"],
      [/--account host=HOST; --account password=FILE/],
    ],
    [["--serve", "yes", "--cert", `${tls}server.pem`], [/--key FILE/]],
  ];
  for (const [args, expected] of cases) {
    for (const each of expected) await fixture.fails(each, args);
  }
  const password = fixture.secret("p", "x");
  await fixture.fails(/Missing: --user bert=FILE/, [
    ...["--serve", "yes", "--user", `anna=${password}`],
    ...["--account", `username=a@aol.com,password=${password},mailbox=bert`],
  ]);
  assert.deepEqual(fixture.written(), []);
});

Deno.test("init says which flag is wrong", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  const empty = fixture.secret("e", "\nx");
  const account = (text: string): string[] => ["--serve", "no", "--account", text];
  const cases: [RegExp, string[]][] = [
    [/^--serve yes\|no.*: "perhaps" is neither yes nor no$/, ["--serve", "perhaps"]],
    [/^--port N: 0 is not allowed/, ["--serve", "yes", "--port", "0"]],
    [/^--interface ADDRESS: "a b" is not allowed/, ["--serve", "yes", "--interface", "a b"]],
    [/^--cert FILE: Cannot find the file/, ["--serve", "yes", "--cert", "/nowhere"]],
    [/^--cert FILE: ".*" is no file/, ["--serve", "yes", "--cert", fixture.folder]],
    [/^--key goes with --cert only/, ["--serve", "yes", "--key", password]],
    [/^--port goes with --serve yes only/, ["--serve", "no", "--port", "110"]],
    [/^--user NAME=FILE: "a:b" cannot be a user/, ["--serve", "yes", "--user", "a:b=x"]],
    [/^--user anna=FILE.*: Cannot read "\/nowhere"/, ["--serve", "yes", "--user", "anna=/nowhere"]],
    [/: The first line of ".*" is empty/, ["--serve", "yes", "--user", `anna=${empty}`]],
    [
      /there is a user "anna" already/,
      ["--serve", "yes", "--user", `anna=${password}`, "--user", `anna=${password}`],
    ],
    [/^No mailboxes to serve and no accounts to collect from/, ["--serve", "no"]],
    [/^--account: "pasword" is unknown; did you mean "password"\?$/, account("pasword=x")],
    [/^--account: "password" needs a value/, account("password=")],
    [/^--account: "every" is given twice$/, account("every=1m,every=2m")],
    [/"hotmale" is no provider known here/, account("username=a,provider=hotmale")],
    [/iCloud Mail has no POP3, only IMAP/, account("username=a@me.com")],
    [/takes no passwords, but OAuth/, account(`username=a@live.com,password=${password}`)],
    [
      /password stands beside a token/,
      account(`username=a@gmail.com,password=${password},token=${password}`),
    ],
    [
      /refresh tokens are known for gmail, outlook, microsoft365 alone/,
      account(`username=a@aol.com,client-id=x,refresh-token=${password}`),
    ],
    [
      /mailbox stands beside folder; one destination/,
      account(`username=a@aol.com,password=${password},mailbox=a,folder=b`),
    ],
    [/no address such as/, account(`username=a@aol.com,password=${password},smtp=<a>`)],
    [/"\.\.\/x" is no id/, account(`username=a@aol.com,password=${password},mailbox=a,id=../x`)],
    [/"a\/b" cannot be a user/, account(`username=a@aol.com,password=${password},mailbox=a/b`)],
    [/"x" is none of implicit, stls and none/, account(`username=a@aol.com,tls=x`)],
  ];
  for (const [expected, args] of cases) await fixture.fails(expected, args);
  assert.deepEqual(fixture.written(), []);
});

Deno.test("init sets an account up that has no token yet, and leaves it off", async () => {
  using fixture = new Fixture();
  const person = new Person(
    ["Serve mailboxes", "no"],
    ["an account", "a@hotmail.com"],
    ["Provider [outlook]", ""],
    ["Client id", "c1"],
    ["Refresh token", ""],
    ["Deliver to", "smtp"],
    ["Address", "a@example.org"],
    ["Mail server", ""],
    ["Sender", ""],
    ["Leave", ""],
    ["Time", ""],
    ["another account", ""],
  );
  const { out } = await fixture.run([], person);
  assert.match(out, /Put the refresh token into conf\/tokens\/a-outlook\.refresh/);
  assert.deepEqual((await fixture.checked()).pop3download!.clients, []);
  assert.match(fixture.text("config.toml"), /^enabled = false$/m);
  await Deno.mkdir(join(fixture.folder, "new/conf/tokens"), { recursive: true });
  await Deno.writeTextFile(join(fixture.folder, "new/conf/tokens/a-outlook.refresh"), "t", {
    mode: 0o600,
  });
  await Deno.writeTextFile(
    fixture.config,
    fixture.text("config.toml").replace("enabled = false\n", ""),
  );
  assert.equal((await fixture.checked()).pop3download!.clients.length, 1);
});

Deno.test("parseAccountFlag() keeps what stands behind the first equals sign", () => {
  assert.deepEqual(
    [...parseAccountFlag("username=a=b@c , password = /x y/z")],
    [["username", "a=b@c"], ["password", "/x y/z"]],
  );
});
