import assert from "node:assert/strict";
import { Checksum } from "./load/checksum.ts";
import type { Job, LoadResult, Mode } from "./load/job.ts";
import { runJob } from "./load/run.ts";

const body = "A line\r\n..stuffed\r\n...twice\r\n";
const checksum = new Checksum();
checksum.add(new TextEncoder().encode(body.replaceAll("\r\n..", "\r\n.")));
const message = `Subject: x\r\nX-Checksum: ${checksum}\r\n\r\n${body}`;
const octets = message.length - 2;

/** An honest server's replies to the commands of one session on a mailbox of two messages. */
const HONEST: Record<string, string> = {
  "": "+OK Hello\r\n",
  "USER u0001": "+OK\r\n",
  "PASS p": "+OK\r\n",
  "STAT": `+OK 2 ${2 * octets}\r\n`,
  "UIDL": "+OK\r\n1 a\r\n2 b\r\n.\r\n",
  "LIST": `+OK\r\n1 ${octets}\r\n2 ${octets}\r\n.\r\n`,
  "RETR 1": `+OK\r\n${message}.\r\n`,
  "RETR 2": `+OK\r\n${message}.\r\n`,
  "QUIT": "+OK\r\n",
};

/** Runs the generator against a server that says what it is told to, in pieces of `size` bytes. */
async function talkTo(
  replies: Record<string, string>,
  { mode = "fetch", thorough = true, size = Infinity }: {
    mode?: Mode;
    thorough?: boolean;
    size?: number;
  } = {},
): Promise<LoadResult> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serve(listener, replies, size);
  const job: Job = {
    ...{ mode, thorough, port: listener.addr.port, encryption: "none", prefix: "u", users: 1 },
    ...{ password: "p", concurrency: 1, sessions: 1, limit: 10 },
  };
  const result = await runJob(job);
  await serving;
  return result;
}

async function serve(
  listener: Deno.TcpListener,
  replies: Record<string, string>,
  size: number,
): Promise<void> {
  using socket = await listener.accept();
  socket.setNoDelay(true);
  const say = async (text: string) => {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at, at + size));
  };
  try {
    await say(replies[""]!);
    const buffer = new Uint8Array(4096);
    let input = "";
    for (let n = await socket.read(buffer); n !== null; n = await socket.read(buffer)) {
      input += new TextDecoder().decode(buffer.subarray(0, n));
      const lines = input.split("\r\n");
      input = lines.pop()!;
      for (const line of lines) await say(replies[line] ?? "-ERR\r\n");
      if (lines.includes("QUIT")) return;
    }
  } catch (error) {
    // The generator hangs up on liars.
    if (
      !(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe)
    ) {
      throw error;
    }
  }
}

Deno.test("runJob() finds nothing wrong with an honest server, whatever its packets", async () => {
  for (const size of [1, 2, 3, 7, 50, Infinity]) {
    for (const mode of ["login", "poll", "fetch", "pipeline"] as const) {
      const result = await talkTo(HONEST, { mode, size });
      assert.deepEqual([result.sessions, result.errors, result.faults], [1, 0, []]);
      const fetched = mode === "fetch" || mode === "pipeline" ? 2 : 0;
      assert.equal(result.messages, fetched);
      assert.equal(result.octets, fetched * octets);
    }
  }
});

/** Lies that even a run without thoroughness must notice. */
const LIES: [name: string, replies: Record<string, string>, fault: RegExp][] = [
  ["a refusal", { "PASS p": "-ERR no\r\n" }, /it said "-ERR no"/],
  ["a word that only begins with +OK", { "STAT": "+OKAY 2 10\r\n" }, /it said/],
  ["a line without CR", { "USER u0001": "+OK\n" }, /CRLF/],
  ["a STAT without numbers", { "STAT": "+OK none\r\n" }, /STAT said/],
  ["a sum that does not fit", { "STAT": `+OK 2 ${2 * octets + 1}\r\n` }, /adds up/],
  ["a row too few", { "UIDL": "+OK\r\n1 a\r\n.\r\n" }, /UIDL has 1 rows/],
  ["a row out of order", { "LIST": `+OK\r\n2 ${octets}\r\n1 ${octets}\r\n.\r\n` }, /row 1/],
  ["a size that is none", { "LIST": "+OK\r\n1 x\r\n2 9\r\n.\r\n" }, /no number/],
  ["an id that is too long", { "UIDL": `+OK\r\n1 ${"a".repeat(71)}\r\n2 b\r\n.\r\n` }, /70/],
  ["an octet too few", { "RETR 1": `+OK\r\n${message.slice(1)}.\r\n` }, /RETR 1 sent/],
  ["an octet too many", { "RETR 2": `+OK\r\nx${message}.\r\n` }, /RETR 2 sent/],
  ["a dot that is not stuffed", { "RETR 1": `+OK\r\nA\r\n.B\r\n.\r\n` }, /not stuffed/],
  ["a message refused", { "RETR 1": "-ERR gone\r\n" }, /gone/],
  ["words behind the end", { "QUIT": "+OK\r\nand more" }, /behind the reply to QUIT/],
];

for (const [name, replies, fault] of LIES) {
  Deno.test(`runJob() notices ${name}`, async () => {
    const result = await talkTo({ ...HONEST, ...replies }, { thorough: false });
    assert.deepEqual([result.sessions, result.errors], [0, 1]);
    assert.match(result.faults[0]!, fault);
  });
}

Deno.test("runJob() notices a changed byte and a bare line feed if it is thorough", async () => {
  const changed = { "RETR 2": `+OK\r\n${message.replace("A line", "B line")}.\r\n` };
  const bare = { "RETR 2": `+OK\r\n${message.replace("A line\r\n", "A line\n\n")}.\r\n` };
  for (const [replies, fault] of [[changed, /checksum/], [bare, /CRLF/]] as const) {
    const result = await talkTo({ ...HONEST, ...replies });
    assert.equal(result.errors, 1);
    assert.match(result.faults[0]!, fault);
  }
});
