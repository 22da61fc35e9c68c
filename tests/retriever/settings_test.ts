import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Misbehaviour } from "../support/scripted_pop3_server.ts";
import { namesIn, readLatin1, TestRetriever } from "../support/retriever.ts";

const TEXTS = [
  "Subject: 1\r\n\r\none\r\n",
  "Subject: 2\r\n\r\n.two\r\n",
  "Subject: 3\r\n\r\nthree\r\n",
];

function retrieved(test: TestRetriever): string[] {
  return test.server.sessions.flat().filter((line) => line.startsWith("RETR"));
}

Deno.test("preserve leaves messages on the server and fetches all of them in each run", async () => {
  using test = new TestRetriever({ preserve: true });
  test.server.add(...TEXTS);
  for (let run = 0; run < 2; run++) equal((await test.run()).delivered, 3);
  await test.server.close();
  equal(test.delivered().length, 6);
  equal(test.server.messages.length, 3);
  deepEqual(test.journal(), []);
  ok(!test.server.sessions.flat().some((line) => line.startsWith("DELE")));
});

Deno.test("track_seen with preserve fetches each message once", async () => {
  using test = new TestRetriever({ preserve: true, trackSeen: true });
  test.server.add(...TEXTS);
  equal((await test.run()).delivered, 3);
  test.server.add("Subject: 4\r\n\r\nfour\r\n");
  const second = await test.run();
  equal(second.delivered, 1);
  match(second.summary, /3 fetched in earlier runs/);
  deepEqual(retrieved(test), ["RETR 1", "RETR 2", "RETR 3", "RETR 4"]);
  test.server.messages.splice(0, 2);
  await test.run();
  equal(test.journal().filter((line) => line.startsWith("D")).length, 4);
  equal(
    test.journal().filter((line) => line.startsWith("F")).length,
    2,
    "the server has two no more",
  );
  test.client = { ...test.client, preserve: false, trackSeen: false };
  const last = await test.run();
  await test.server.close();
  deepEqual([last.delivered, last.deleted], [0, 2], "known messages are only deleted");
  equal(test.delivered().length, 4);
  deepEqual(test.journal(), []);
});

Deno.test("track_seen does without unique ids by comparing contents", async () => {
  using test = new TestRetriever({ preserve: true, trackSeen: true });
  test.server.add(...TEXTS);
  const rewrite = (reply: string, command: string) => command === "UIDL" ? "-ERR what\r\n" : reply;
  test.server.script = [{ rewrite }];
  for (let run = 0; run < 3; run++) await test.run();
  await test.server.close();
  equal(test.delivered().length, 3);
});

Deno.test("max_size leaves larger messages on the server, which is no error", async () => {
  using test = new TestRetriever({ maxSize: 100 });
  const large = `Subject: x\r\n\r\n${"y".repeat(200)}\r\n`;
  test.server.add(TEXTS[0]!, large, TEXTS[1]!);
  const report = await test.run();
  deepEqual(
    [report.failure, report.delivered, report.tooLarge, report.leftByError],
    [undefined, 2, 1, 0],
  );
  match(
    test.log.join("\n"),
    /message 2 stays on the server: its 216 octets are more than max_size/,
  );
  equal(test.server.messages.length, 1);
  await test.server.close();
});

Deno.test("max_size does not make the rest of an endless message be read", async () => {
  using test = new TestRetriever({ maxSize: 100 });
  test.server.add("Subject: a\r\n\r\n" + "without end\r\n".repeat(2_000_000));
  const rewrite = (reply: string, command: string) =>
    command === "LIST" ? "+OK\r\n1 50\r\n.\r\n" : reply;
  test.server.script = [{ rewrite }];
  const report = await test.run();
  match(report.failure ?? "", /the rest of message 1 is not wanted any more/);
  await test.server.close();
  deepEqual(test.delivered(), []);
});

Deno.test("max_size holds where LIST lies, and the messages behind it come", async () => {
  for (const pipelining of [true, false]) {
    using test = new TestRetriever({ maxSize: 100 });
    const large = `Subject: x\r\n\r\n${"y".repeat(200_000)}\r\n`;
    test.server.add(TEXTS[0]!, large, TEXTS[1]!);
    const lie: Misbehaviour = {
      pipelining,
      rewrite: (reply, command) => command === "LIST" ? reply.replace(/^2 .*$/m, "2 50") : reply,
    };
    test.server.script = [lie];
    const report = await test.run();
    await test.server.close();
    deepEqual([report.failure, report.delivered, report.leftByError], [undefined, 2, 1]);
    match(
      test.log.join("\n"),
      /larger than max_size \(100 octets\), although the server listed it with 50/,
    );
    equal(test.server.messages.length, 1);
    deepEqual(test.leftovers(), []);
  }
});

Deno.test("A Received header says where a message came from, in the destination's line ends", async () => {
  const time = Date.UTC(2026, 10, 21, 14, 3, 22);
  const expected =
    /^Received: from pop\.example\.org \(\[127\.0\.0\.1\]\)\r?\n\tby here\.example\.net \(Mailismus\) with POP3\r?\n\tfor <alice>; (?:Fri|Sat|Sun), 2\d Nov 2026 \d\d:\d\d:\d\d [+-]\d{4}\r?\nSubject: 1\r?\n/;
  for (const wire of [false, true]) {
    using test = new TestRetriever({ omitReceivedHeader: false });
    const { client } = test;
    test.client = {
      ...client,
      destination: { kind: "maildir", path: test.maildir, colon: ":", comma: ",", wire },
    };
    test.now = () => time;
    test.server.add(TEXTS[0]!);
    await test.run();
    await test.server.close();
    const [text] = test.delivered() as [string];
    match(text, expected);
    equal(text.includes("\r\n"), wire);
    const [name] = namesIn(`${test.maildir}/new`) as [string];
    const octets = text.replaceAll(/\r?\n/g, "\r\n").length;
    match(name, new RegExp(`,S=${text.length},W=${octets}$`));
    match(test.audit.join(""), new RegExp(`Octets=${TEXTS[0]!.length} `));
  }
});

Deno.test("Nothing configured can break the Received header", async () => {
  using test = new TestRetriever({ omitReceivedHeader: false, recip: "a>\r\nEvil: 1 (" });
  test.server.add(TEXTS[0]!);
  await test.run();
  await test.server.close();
  const [text] = test.delivered() as [string];
  match(text, /\tfor <a___Evil:_1__>; /);
});

Deno.test("dotstuffing = false stores wire form", async () => {
  using test = new TestRetriever();
  test.client = {
    ...test.client,
    destination: { kind: "maildir", path: test.maildir, colon: "+", comma: ";", wire: true },
  };
  test.server.add(TEXTS[1]!);
  await test.run();
  await test.server.close();
  deepEqual(test.delivered(), ["Subject: 2\r\n\r\n..two\r\n"]);
  match(namesIn(`${test.maildir}/new`)[0]!, /;S=21;W=20$/);
});

Deno.test("downloads_directory gets one file a message, as it came", async () => {
  using test = new TestRetriever({ recip: "../../etc/pass wd" });
  test.client = {
    ...test.client,
    destination: { kind: "files", directory: `${test.folder}/files/%U%/in` },
  };
  test.server.add(...TEXTS, "Subject: bare\nLF\r\n");
  const report = await test.run();
  await test.server.close();
  equal(report.failure, undefined);
  const folder = `${test.folder}/files/_._.._etc_pass_wd/in`;
  const names = namesIn(folder);
  deepEqual(names.map((name) => readLatin1(`${folder}/${name}`)), [
    ...TEXTS,
    "Subject: bare\nLF\r\n",
  ]);
  for (const name of names) {
    match(name, /^\d{8}T\d{6}\.\d{6}Z-P\d+R[0-9a-f]{8}Q\d+\.eml$/);
    equal((await Deno.stat(`${folder}/${name}`)).mode! & 0o777, 0o600);
  }
  match(test.audit[0]!, /File=\S*\/files\/_\._\.\._etc_pass_wd\/in\/\S+\.eml /);
  deepEqual(test.server.messages, []);
});

Deno.test("A dry run counts and changes nothing", async () => {
  using test = new TestRetriever({ preserve: true, trackSeen: true });
  test.server.add(...TEXTS);
  const first = await test.run(true);
  match(first.summary, /^would fetch 3 messages \(\d+ octets\) of 3 from .*; nothing was changed$/);
  deepEqual([namesIn(test.state), namesIn(`${test.folder}/ms`)], [[], []]);
  await test.run();
  const journal = test.journal();
  test.server.add("Subject: 4\r\n\r\n");
  match((await test.run(true)).summary, /would fetch 1 message .*3 fetched in earlier runs/);
  test.client = { ...test.client, preserve: false };
  match((await test.run(true)).summary, /would delete 3 messages fetched before/);
  await test.server.close();
  deepEqual(test.journal(), journal);
  equal(test.server.messages.length, 4);
  ok(!test.server.sessions.at(-1)!.some((line) => /^(?:RETR|DELE)/.test(line)));
});

Deno.test("capa asks for the capabilities after connecting", async () => {
  using test = new TestRetriever({ capa: true });
  await test.run();
  await test.server.close();
  deepEqual(test.server.sessions[0]!.slice(0, 4), ["CAPA", "USER bob", "PASS secret", "CAPA"]);
});

Deno.test("The transcript has every line but no secret and no message text", async () => {
  using test = new TestRetriever();
  test.server.add(TEXTS[0]!);
  await test.run();
  await test.server.close();
  const text = test.transcript.join("").replaceAll(/^\S+ \S+ \[\S+\] /gm, "");
  match(
    text,
    /^\*\* connected from 127\.0\.0\.1:\d+ to pop\.example\.org:110 \[127\.0\.0\.1\]\nS: \+OK ready\nC: USER bob\n/,
  );
  match(text, /C: PASS \*+\nS: \+OK welcome\n/);
  match(text, /C: STAT\nC: UIDL\nC: LIST\nS: \+OK 1 19\nS: \+OK\nS: 1 uid-\d+\nS: \.\n/);
  match(
    text,
    /C: RETR 1\nS: \+OK 19 octets\nS: \(19 octets of message\)\nC: DELE 1\nS: \+OK deleted\nC: QUIT\nS: \+OK bye\n\*\* ended\n$/,
  );
  ok(!text.includes("secret") && !text.includes("Subject"));
});

Deno.test("The audit's sender is From, else Sender; header fields are unfolded", async () => {
  using test = new TestRetriever();
  test.server.add(
    "Sender: s@x\r\nFrom: =?x?=\r\n Carol\r\n\t<c@x>\r\nMessage-ID:\r\n <1@x>\r\n\r\nFrom: body\r\n",
    "SENDER: s@x\r\n\r\n",
    "\r\nFrom: body\r\n",
  );
  await test.run();
  await test.server.close();
  const lines = test.audit.join("").split("\n");
  match(lines[0]!, /Message-ID=<1@x> Octets=\d+ Sender="=\?x\?= Carol <c@x>"$/);
  match(lines[1]!, /Message-ID=- Octets=15 Sender=s@x$/);
  match(lines[2]!, /Sender=-$/);
});
