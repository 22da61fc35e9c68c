/**
 * Certificates that must not log anybody in, shown to the running server by
 * openssl: at once, and again from a resumed TLS session.
 *
 * @module
 */
import assert from "node:assert/strict";
import { peerTest } from "../support/peers.ts";
import { certificates, configText, Program, runCommand } from "../support/program.ts";

/** What is wrong with each. */
const BAD: Record<string, string> = {
  expired_alice: "expired",
  future_alice: "not yet valid",
  rogue_alice: "signed by another authority of the same name",
  self_signed_alice: "signed by itself",
  server_only_alice: "for servers only",
  two_names: "of two names",
  nul_name: "with a NUL byte in its name",
  no_name: "without a Common Name",
};

interface Conversation {
  readonly printed: string;
  readonly resumed: boolean;
}

/** Asks for EXTERNAL with a certificate, or none. */
async function converse(
  program: Program,
  port: "plain" | "tls",
  args: readonly string[],
): Promise<Conversation> {
  const { stdout, stderr } = await runCommand("openssl", [
    ...["s_client", "-ign_eof", "-CAfile", `${certificates}/ca.pem`],
    ...["-connect", `127.0.0.1:${program.port(port)}`],
    ...(port === "plain" ? ["-starttls", "pop3"] : []),
    ...args,
  ], { input: "CAPA\r\nAUTH EXTERNAL =\r\nQUIT\r\n", limit: 20_000 });
  const printed = new TextDecoder().decode(stdout) + stderr;
  return { printed, resumed: /^Reused, /m.test(printed) };
}

function identity(name: string): string[] {
  return ["-cert", `${certificates}/${name}.pem`, "-key", `${certificates}/${name}.key`];
}

/** The same certificate twice, the second time in the session of the first. */
async function twice(program: Program, name: string | undefined, version: string) {
  const session = await Deno.makeTempFile({ dir: program.folder });
  const port = version === "-tls1_2" ? "plain" : "tls";
  const args = [version, ...(name === undefined ? [] : identity(name))];
  const first = await converse(program, port, [...args, "-sess_out", session]);
  const { size } = await Deno.stat(session);
  if (size === 0) return [first];
  return [first, await converse(program, port, [...args, "-sess_in", session])];
}

for (const clientauth of [1, 2]) {
  peerTest(
    ["openssl"],
    `with clientauth = ${clientauth} no bad certificate logs in, not even from a resumed session`,
    async () => {
      await using program = await Program.start({
        config: configText({
          ssl: `clientauth = ${clientauth}`,
          limits: "handshakes_per_address = 0",
        }),
      });
      let resumed = 0;
      const cases = [undefined, ...Object.keys(BAD)].flatMap((name) =>
        ["-tls1_2", "-tls1_3"].map((version) => ({ name, version }))
      );
      for (const { name, version } of cases) {
        for (const { printed, resumed: again } of await twice(program, name, version)) {
          const what = `${BAD[name ?? ""] ?? "none"}, ${version}:\n${printed}`;
          resumed += Number(again);
          assert.doesNotMatch(printed, /\+OK Logged in/, what);
          assert.doesNotMatch(printed, /^SASL .*EXTERNAL/m, what);
          if (clientauth === 1) assert.match(printed, /EXTERNAL needs a client certificate/, what);
          // The session never begins.
          else assert.doesNotMatch(printed, /^IMPLEMENTATION/m, what);
        }
      }
      // Each worker takes only its own tickets, and the kernel chooses the worker.
      if (clientauth === 1) assert.ok(resumed >= 2, `Only ${resumed} were resumed`);
      // And the right one does, both times.
      for (const version of ["-tls1_2", "-tls1_3"]) {
        const sessions = await twice(program, "alice", version);
        assert.equal(sessions.length, 2);
        for (const { printed } of sessions) assert.match(printed, /\+OK Logged in/);
      }
      await program.stop();
    },
  );
}

peerTest(
  ["openssl"],
  "a certificate is revoked by taking its user out of the users file",
  async () => {
    await using program = await Program.start();
    const session = `${program.folder}/session`;
    const before = await converse(program, "tls", [...identity("bob"), "-sess_out", session]);
    assert.match(before.printed, /\+OK Logged in/);
    await Deno.writeTextFile(`${program.folder}/users`, "alice:wonder land\n");
    program.signal("SIGHUP");
    const deadline = performance.now() + 20_000;
    let after = await converse(program, "tls", [...identity("bob"), "-sess_in", session]);
    while (/\+OK Logged in/.test(after.printed) && performance.now() < deadline) {
      after = await converse(program, "tls", [...identity("bob"), "-sess_in", session]);
    }
    assert.match(after.printed, /-ERR \[AUTH\] Login failed/);
    const alice = await converse(program, "tls", identity("alice"));
    assert.match(alice.printed, /\+OK Logged in/);
    await program.stop();
  },
);
