import assert from "node:assert/strict";
import { digestOf, makeMessages, writeMailbox } from "../support/mailbox.ts";
import { peerTest } from "../support/peers.ts";
import { certificates, maildirOf, Program, runCommand } from "../support/program.ts";

/** Reads a job as JSON from standard input and runs one session; prints what it saw as JSON. */
const SCRIPT = `
import hashlib, json, poplib, ssl, sys
job = json.load(sys.stdin)
# poplib's own limit, not the protocol's: a message line may be longer.
poplib._MAXLINE = 1 << 30
context = ssl.create_default_context(cafile=job["ca"])
if job["tls"] == "implicit":
    pop = poplib.POP3_SSL("127.0.0.1", job["port"], context=context, timeout=60)
else:
    pop = poplib.POP3("127.0.0.1", job["port"], timeout=60)
pop.encoding = "utf-8"
seen = {"before": pop.capa()}
if job["tls"] == "stls":
    pop.stls(context)
    seen["after"] = pop.capa()
if job.get("apop"):
    pop.apop(job["user"], job["password"])
else:
    pop.user(job["user"])
    pop.pass_(job["password"])
seen["stat"] = pop.stat()
seen["list"] = [entry.decode() for entry in pop.list()[1]]
seen["uidl"] = [entry.decode() for entry in pop.uidl()[1]]
messages = []
for entry in seen["list"]:
    number, size = map(int, entry.split())
    reply, lines, octets = pop.retr(number)
    data = b"".join(line + b"\\r\\n" for line in lines)
    messages.append([len(data), hashlib.sha256(data).hexdigest()])
seen["messages"] = messages
seen["tops"] = [
    b"".join(line + b"\\r\\n" for line in pop.top(number, lines)[1]).decode("latin-1")
    for number, lines in job.get("tops", [])
]
for number in job.get("delete", []):
    pop.dele(number)
if job.get("rset"):
    pop.rset()
pop.quit()
print(json.dumps(seen))
`;

interface Job {
  readonly port: number;
  readonly tls: "none" | "stls" | "implicit";
  readonly user: string;
  readonly password: string;
  readonly apop?: boolean;
  /** Message numbers and how many lines of the body. */
  readonly tops?: [number, number][];
  readonly delete?: number[];
  readonly rset?: boolean;
}

interface Seen {
  readonly before: Record<string, string[]>;
  readonly after?: Record<string, string[]>;
  readonly stat: [number, number];
  readonly list: string[];
  readonly uidl: string[];
  readonly messages: [number, string][];
  readonly tops: string[];
}

async function runPoplib(job: Job): Promise<Seen> {
  const { code, stdout, stderr } = await runCommand("python3", ["-I", "-c", SCRIPT], {
    input: JSON.stringify({ ...job, ca: `${certificates}/ca.pem` }),
  });
  assert.equal(code, 0, stderr);
  return JSON.parse(new TextDecoder().decode(stdout)) as Seen;
}

peerTest(["python3"], "Python's poplib downloads every message byte for byte", async (t) => {
  const messages = makeMessages();
  await using program = await Program.start({
    prepare: (folder) => writeMailbox(maildirOf(folder, "alice"), messages),
  });
  const octets = messages.reduce((sum, { wire }) => sum + wire.length, 0);
  const alice = { user: "alice", password: "wonder land" };
  const uidls: string[][] = [];

  async function check(job: Job): Promise<Seen> {
    const seen = await runPoplib(job);
    assert.deepEqual(seen.stat, [messages.length, octets]);
    assert.deepEqual(seen.list, messages.map((m) => `${m.number} ${m.wire.length}`));
    for (const [i, { wire }] of messages.entries()) {
      assert.deepEqual(seen.messages[i], [wire.length, digestOf(wire)], `Message ${i + 1}`);
    }
    uidls.push(seen.uidl);
    return seen;
  }

  const plain = { port: program.port("plain"), ...alice };
  await t.step("USER and PASS in the clear", async () => {
    const { before } = await check({ ...plain, tls: "none" });
    for (const name of ["USER", "UIDL", "TOP", "PIPELINING", "RESP-CODES", "STLS"]) {
      assert(name in before, `CAPA shows ${name}`);
    }
    assert.deepEqual(before["SASL"]?.sort(), ["CRAM-MD5", "PLAIN"]);
  });
  await t.step("APOP", async () => {
    await check({ ...plain, tls: "none", apop: true });
  });
  await t.step("after STLS", async () => {
    const { before, after } = await check({ ...plain, tls: "stls" });
    assert("STLS" in before && !("STLS" in after!));
  });
  await t.step("over TLS from the start", async () => {
    const { before } = await check({ ...alice, port: program.port("tls"), tls: "implicit" });
    assert(!("STLS" in before));
  });
  await t.step("the ids are the same in every session, and no two are alike", () => {
    for (const uidl of uidls) assert.deepEqual(uidl, uidls[0]);
    assert.equal(new Set(uidls[0]!.map((entry) => entry.split(" ")[1])).size, messages.length);
  });
  await program.stop();
});

peerTest(["python3"], "Python's poplib deletes, resets and reads parts", async () => {
  const messages = makeMessages({ count: 6, ordinaryOnly: true });
  await using program = await Program.start({
    users: "jörg:pässwörd\n",
    prepare: (folder) => writeMailbox(maildirOf(folder, "jörg"), messages),
  });
  const job: Job = {
    port: program.port("plain"),
    tls: "none",
    user: "jörg",
    password: "pässwörd",
  };
  const text = new TextDecoder("latin1").decode(messages[4]!.wire);
  const bodyAt = text.indexOf("\r\n\r\n") + 4;
  const firstLines = text.slice(bodyAt).split("\r\n").slice(0, 2).map((line) => `${line}\r\n`);
  const whole = await runPoplib({
    ...job,
    tops: [[5, 0], [5, 2], [5, 100_000]],
    delete: [1, 2, 3],
    rset: true,
  });
  assert.equal(whole.stat[0], 6);
  assert.deepEqual(whole.tops, [
    text.slice(0, bodyAt),
    text.slice(0, bodyAt) + firstLines.join(""),
    text,
  ]);

  const reset = await runPoplib({ ...job, delete: [1, 6] });
  assert.deepEqual(reset.uidl, whole.uidl);
  const rest = await runPoplib(job);
  assert.deepEqual(
    rest.messages,
    messages.slice(1, 5).map(({ wire }) => [wire.length, digestOf(wire)]),
  );
  const ids = (seen: Seen) => seen.uidl.map((entry) => entry.split(" ")[1]);
  assert.deepEqual(ids(rest), ids(whole).slice(1, 5));
  await program.stop();
});
