import { deepEqual, equal, ok } from "node:assert/strict";
import { listMailbox } from "../support/mailbox.ts";
import { programCommand, TempFolder } from "../support/program.ts";

/** A message as a stream: pieces, and how often each comes. */
type Pieces = readonly (readonly [piece: Uint8Array, times: number])[];

const encoder = new TextEncoder();

/** Serves one message that nobody holds in memory. */
async function serveOne(listener: Deno.TcpListener, pieces: Pieces): Promise<void> {
  const socket = await listener.accept();
  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
  };
  const octets = pieces.reduce((sum, [piece, times]) => sum + piece.length * times, 0);
  const answers: Record<string, string> = {
    CAPA: "+OK\r\nPIPELINING\r\n.\r\n",
    UIDL: "+OK\r\n1 one\r\n.\r\n",
    LIST: `+OK\r\n1 ${octets}\r\n.\r\n`,
    STAT: `+OK 1 ${octets}\r\n`,
  };
  const buffer = new Uint8Array(4096);
  await write(encoder.encode("+OK\r\n"));
  for (let ended = false; !ended;) {
    const count = await socket.read(buffer);
    if (count === null) break;
    for (const line of new TextDecoder().decode(buffer.subarray(0, count)).split("\r\n")) {
      if (line === "") continue;
      await write(encoder.encode(answers[line] ?? "+OK\r\n"));
      ended ||= line === "QUIT";
      if (!line.startsWith("RETR")) continue;
      for (const [piece, times] of pieces) for (let i = 0; i < times; i++) await write(piece);
      await write(encoder.encode(".\r\n"));
    }
  }
  socket.close();
}

/** The most memory that a process ever had, in bytes, as far as it was seen; Linux tells. */
async function watchPeak(pid: number): Promise<number> {
  // A shell reads what Deno lets only a program with all permissions read.
  const loop = "while grep VmHWM /proc/$0/status; do sleep 0.02; done";
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", loop, String(pid)],
    stderr: "null",
  }).output();
  const sizes = new TextDecoder().decode(stdout).matchAll(/VmHWM:\s*(\d+) kB/g);
  return Math.max(0, ...[...sizes].map(([, size]) => Number(size) * 1024));
}

const line = encoder.encode("x".repeat(76) + "\r\n");
const lines = new Uint8Array(line.length * 1000);
for (let at = 0; at < lines.length; at += line.length) lines.set(line, at);
const header: [Uint8Array, number] = [encoder.encode("Subject: large\r\n\r\n"), 1];

const MESSAGES: [string, Pieces][] = [
  ["a message of 200 MB", [header, [lines, Math.ceil(200e6 / lines.length)]]],
  ["a line of 100 MB", [header, [new Uint8Array(1e6).fill(0x78), 100], [
    encoder.encode("\r\n"),
    1,
  ]]],
];

/** What a run of `retrieve --once` that collects one message comes to. */
interface Outcome {
  /** See {@linkcode watchPeak}. */
  readonly peak: number;
  /** The names of the files in the mailbox's `new/`. */
  readonly files: readonly string[];
}

async function retrieveOnce(pieces: Pieces): Promise<Outcome> {
  await using folder = await TempFolder.make();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await Deno.writeTextFile(`${folder.path}/users`, "alice\n", { mode: 0o600 });
  await Deno.writeTextFile(
    `${folder.path}/config.toml`,
    `
directory = { users = "users" }
message_store = { userpath = "ms" }
[[pop3download.clients]]
id = "home"
recip = "alice"
omitreceivedheader = true
server = { address = "127.0.0.1:${port}", username = "bob", password = "secret" }
`,
    { mode: 0o600 },
  );
  const { command, args } = programCommand(["retrieve", "--once"]);
  const child = new Deno.Command(command, {
    args,
    cwd: folder.path,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = child.output();
  const served = serveOne(listener, pieces);
  const peak = await watchPeak(child.pid);
  const { code, stderr } = await ended;
  await served;
  listener.close();
  equal(code, 0, new TextDecoder().decode(stderr));
  return { peak, files: listMailbox(`${folder.path}/ms/alice/Maildir`).new };
}

Deno.test({
  name: "retrieve takes a message of 200 MB, and a line of 100 MB, in less than 100 MB of memory",
  ignore: Deno.build.os !== "linux",
  async fn(t) {
    // The first start after a change of the sources translates them, which takes 20 MB for once.
    await retrieveOnce([header]);
    for (const [name, pieces] of MESSAGES) {
      await t.step(name, async () => {
        const { peak, files } = await retrieveOnce(pieces);
        equal(files.length, 1);
        const octets = pieces.reduce((sum, [piece, times]) => sum + piece.length * times, 0);
        deepEqual(/W=(\d+)/.exec(files[0]!)?.[1], String(octets));
        ok(peak > 30e6 && peak < 100e6, `${peak} bytes`);
      });
    }
  },
});
