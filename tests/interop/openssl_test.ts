import assert from "node:assert/strict";
import { digestOf, makeMessages, writeMailbox } from "../support/mailbox.ts";
import { peerTest } from "../support/peers.ts";
import { parseReplies } from "../support/pop_client.ts";
import { certificates, maildirOf, Program, runCommand } from "../support/program.ts";

/** `-quiet` keeps s_client from taking lines that begin with Q or R for its own commands. */
const CLIENT = ["s_client", "-quiet", "-verify_return_error", "-CAfile", `${certificates}/ca.pem`];
const ALICE = [
  ...["-cert", `${certificates}/alice.pem`],
  ...["-key", `${certificates}/alice.key`],
];

peerTest(["openssl"], "openssl s_client downloads every message byte for byte", async (t) => {
  const messages = makeMessages();
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });

  async function download(args: readonly string[], login: readonly string[]): Promise<void> {
    const commands = [...login, "STAT", ...messages.map((m) => `RETR ${m.number}`), "QUIT"];
    const outcome = await runCommand("openssl", [...CLIENT, ...args], {
      input: commands.map((command) => `${command}\r\n`).join(""),
    });
    // With STLS, s_client has taken the greeting and all before TLS for itself.
    const greeting = args.includes("-starttls") ? [] : ["greeting"];
    const replies = parseReplies(outcome.stdout, [...greeting, ...commands])
      .slice(greeting.length);
    for (const [i, { status }] of replies.entries()) {
      assert.match(status, /^\+OK/, `The answer to "${commands[i]}"`);
    }
    const octets = messages.reduce((sum, { wire }) => sum + wire.length, 0);
    assert.equal(replies[login.length]!.status, `+OK ${messages.length} ${octets}`);
    for (const [i, { wire }] of messages.entries()) {
      const data = replies[login.length + 1 + i]!.data!;
      assert.equal(data.length, wire.length, `Length of message ${i + 1}`);
      assert.equal(digestOf(data), digestOf(wire), `Message ${i + 1}`);
    }
  }

  const password = ["USER alice", "PASS wonder land"];
  const starttls = ["-starttls", "pop3", "-connect", `127.0.0.1:${program.port("plain")}`];
  const implicit = ["-connect", `127.0.0.1:${program.port("tls")}`];
  await t.step("after STLS, all commands at once", () => download(starttls, password));
  await t.step("over TLS from the start", () => download(implicit, password));
  await t.step(
    "with a client certificate, after STLS",
    () => download([...starttls, ...ALICE], ["AUTH EXTERNAL ="]),
  );
  await t.step(
    "with a client certificate, over TLS 1.2",
    () => download([...implicit, ...ALICE, "-tls1_2"], ["AUTH EXTERNAL ="]),
  );
  await program.stop();
});

peerTest(["openssl"], "openssl s_client cannot use TLS before 1.2", async () => {
  await using program = await Program.start();
  for (const version of ["-tls1", "-tls1_1"]) {
    const outcome = await runCommand("openssl", [
      ...[...CLIENT, version, "-cipher", "ALL:@SECLEVEL=0"],
      ...["-connect", `127.0.0.1:${program.port("tls")}`],
    ]);
    assert.notEqual(outcome.code, 0);
    assert.equal(outcome.stdout.length, 0);
  }
  await program.stop();
});
