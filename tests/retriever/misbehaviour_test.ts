import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Misbehaviour } from "../support/scripted_pop3_server.ts";
import { TestRetriever } from "../support/retriever.ts";

function mail(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `Message-ID: <${i}@x>\r\n\r\n.dot\r\nbody ${i}\r\n`,
  );
}

function onDisk(texts: readonly string[]): string[] {
  return texts.map((text) => text.replaceAll("\r\n", "\n"));
}

/** Runs until the server is empty, and checks that every message came once. */
async function untilEmpty(
  test: TestRetriever,
  texts: readonly string[],
  runs = 3,
): Promise<void> {
  for (let run = 0; run < runs && test.server.messages.length > 0; run++) await test.run();
  await test.server.close();
  const context = test.log.join("\n");
  deepEqual(test.server.messages, [], context);
  deepEqual(test.delivered(), onDisk(texts), context);
  deepEqual(test.leftovers(), []);
}

const BOTH = [true, false];

for (const pipelining of BOTH) {
  const mode = pipelining ? "pipelined" : "one by one";

  Deno.test(`runClient() survives QUIT without an answer, ${mode}`, async () => {
    for (const quit of ["cut", "cut-after", "err"] as const) {
      using test = new TestRetriever();
      const texts = mail(4);
      test.server.add(...texts);
      test.server.script = [{ quit, pipelining }, { pipelining }];
      const report = await test.run();
      match(report.failure ?? "", /QUIT|could not delete/);
      equal(report.deleted, 0, "not confirmed");
      ok(quit !== "cut-after" || test.server.messages.length === 0);
      await untilEmpty(test, texts);
      const again = test.server.sessions[1] ?? [];
      deepEqual(again.filter((line) => line.startsWith("RETR")), [], "deleted, not fetched again");
    }
  });

  Deno.test(`runClient() leaves a message that RETR refuses and goes on, ${mode}`, async () => {
    using test = new TestRetriever();
    const texts = mail(4);
    test.server.add(...texts);
    const refuse: Misbehaviour = {
      pipelining,
      rewrite: (reply, command) => command === "RETR 2" ? "-ERR cannot open it\r\n" : reply,
    };
    test.server.script = [refuse, { pipelining }];
    const report = await test.run();
    deepEqual([report.failure, report.delivered, report.leftByError], [undefined, 3, 1]);
    match(test.log.join("\n"), /message 2 stays on the server: .*cannot open it/);
    equal(test.server.messages.length, 1);
    await untilEmpty(test, [texts[0]!, texts[2]!, texts[3]!, texts[1]!]);
  });

  Deno.test(`runClient() never fetches again what DELE refused to delete, ${mode}`, async () => {
    using test = new TestRetriever();
    const texts = mail(3);
    test.server.add(...texts);
    const refuse: Misbehaviour = {
      pipelining,
      rewrite: (reply, command) => command.startsWith("DELE") ? "-ERR read-only\r\n" : reply,
      quit: "cut",
    };
    test.server.script = [refuse, refuse, { pipelining }];
    for (let run = 0; run < 2; run++) {
      const report = await test.run();
      equal(report.leftByError, 3);
    }
    match(test.log.join("\n"), /refuses to delete it.*without fetching it/);
    await untilEmpty(test, texts);
    deepEqual(test.server.sessions[1]!.filter((line) => line.startsWith("RETR")), []);
  });

  Deno.test(`runClient() takes a UIDL that returns after a clean QUIT for new mail, ${mode}`, async () => {
    using test = new TestRetriever();
    const texts = mail(2);
    test.server.script = [{ pipelining }];
    for (const text of texts) {
      test.server.messages = [{ uid: "always-the-same", text }];
      equal((await test.run()).delivered, 1);
    }
    await untilEmpty(test, texts);
  });

  Deno.test(`runClient() fetches a known UIDL with another size, and compares, ${mode}`, async () => {
    using test = new TestRetriever();
    const [first, other] = [
      mail(1)[0]!,
      "Subject: another one\r\n\r\nthat is longer than that\r\n",
    ];
    test.server.messages = [{ uid: "reused", text: first }];
    test.server.script = [{ quit: "cut-after", pipelining }, { pipelining }];
    await test.run();
    test.server.messages = [{ uid: "reused", text: other }];
    await untilEmpty(test, [first, other]);
  });
}

const UIDL_FAULTS: Record<string, (reply: string) => string> = {
  missing: () => "-ERR unknown command\r\n",
  empty: () => "+OK\r\n.\r\n",
  "one line short": (reply) => reply.replace(/2 .*\r\n/, ""),
  overlong: (reply) => reply.replace(/^(\d+) .*$/gm, `$1 ${"u".repeat(71)}`),
  duplicate: (reply) => reply.replace(/^(\d+) .*$/gm, "$1 same"),
  "of odd characters": (reply) => reply.replace(/^(\d+) .*$/gm, "$1 a\x01b"),
  "with strange lines": (reply) =>
    reply.replace("\r\n1 ", "\r\nnonsense\r\n0 zero\r\n-1 minus\r\n1 "),
};

for (const [name, fault] of Object.entries(UIDL_FAULTS)) {
  Deno.test(`runClient() copes with a UIDL list that is ${name}`, async () => {
    using test = new TestRetriever();
    const texts = mail(3);
    test.server.add(...texts);
    const rewrite = (reply: string, command: string) => command === "UIDL" ? fault(reply) : reply;
    test.server.script = [{ rewrite }];
    const report = await test.run();
    equal(report.failure, undefined);
    equal(report.leftByError, 0);
    await untilEmpty(test, texts);
    deepEqual(test.journal(), []);
    const warned = /fetched to be compared/.test(test.log.join("\n"));
    equal(warned, name !== "with strange lines");
  });

  Deno.test(`runClient() repeats nothing after a cut though the UIDL list is ${name}`, async () => {
    const texts = mail(3);
    for (const quit of ["cut", "cut-after"] as const) {
      using test = new TestRetriever();
      test.server.add(...texts);
      const rewrite = (reply: string, command: string) => command === "UIDL" ? fault(reply) : reply;
      test.server.script = [{ rewrite, quit }, { rewrite }];
      await test.run();
      test.server.add("Subject: one more\r\n\r\n");
      await untilEmpty(test, [...texts, "Subject: one more\r\n\r\n"]);
      deepEqual(test.journal(), []);
    }
  });
}

Deno.test("runClient() recognises messages whose UIDLs changed after a cut", async () => {
  using test = new TestRetriever();
  const texts = mail(3);
  test.server.add(...texts);
  test.server.script = [{ quit: "cut" }, {}];
  await test.run();
  test.server.messages.forEach((message, i) => message.uid = `changed-${i}`);
  const report = await test.run();
  deepEqual([report.delivered, report.deleted], [0, 3]);
  await untilEmpty(test, texts);
});

Deno.test("runClient() forgets nothing because of lists that are shorter than STAT says", async () => {
  for (const kept of [0, 1]) {
    using test = new TestRetriever({ preserve: true, trackSeen: true });
    test.server.add(...mail(3));
    const shortened = (reply: string, command: string) =>
      /UIDL|LIST/.test(command)
        ? [...reply.split("\r\n").slice(0, 1 + kept), ".\r\n"].join("\r\n")
        : reply;
    test.server.script = [{}, { rewrite: shortened }, {}];
    for (let run = 0; run < 3; run++) await test.run();
    await test.server.close();
    deepEqual(test.delivered(), onDisk(mail(3)));
  }
});

Deno.test("runClient() recognises messages that a server numbers anew, under each other's UIDLs", async () => {
  using test = new TestRetriever();
  const texts = ["A: 1\r\n\r\na\r\n", "A: 2\r\n\r\nbbbb\r\n", "A: 3\r\n\r\nccccccc\r\n"];
  test.server.add(...texts);
  test.server.messages.forEach((message, i) => message.uid = String(i + 1));
  test.server.script = [{ quit: "cut" }, { quit: "cut" }, {}];
  await test.run();
  // Something else deleted the first one.
  test.server.messages.shift();
  test.server.messages.forEach((message, i) => message.uid = String(i + 1));
  const report = await test.run();
  equal(report.delivered, 0);
  await untilEmpty(test, texts);
});

Deno.test("runClient() knows what it delivered though ids change and a session could not fetch", async () => {
  using test = new TestRetriever({ preserve: true, trackSeen: true });
  test.server.add(...mail(2));
  let session = 0;
  const ids = (reply: string, command: string) =>
    command === "UIDL" ? `+OK\r\n1 a${++session}\r\n2 b${session}\r\n.\r\n` : reply;
  const refuse = (reply: string, command: string) =>
    command.startsWith("RETR") ? "-ERR not now\r\n" : ids(reply, command);
  test.server.script = [{ rewrite: ids }, { rewrite: refuse }, { rewrite: ids }];
  for (let run = 0; run < 3; run++) await test.run();
  await test.server.close();
  deepEqual(test.delivered(), onDisk(mail(2)), test.log.join("\n"));
});

Deno.test("runClient() does not ask for a million messages of which no list knows", async () => {
  using test = new TestRetriever();
  test.server.script = [{
    rewrite: (reply, command) => command === "STAT" ? "+OK 1000000 5\r\n" : reply,
  }];
  equal((await test.run()).failure, undefined);
  await test.server.close();
  ok(!test.server.sessions[0]!.some((line) => line.startsWith("RETR")));
});

const LIES: Record<string, Misbehaviour["rewrite"]> = {
  "STAT says none": (reply, command) => command === "STAT" ? "+OK 0 0\r\n" : reply,
  "STAT says millions": (reply, command) => command === "STAT" ? "+OK 4000000 1\r\n" : reply,
  "STAT makes no sense": (reply, command) => command === "STAT" ? "+OK many\r\n" : reply,
  "STAT is refused": (reply, command) => command === "STAT" ? "-ERR no\r\n" : reply,
  "LIST says other sizes": (reply, command) =>
    command === "LIST" ? reply.replace(/^(\d+) .*$/gm, "$1 1") : reply,
  "LIST is refused": (reply, command) => command === "LIST" ? "-ERR no\r\n" : reply,
  "LIST is short": (reply, command) => command === "LIST" ? "+OK\r\n1 40\r\n.\r\n" : reply,
  "RETR says other sizes": (reply, command) =>
    command.startsWith("RETR") ? reply.replace(/^\+OK \d+/, "+OK 1") : reply,
};

for (const [name, rewrite] of Object.entries(LIES)) {
  Deno.test(`runClient() is not misled where ${name}`, async () => {
    using test = new TestRetriever();
    const texts = mail(3);
    test.server.add(...texts);
    test.server.script = [{ rewrite: rewrite! }];
    const report = await test.run();
    deepEqual([report.failure, report.delivered, report.leftByError], [undefined, 3, 0]);
    await untilEmpty(test, texts);
  });
}

Deno.test("runClient() reports a message that the server lists but does not have", async () => {
  using test = new TestRetriever();
  const texts = mail(2);
  test.server.add(...texts);
  const rewrite = (reply: string, command: string) =>
    command === "LIST" ? reply.replace(".\r\n", "3 100\r\n.\r\n") : reply;
  test.server.script = [{ rewrite }];
  const report = await test.run();
  deepEqual([report.delivered, report.leftByError], [2, 1]);
  await untilEmpty(test, texts);
});

Deno.test("runClient() survives LF line ends in replies and messages", async () => {
  for (const pipelining of BOTH) {
    using test = new TestRetriever();
    const texts = mail(3);
    test.server.add(...texts);
    test.server.script = [{ pipelining, rewrite: (reply) => reply.replaceAll("\r\n", "\n") }];
    await test.run();
    await untilEmpty(test, texts);
  }
});

Deno.test("runClient() survives replies in pieces of every size", async () => {
  for (let chunk = 1; chunk <= 24; chunk++) {
    using test = new TestRetriever();
    const texts = mail(2);
    test.server.add(...texts);
    test.server.script = [{ chunk }];
    test.pair = { chunk };
    await test.run();
    await untilEmpty(test, texts);
  }
});

Deno.test("runClient() takes a terminator that is glued to an unfinished last line", async () => {
  using test = new TestRetriever();
  const text = "Subject: x\r\n\r\nno end";
  test.server.add(text);
  const rewrite = (reply: string, command: string) =>
    command.startsWith("RETR") ? `+OK\r\n${text}.\r\n` : reply;
  test.server.script = [{ rewrite, pipelining: false }];
  const report = await test.run();
  equal(report.failure, undefined);
  await untilEmpty(test, [text]);
});

for (const chunk of [1, 7, Infinity]) {
  Deno.test(`runClient() tells glued messages apart from replies sent ahead, in pieces of ${chunk}`, async () => {
    for (const preserve of BOTH) {
      using test = new TestRetriever({ preserve });
      const texts = [
        "A: 1\r\n\r\nwhole\r\n",
        "A: 2\r\n\r\nno end",
        "A: 3\r\n\r\n.dot.",
        "A: 4\r\n",
      ];
      test.server.add(...texts);
      // The scripted server puts the terminator behind the text as it is.
      test.server.script = [{ chunk }];
      test.timeout = 200;
      const report = await test.run();
      await test.server.close();
      equal(report.failure, undefined);
      deepEqual(test.delivered(), onDisk(texts), test.log.join("\n"));
      equal(test.server.messages.length, preserve ? texts.length : 0);
      match(test.log.join("\n"), /ends a message on its last line.*one message at a time/);
    }
  });
}

Deno.test("runClient() takes a terminator behind a bare LF in a message of CRLF lines", async () => {
  using test = new TestRetriever();
  const text = "Subject: x\r\n\r\nbody\n";
  test.server.add(text);
  const rewrite = (reply: string, command: string) =>
    command.startsWith("RETR") ? `+OK\r\n${text}.\r\n` : reply;
  test.server.script = [{ rewrite, pipelining: false }];
  await test.run();
  await untilEmpty(test, [text]);
});

Deno.test("runClient() does not take LF . LF inside a message for its end", async () => {
  using test = new TestRetriever();
  const text = "Subject: x\r\n\r\nbody\n.\n-ERR smuggled\r\n+OK\r\nend\r\n";
  test.server.add(text);
  const rewrite = (reply: string, command: string) =>
    command.startsWith("RETR") ? `+OK\r\n${text}.\r\n` : reply;
  test.server.script = [{ rewrite }];
  await test.run();
  await untilEmpty(test, [text]);
});

for (const silentAt of [/^USER/, /^CAPA/, /^UIDL/, /^RETR 2/, /^DELE/, /^QUIT/]) {
  Deno.test(`runClient() gives up a server that is silent at ${silentAt.source}`, async () => {
    using test = new TestRetriever();
    test.timeout = 60;
    const texts = mail(3);
    test.server.add(...texts);
    test.server.script = [{ silentAt }, {}];
    const report = await test.run();
    match(report.failure ?? "", /said nothing for 0.06 s/);
    await untilEmpty(test, texts);
  });
}

Deno.test("runClient() gives up a status line that does not become complete in time", async () => {
  using test = new TestRetriever();
  test.timeout = 80;
  test.server.script = [{ greeting: `+OK ${"x".repeat(100)}`, chunk: 1 }];
  match((await test.run()).failure ?? "", /said nothing/);
  await test.server.close();
});

const FLOODS: Record<string, Misbehaviour> = {
  "an endless greeting": { greeting: "+OK " + "x".repeat(100_000) },
  "an endless status line": {
    rewrite: (reply, command) => command.startsWith("RETR") ? "+OK" + "x".repeat(100_000) : reply,
  },
  "a status line that is too long, at once": {
    rewrite: (reply, command) =>
      command.startsWith("RETR") ? `+OK ${"x".repeat(9000)}\r\n${reply}` : reply,
  },
  "no reply at all": {
    rewrite: (reply, command) => command === "STAT" ? "HTTP/1.1 200 OK\r\n" : reply,
  },
};

for (const [name, misbehaviour] of Object.entries(FLOODS)) {
  Deno.test(`runClient() ends a session in which the server sends ${name}`, async () => {
    using test = new TestRetriever();
    const texts = mail(1);
    test.server.add(...texts);
    test.server.script = [misbehaviour, {}];
    const report = await test.run();
    match(report.failure ?? "", /which is no reply|more than 8192 octets/);
    ok((report.failure ?? "").length < 300);
    await untilEmpty(test, texts);
  });
}

Deno.test("runClient() tells the destination which messages there are, if it knows all of them", async () => {
  using test = new TestRetriever({ preserve: true });
  test.server.add(...mail(2));
  const ids = test.server.messages.map(({ uid }) => uid);
  const told: string[][] = [];
  test.wrap = (destination) =>
    Object.assign(destination, {
      retain: (uids: ReadonlySet<string>) => Promise.resolve(void told.push([...uids])),
    });
  const short = (reply: string, command: string) =>
    command === "UIDL" ? `+OK\r\n1 ${ids[0]}\r\n.\r\n` : reply;
  test.server.script = [{}, { rewrite: short }];
  for (let run = 0; run < 2; run++) await test.run();
  await test.server.close();
  deepEqual(told, [ids]);
});
