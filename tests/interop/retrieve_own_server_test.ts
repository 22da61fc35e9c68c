import assert from "node:assert/strict";
import { type ClientText, Collector, filesIn, lfForm } from "../support/collecting.ts";
import { bytesOf, digestOf, makeMessages, wireForm, writeMailbox } from "../support/mailbox.ts";
import { configText, maildirOf, Program } from "../support/program.ts";

const PASSWORD = "a word: and more, Größe 5";
const decoder = new TextDecoder();

/** Puts one small message into each user's mailbox. */
function oneEach(folder: string, users: readonly string[]): void {
  for (const user of users) {
    const text = bytesOf(`Message-ID: <${user}@x>\nFrom: "A; B" <a@x>\n\nfor ${user}\n`);
    writeMailbox(maildirOf(folder, user), []);
    Deno.writeFileSync(`${maildirOf(folder, user)}/new/1.${user}`, text);
  }
}

const left = (folder: string, user: string): number =>
  ["new", "cur"].flatMap((part) => filesIn(`${maildirOf(folder, user)}/${part}`)).length;

const subjects = (mails: readonly Uint8Array[]): string[] =>
  mails.map((bytes) => /^for (.*)$/m.exec(decoder.decode(bytes))![1]!).sort();

function everyMethod(): Omit<ClientText, "port">[] {
  const clients: Omit<ClientText, "port">[] = [];
  for (const method of ["USERPASS", "APOP", "SASL_PLAIN", "SASL_CRAM_MD5", "SASL_EXTERNAL"]) {
    for (const tls of ["none", "stls", "implicit"] as const) {
      const initrsps = method.startsWith("SASL") ? [false, true] : [false];
      if (method === "SASL_EXTERNAL" && tls === "none") continue;
      if (method === "APOP" && tls === "stls") continue;
      for (const initrsp of initrsps) {
        const id = `${method}-${tls}-${initrsp}`.toLowerCase();
        const external = method === "SASL_EXTERNAL";
        clients.push({
          id,
          ...(external ? { certificate: tls === "stls" ? "bob" : "alice" } : {
            username: id,
            password: PASSWORD,
          }),
          ...(tls === "none" ? {} : { tls }),
          server: `authtypes = "${method}"\ninitrsp = ${initrsp}`,
          // Both mailboxes of certificates are visited twice.
          ...(external ? { more: "preserve = true" } : {}),
        });
      }
    }
  }
  return clients;
}

Deno.test("retrieve logs in at this program's server by every method, plain and encrypted", async () => {
  const clients = everyMethod();
  const named = clients.flatMap(({ username }) => username ?? []);
  const users = [...named, "alice", "bob"];
  await using program = await Program.start({
    users: users.map((user) => `${user}:${PASSWORD}\n`).join(""),
    prepare: (folder) => oneEach(folder, users),
  });
  await using collector = await Collector.make(
    clients.map((client) => ({
      ...client,
      port: program.port(client.tls === "implicit" ? "tls" : "plain"),
    })),
    // One at a time: some go to the same mailbox.
    { settings: "max_parallel = 1" },
  );
  const { code, all } = await collector.retrieve();
  assert.equal(code, 0, all);
  assert.deepEqual(
    subjects(collector.mailbox("alice")),
    [...named, "alice", "alice", "bob", "bob"].sort(),
  );
  for (const user of named) assert.equal(left(program.folder, user), 0, user);
  const lines = collector.audit();
  assert.equal(lines.length, clients.length);
  for (const { id, username, tls } of clients) {
    const line = lines.find((line) => line.startsWith(`Client=${id} `));
    const user = username ?? (tls === "stls" ? "bob" : "alice");
    const wanted =
      ` User=${username ?? "-"} TLS=${tls === undefined ? "no" : "yes"} Mailbox=alice ` +
      `Message-ID=<${user}@x> Octets=${
        `Message-ID: <${user}@x>  From: "A; B" <a@x>    for ${user}  `.length
      } ` +
      'Sender="\\"A; B\\" <a@x>"';
    assert(line?.includes(wanted), `${line}\nlacks\n${wanted}`);
  }
  const answers = named.map((name) =>
    btoa(String.fromCharCode(...new TextEncoder().encode(`\0${name}\0${PASSWORD}`)))
  );
  collector.assertNoSecrets([PASSWORD, ...answers], all + program.output);
});

Deno.test("retrieve tries the methods in the configured order", async () => {
  await using program = await Program.start({
    config: configText({ server: 'authtypes = "SASL_PLAIN"' }),
    prepare: (folder) => oneEach(folder, ["alice", "bob"]),
  });
  const client = { username: "alice", password: "wonder land", port: program.port("plain") };
  await using collector = await Collector.make([
    {
      ...client,
      id: "late",
      server: 'authtypes = "APOP | SASL_CRAM_MD5 | USERPASS | SASL_PLAIN"\ninitrsp = true',
      more: "capa = true",
    },
    { ...client, id: "never", username: "bob", server: 'authtypes = ["APOP", "USERPASS"]' },
  ]);
  const { code, all } = await collector.retrieve();
  assert.equal(code, 1);
  assert.match(all, /late: 1 message /);
  assert.match(all, /never: .*no login method succeeded \(APOP: .*; USERPASS: /);
  const said = collector.transcript().filter((line) => line.startsWith("[late-"))
    .flatMap((line) => / C: (.*)/.exec(line)?.[1] ?? []);
  const stamped = said.filter((line) => !line.startsWith("APOP"));
  assert.deepEqual(stamped.slice(0, 4), ["CAPA", "AUTH CRAM-MD5", "USER alice", "AUTH PLAIN ***"]);
  assert.equal(left(program.folder, "alice"), 0);
  assert.equal(left(program.folder, "bob"), 1);
});

Deno.test("retrieve delivers every kind of mail from this program's server, byte for byte", async () => {
  const messages = makeMessages();
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  await using collector = await Collector.make([{
    id: "all",
    recip: "bob",
    port: program.port("tls"),
    tls: "implicit",
    username: "alice",
    password: "wonder land",
    more: "omitreceivedheader = true",
  }]);
  const { code, all } = await collector.retrieve();
  assert.equal(code, 0, all);
  const got = collector.mailbox("bob");
  assert.equal(got.length, messages.length);
  for (const [i, { wire, number }] of messages.entries()) {
    assert.equal(digestOf(got[i]!), digestOf(lfForm(wire)), `Message ${number}`);
  }
  assert.equal(left(program.folder, "alice"), 0);
  // The names say how many octets a server will send (a CR before a line end is part of it then).
  const names = await Array.fromAsync(Deno.readDir(`${collector.path}/var/ms/bob/Maildir/new`));
  const sizes = names.map(({ name }) => Number(/,W=(\d+)/.exec(name)![1]));
  assert.equal(
    sizes.reduce((sum, size) => sum + size, 0),
    messages.reduce((sum, { wire }) => sum + wireForm(lfForm(wire)).length, 0),
  );
});
