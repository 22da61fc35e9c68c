import assert from "node:assert/strict";
import { type ClientText, Collector } from "../support/collecting.ts";
import { bytesOf, writeMailbox } from "../support/mailbox.ts";
import { MailServer, type MailServerOptions } from "../support/mail_server.ts";
import { certificates, configText, maildirOf, Program } from "../support/program.ts";

const LOGIN = { user: "relay", password: "Relay pass-word 1" } as const;
const NAMES = ["1", "2", "3"];

function prepare(folder: string): void {
  for (const user of ["alice", "bob", "carol"]) {
    writeMailbox(maildirOf(folder, user), []);
    for (const name of NAMES) {
      const text = `Message-ID: <${name}.${user}@x>\nSubject: ${name}\n\n.dot\nfor ${user}\n`;
      Deno.writeFileSync(`${maildirOf(folder, user)}/new/${name}.${user}`, bytesOf(text));
    }
  }
}

function left(folder: string, user: string): string[] {
  return ["new", "cur"].flatMap((part) =>
    [...Deno.readDirSync(`${maildirOf(folder, user)}/${part}`)].map(({ name }) => name.slice(0, 1))
  ).sort();
}

async function withTls(options: MailServerOptions, implicit: boolean): Promise<MailServer> {
  const read = (name: string) => Deno.readTextFile(`${certificates}/${name}`);
  const pair = { cert: await read("server.pem"), key: await read("server.key") };
  return await MailServer.start({ ...options, tls: { ...pair, implicit } });
}

const smtp = (server: MailServer, more = ""): string =>
  `sender = "pop3downloader@example.org"\nserver = "localhost:${server.port}"\n${more}`;

const login = `username = "${LOGIN.user}"\npassword = "${LOGIN.password}"`;

/** Clients of all three mailboxes. */
function accounts(port: number, texts: Readonly<Record<string, string>>): ClientText[] {
  const passwords: Record<string, string> = {
    alice: "wonder land",
    bob: "builder",
    carol: "christmas",
  };
  return Object.entries(texts).map(([username, text]) => ({
    id: username,
    recip: `${username}@remote.example`,
    port,
    username,
    password: passwords[username]!,
    smtp: text,
  }));
}

Deno.test("retrieve hands mail to mail servers by SMTP and LMTP, with TLS and login", async () => {
  await using program = await Program.start({ prepare });
  await using plain = await MailServer.start({ lmtp: true });
  await using starttls = await withTls({ login: LOGIN }, false);
  await using implicit = await withTls({ login: LOGIN, lmtp: true }, true);
  await using collector = await Collector.make(accounts(program.port("plain"), {
    alice: smtp(plain, 'protocol = "lmtp"'),
    bob: smtp(starttls, `tls = "starttls"\n${login}`),
    carol: smtp(implicit, `tls = "implicit"\nprotocol = "lmtp"\n${login}`),
  }));
  // Of a mail server's certificate, what the runtime trusts is trusted.
  const env = { DENO_CERT: `${certificates}/ca.pem` };
  const { code, all } = await collector.retrieve(["--once"], { env });
  assert.equal(code, 0, all);
  for (const [user, server] of Object.entries({ alice: plain, bob: starttls, carol: implicit })) {
    assert.deepEqual(
      server.accepted.map(({ from, to }) => `${from} ${to.join()}`),
      NAMES.map(() => `pop3downloader@example.org ${user}@remote.example`),
    );
    for (const [i, { body }] of server.accepted.entries()) {
      assert.match(
        body,
        new RegExp(
          `^Received: from localhost \\(\\[\\S+\\]\\)\\r\\n\\tby \\S+ \\(Mailismus\\) with POP-to-SMTP\\r\\n` +
            `\\tfor <${user}@remote\\.example>; [^\\r]*\\r\\n` +
            `Message-ID: <${i + 1}\\.${user}@x>\\r\\nSubject: ${
              i + 1
            }\\r\\n\\r\\n\\.dot\\r\\nfor ${user}\\r\\n$`,
        ),
      );
    }
    assert.deepEqual(left(program.folder, user), []);
  }
  assert.match(
    collector.audit()[0]!,
    / SMTP=\w+@remote\.example Message-ID=<1\.\w+@x> Octets=\d+ /,
  );
  const answer = btoa(`\0${LOGIN.user}\0${LOGIN.password}`);
  collector.assertNoSecrets([LOGIN.password, answer, "wonder land", "builder"], all);

  const untrusting = await collector.retrieve();
  assert.equal(untrusting.code, 1, untrusting.all);
  assert.match(untrusting.all, /bob: nothing .*certificate/);
});

Deno.test("retrieve expands aliases, and the sink takes everything", async () => {
  await using program = await Program.start({ prepare });
  await using server = await MailServer.start();
  const clients = accounts(program.port("plain"), {
    alice: smtp(server),
    bob: smtp(server),
    carol: smtp(server),
  });
  const recips = ["team@local.example", "nobody@local.example", "bob@local.example"];
  await using collector = await Collector.make(
    clients.map((client, i) => ({ ...client, recip: recips[i]! })),
    {
      settings: "max_parallel = 1",
      directory: 'domains = "%DIRTOP%/domains"\naliases = "%DIRTOP%/aliases"',
      files: {
        domains: "local.example\n",
        aliases: "team : alice : carol : far@elsewhere.example\nnobody : .\n",
      },
    },
  );
  const { code, all } = await collector.retrieve();
  assert.equal(code, 0, all);
  const team = "alice@local.example,carol@local.example,far@elsewhere.example";
  assert.deepEqual(
    server.accepted.map(({ to }) => to.join()),
    [team, team, team, ...NAMES.map(() => "bob@local.example")],
  );
  for (const user of ["alice", "bob", "carol"]) assert.deepEqual(left(program.folder, user), []);
});

Deno.test("retrieve leaves on its server what a mail server does not take, and brings it later once", async () => {
  await using program = await Program.start({ prepare, config: configText() });
  const refusing = { for: true };
  let drops = 1;
  await using forGood = await MailServer.start({
    refuseMessage: (body) => refusing.for && body.includes("Subject: 2") ? 554 : undefined,
  });
  await using forNow = await MailServer.start({
    lmtp: true,
    refuseMessage: (body, to) =>
      refusing.for && body.includes("Subject: 2") && to.startsWith("alice") ? 451 : undefined,
  });
  await using dropping = await MailServer.start({
    dropAfterData: (body) => body.includes("Subject: 2") && drops-- > 0,
  });
  const clients = accounts(program.port("plain"), {
    alice: smtp(forGood),
    bob: smtp(forNow, 'protocol = "lmtp"'),
    carol: smtp(dropping),
  });
  await using collector = await Collector.make(
    clients.map((client) =>
      client.id === "bob" ? { ...client, recip: "both@local.example" } : client
    ),
    {
      directory: 'domains = "%DIRTOP%/domains"\naliases = "%DIRTOP%/aliases"',
      files: { domains: "local.example\n", aliases: "both : alice : bob\n" },
    },
  );
  const first = await collector.retrieve();
  assert.equal(first.code, 1, first.all);
  assert.deepEqual(left(program.folder, "alice"), ["2"]);
  assert.deepEqual(left(program.folder, "bob"), ["2"]);
  assert(left(program.folder, "carol").includes("2"));
  assert.match(first.all, /alice: message 2 stays on the server: .*refused it: .*554/);
  assert.match(first.all, /bob: message 2 stays on the server: .*alice@local\.example: .*451/);
  assert.match(first.all, /carol: .*then the run ended: /);

  refusing.for = false;
  const second = await collector.retrieve();
  assert.equal(second.code, 0, second.all);
  for (const user of ["alice", "bob", "carol"]) assert.deepEqual(left(program.folder, user), []);
  for (const server of [forGood, dropping]) {
    const ids = server.accepted.map(({ body }) => /^Subject: (.)/m.exec(body)![1]);
    assert.deepEqual(ids.sort(), NAMES);
  }
  // Whoever had it already does not get it again.
  const byRecipient = (name: string) =>
    forNow.accepted.filter(({ to }) => to.some((address) => address.startsWith(name)))
      .map(({ body }) => /^Subject: (.)/m.exec(body)![1]).sort();
  assert.deepEqual(byRecipient("alice"), NAMES);
  assert.deepEqual(byRecipient("bob"), NAMES);
});

Deno.test("retrieve keeps its hands off a mailbox while the mail server is down", async () => {
  await using program = await Program.start({ prepare });
  const server = await MailServer.start();
  const { port } = server;
  await server[Symbol.asyncDispose]();
  await using collector = await Collector.make(
    accounts(program.port("plain"), { alice: smtp(server) }),
  );
  const down = await collector.retrieve();
  assert.equal(down.code, 1, down.all);
  assert.match(
    down.all,
    /alice: nothing .*Cannot deliver to the mail server localhost:\d+ \(SMTP\)/,
  );
  assert.deepEqual(left(program.folder, "alice"), NAMES);
  await using up = await MailServer.start({}, port);
  const later = await collector.retrieve();
  assert.equal(later.code, 0, later.all);
  assert.equal(up.accepted.length, NAMES.length);
  assert.deepEqual(left(program.folder, "alice"), []);
});
