import assert from "node:assert/strict";
import { join } from "node:path";
import { createAuthenticator } from "../../lib/auth/authenticator.ts";
import { createLocalHashPool } from "../../lib/auth/local_hashes.ts";
import { parseUsers } from "../../lib/directory/users_file.ts";
import { findProvider, providerOf, PROVIDERS } from "../../lib/init/providers.ts";
import { Fixture, nobody, Person, tls } from "./init_fixture.ts";

const UNIX = Deno.build.os !== "windows";

Deno.test("init by flags alone writes a config that passes check, and keeps secrets in files of their own", async () => {
  using fixture = new Fixture();
  const [secretA, secretB, secretC] = ["local-secret", "remote-secret", "refresh-secret"];
  const local = fixture.secret("a", `${secretA}\nsecond line\n`);
  const remote = fixture.secret("b", `${secretB}\r\n`);
  const refresh = fixture.secret("c", secretC);
  const { out, err, status } = await fixture.run([
    ...["--serve", "yes", "--cert", `${tls}server.pem`, "--key", fixture.key()],
    ...["--interface", "127.0.0.1", "--port", "2995", "--user", `anna=${local}`],
    ...["--account", `username=anna@yahoo.com,password=${remote},mailbox=anna`],
    ...[
      "--account",
      `username=a@hotmail.com,client-id=c1,refresh-token=${refresh},smtp=a@b.example`,
    ],
    "--account",
    `username=u,host=pop.example.org,tls=stls,password=${remote},folder=%DIRVAR%/d/%U%,keep=yes,every=1h,id=x`,
  ]);
  assert.deepEqual([status, err], [0, ""]);
  const config = await fixture.checked();
  const [listener] = config.pop3server!.listeners;
  assert.deepEqual(
    [listener!.name, listener!.port, listener!.interface, listener!.ssl!.latent],
    ["POP3S", 2995, "127.0.0.1", false],
  );
  const [yahoo, outlook, isp] = config.pop3download!.clients;
  assert.deepEqual(
    [yahoo!.id, yahoo!.recip, yahoo!.server.host, yahoo!.server.port, yahoo!.server.password],
    ["anna-yahoo", "anna", "pop.mail.yahoo.com", 995, secretB],
  );
  assert.deepEqual([yahoo!.preserve, yahoo!.freq, yahoo!.ssl!.latent], [false, 600_000, false]);
  assert.deepEqual(outlook!.server.authtypes, ["SASL_XOAUTH2"]);
  assert.deepEqual(outlook!.server.oauth2, {
    token_endpoint: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    client_id: "c1",
    refresh_token_file: join(fixture.folder, "new/conf/tokens/a-outlook.refresh"),
    scope: "https://outlook.office.com/POP.AccessAsUser.All offline_access",
  });
  assert.deepEqual(outlook!.smtp!.server, { host: "localhost", port: 25 });
  assert.equal(outlook!.recip, "a@b.example");
  assert.deepEqual(
    [isp!.id, isp!.server.port, isp!.ssl!.latent, isp!.preserve, isp!.track_seen, isp!.freq],
    ["x", 110, true, true, true, 3_600_000],
  );
  assert.equal(isp!.downloads_directory, join(fixture.folder, "new/var/d/%U%"));

  const where = (secret: string): string[] =>
    fixture.written().filter((file) => Deno.readTextFileSync(file).includes(secret))
      .map((file) => file.slice(file.lastIndexOf("/") + 1));
  assert.deepEqual(where(secretA), []);
  assert.deepEqual(where(secretB), ["anna-yahoo.password", "x.password"]);
  assert.deepEqual(where(secretC), ["a-outlook.refresh"]);
  assert.ok(![secretA, secretB, secretC].some((secret) => out.includes(secret)));
  assert.equal(fixture.text("conf/tokens/a-outlook.refresh"), `${secretC}\n`);
  if (UNIX) {
    for (const file of fixture.written().filter((path) => path.includes("/conf/"))) {
      assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600, file);
    }
  }
  assert.equal(fixture.written().length, 5);

  const users = fixture.text("conf/users");
  assert.match(users, /^anna:\$argon2id\$\S+\n$/);
  const lines = [{ number: 1, text: users.trim() }];
  const { credentials } = parseUsers(lines, { file: "users", plainpass: false });
  const outcome = await createAuthenticator(credentials, createLocalHashPool())
    .checkPassword("anna", secretA);
  assert.equal(outcome.kind, "accepted");
});

Deno.test("init says what to do before the first run, and what to run next", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  const { out } = await fixture.run([
    ...["--serve", "yes", "--user", `anna=${password}`],
    ...["--account", `username=anna@gmail.com,password=${password},mailbox=anna`],
  ]);
  assert.match(out, /^Wrote .*conf\/users\nWrote .*anna-gmail\.password\nWrote .*config\.toml\n/);
  assert.match(out, /Before the first run, for anna@gmail\.com \(Gmail\):\n {2}- Enable POP/);
  const next = out.slice(out.indexOf("Next:")).replaceAll(fixture.config, "CONFIG");
  assert.equal(
    next,
    "Next:\n  mailismus check --config CONFIG\n" +
      "  mailismus retrieve --once --dry-run --config CONFIG\n" +
      "  mailismus serve --config CONFIG\n" +
      "Port 110 takes a right that root has, or the service that this describes:\n" +
      "  mailismus permissions --systemd --config CONFIG\n",
  );
});

Deno.test("init overwrites nothing, and names what is in the way", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  const args = [
    ...["--serve", "no", "--account"],
    `username=a@aol.com,password=${password},mailbox=anna`,
  ];
  for (const name of ["config.toml", "conf/users", "conf/a-aol.password"]) {
    const path = join(fixture.folder, "new", name);
    await Deno.mkdir(join(fixture.folder, "new/conf"), { recursive: true });
    await Deno.writeTextFile(path, "mine");
    // The first two are seen before anything is asked.
    const asker = name === "conf/a-aol.password" ? nobody : new Person();
    await fixture.fails(
      new RegExp(`${name}" is there already, and nothing is overwritten`),
      args,
      asker,
    );
    assert.deepEqual(fixture.written(), [path]);
    assert.equal(await Deno.readTextFile(path), "mine");
    await Deno.remove(path);
  }
  if (UNIX) {
    await Deno.symlink(join(fixture.folder, "elsewhere"), fixture.config);
    await fixture.fails(/config\.toml" is there already/, args);
  }
});

Deno.test("init leaves nothing behind of a config that would not work", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  await fixture.fails(/Cannot use the config .*\n.*ssl\.cert.* cannot be used/, [
    ...["--serve", "yes", "--cert", password, "--key", password, "--user", `anna=${password}`],
  ]);
  await fixture.fails(/downloads_directory.*%NONE%, which means nothing here/, [
    ...["--serve", "no", "--account"],
    `username=a@aol.com,password=${password},folder=%NONE%/x`,
  ]);
  await assert.rejects(Deno.stat(join(fixture.folder, "new")), Deno.errors.NotFound);
});

Deno.test("init gives a recipient who logs in nowhere no password", async () => {
  using fixture = new Fixture();
  const password = fixture.secret("p", "x");
  await fixture.run([
    ...["--serve", "no", "--account"],
    `username=a@aol.com,password=${password},mailbox=anna`,
  ]);
  assert.equal(fixture.text("conf/users"), "anna\n");
  assert.equal((await fixture.checked()).pop3server, undefined);
});

Deno.test("init takes every provider that has POP3", async () => {
  for (const { id, pop3, host, port, tls: mode, login } of PROVIDERS) {
    if (!pop3) continue;
    using fixture = new Fixture();
    const secret = fixture.secret("s", "x");
    const proof = login === "OAuth" ? `client-id=c,refresh-token=${secret}` : `password=${secret}`;
    const place = host === undefined ? ",host=pop.example.org" : "";
    await fixture.run([
      ...["--serve", "no", "--account"],
      `username=a@example.org,provider=${id},${proof},folder=mail${place}`,
    ]);
    const [client] = (await fixture.checked()).pop3download!.clients;
    assert.equal(client!.server.host, host ?? "pop.example.org");
    assert.equal(client!.server.port, port);
    assert.equal(client!.ssl!.latent, mode === "stls");
  }
});

Deno.test("init takes OAuth and tokens of other programs where they are given", async () => {
  using fixture = new Fixture();
  const token = fixture.secret("s", "x");
  if (UNIX) await Deno.chmod(token, 0o600);
  await fixture.run([
    "--serve",
    "no",
    ...["--account", `username=a@gmail.com,client-id=c,refresh-token=${token},folder=a`],
    ...["--account", `username=b@aol.com,token=${token},folder=b`],
  ]);
  const [gmail, aol] = (await fixture.checked()).pop3download!.clients;
  assert.equal(gmail!.server.oauth2!.token_endpoint, "https://oauth2.googleapis.com/token");
  assert.equal(aol!.server.token_file, token);
});

Deno.test("providerOf() knows a provider by its addresses", () => {
  const cases: [string, string | undefined][] = [
    ["a@gmail.com", "gmail"],
    ["a@GoogleMail.com", "gmail"],
    ["a@yahoo.co.uk", "yahoo"],
    ["a@yahoo.com.br", "yahoo"],
    ["a@yahoo.de", "yahoo"],
    ["a@notyahoo.de", undefined],
    ["a@yahoo.example.org", undefined],
    ["a@web.de", "web.de"],
    ["a@example.org", undefined],
    ["anna", undefined],
  ];
  for (const [address, expected] of cases) assert.equal(providerOf(address)?.id, expected, address);
  assert.equal(findProvider("GMX.com")?.host, "pop.gmx.com");
});
