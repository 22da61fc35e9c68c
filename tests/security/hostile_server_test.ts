/**
 * A remote server and the senders of its mail, who say everything in a way that
 * is meant for a terminal: what the running retriever makes of it in its output,
 * transcript, audit and trace log.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Collector } from "../support/collecting.ts";

const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
/** A window title, a cleared screen, C1, directions, a forged line, and much of it. */
const EVIL =
  "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\u2028\x08\x7f\r2026-11-21 00:00:00.000 INFO  " +
  "server  forged " + "A".repeat(400);
const MESSAGE = [
  `From: "${EVIL}" <a@example.net>`,
  `Message-ID: <${EVIL}@x>`,
  `Subject: ${EVIL}`,
  "",
  "text",
  ".",
  "",
].join("\r\n");

/** Answers each command of a session; nothing but the words are wrong. */
function answer(line: string): string {
  const [command, argument] = line.toUpperCase().split(" ");
  switch (command) {
    case "STAT":
      return "+OK 2 2000 " + EVIL;
    case "LIST":
      return `+OK ${EVIL}\r\n1 1000\r\n2 1000\r\n.`;
    case "UIDL":
      return `+OK ${EVIL}\r\n1 uid1\r\n2 uid2\r\n.`;
    case "RETR":
      return argument === "1" ? `+OK ${EVIL}\r\n${MESSAGE.slice(0, -2)}` : `-ERR ${EVIL}`;
    case "CAPA":
      return `+OK ${EVIL}\r\nUIDL\r\nX-${EVIL}\r\n.`;
    case "AUTH":
      return `-ERR ${EVIL}`;
    default:
      return `+OK ${EVIL}`;
  }
}

/** A server on the loopback, each session of which is answered by `reply`. */
function serve(greeting: string, reply: (line: string) => string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const send = async (conn: Deno.Conn, text: string) => {
    const bytes = new TextEncoder().encode(`${text}\r\n`);
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
  };
  const session = async (conn: Deno.Conn) => {
    using connection = conn;
    await send(connection, greeting);
    let rest = "";
    for await (const text of connection.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\r\n");
      rest = lines.pop()!;
      for (const line of lines) await send(connection, reply(line));
    }
  };
  const done = (async () => {
    for await (const conn of listener) void session(conn).catch(() => {});
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await done;
    },
  };
}

Deno.test("what servers and senders say is harmless in every output of the retriever", async () => {
  await using polite = serve("+OK " + EVIL, answer);
  await using rude = serve("-ERR " + EVIL, answer);
  await using odd = serve(EVIL, answer);
  const client = (id: string, port: number, method: string) => ({
    id,
    port,
    username: "alice",
    password: "secret",
    more: "capa = true",
    server: `authtypes = "${method}"`,
  });
  await using collector = await Collector.make([
    client("polite", polite.port, "USERPASS"),
    client("refusing", polite.port, "SASL_PLAIN"),
    client("rude", rude.port, "USERPASS"),
    client("odd", odd.port, "USERPASS"),
  ]);
  const config = await Deno.readTextFile(`${collector.path}/config.toml`);
  await Deno.writeTextFile(
    `${collector.path}/config.toml`,
    `${config}\n[log]\nlevel = "TRC5"\nfile = "%DIRTOP%/trace.log"\n`,
  );
  const { all, code } = await collector.retrieve();
  assert.equal(code, 1);
  assert.equal(collector.mailbox("alice").length, 1, all);
  const texts = new Map([["the output", all]]);
  for (const name of ["transcript.log", "audit.log", "trace.log"]) {
    texts.set(name, await Deno.readTextFile(`${collector.path}/${name}`));
  }
  for (const [name, text] of texts) {
    const lines = text.split("\n").slice(0, -1);
    assert.ok(lines.length > 0, `${name} is not empty`);
    for (const line of lines) {
      assert.doesNotMatch(line, HARMFUL, name);
      assert.ok(line.length < 6000, `${name}: ${line.length} characters`);
      assert.doesNotMatch(line, /^2026-11-21 00:00:00\.000/, `${name}: a forged line`);
      if (name !== "the output") {
        assert.match(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} /, name);
      }
    }
  }
  assert.match(texts.get("transcript.log")!, /\\x1b\]0;owned\\x07/);
  assert.match(texts.get("audit.log")!, /Sender=".*\\x1b/);
});
