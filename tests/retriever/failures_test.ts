/**
 * What happens when messages cannot be delivered: nothing leaves the server that is not safe.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  type Destination,
  DestinationError,
  MessageRefusedError,
  type Receiver,
} from "../../lib/retriever/destination.ts";
import { Journal, JournalError } from "../../lib/retriever/journal.ts";
import { namesIn, TestRetriever } from "../support/retriever.ts";

function mail(count: number, size = 20): string[] {
  return Array.from(
    { length: count },
    (_, i) => `Message-ID: <${i}@x>\r\n\r\n${"b".repeat(size)} ${i}\r\n`,
  );
}

function onDisk(texts: readonly string[]): string[] {
  return texts.map((text) => text.replaceAll("\r\n", "\n"));
}

/** A destination of which one step fails when `when` says so. */
function failing(
  destination: Destination,
  step: "open" | "receive" | "write" | "finish" | "secure" | "publish" | "recover",
  error: () => Error | undefined,
): Destination {
  const check = (): void => {
    const fault = error();
    if (fault !== undefined) throw fault;
  };
  const receiverOf = (receiver: Receiver): Receiver => ({
    write(bytes) {
      if (step === "write") check();
      return receiver.write(bytes);
    },
    finish() {
      if (step === "finish") check();
      return receiver.finish();
    },
    discard: () => receiver.discard(),
  });
  return new Proxy(destination, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name === "receive") {
        return async (...args: Parameters<Destination["receive"]>) => {
          if (step === "receive") check();
          return receiverOf(await target.receive(...args));
        };
      }
      return (...args: unknown[]) => {
        if (name === step) check();
        return Reflect.apply(value, target, args);
      };
    },
  });
}

async function thenWell(test: TestRetriever, texts: readonly string[]): Promise<void> {
  test.wrap = (destination) => destination;
  const report = await test.run();
  await test.server.close();
  equal(report.failure, undefined);
  deepEqual(test.delivered().sort(), onDisk(texts).sort(), test.log.join("\n"));
  deepEqual(test.server.messages, []);
  deepEqual(test.leftovers(), []);
  deepEqual(test.journal(), []);
}

Deno.test("A mail server gets no message that the journal has no room for", async () => {
  using test = new TestRetriever();
  test.server.add(...mail(3));
  let finished = 0;
  const server: Receiver = {
    write() {},
    finish() {
      finished++;
      return { places: [] };
    },
    async discard() {},
  };
  test.wrap = (destination) =>
    new Proxy(destination, {
      get(target, name) {
        if (name === "recoverable") return false;
        if (name === "receive") return () => server;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  const { checkRoom } = Journal.prototype;
  let checks = 0;
  Journal.prototype.checkRoom = function () {
    if (++checks === 2) throw new JournalError("the disk is full");
    checkRoom.call(this);
  };
  try {
    const report = await test.run();
    match(report.failure ?? "", /the disk is full/);
  } finally {
    Journal.prototype.checkRoom = checkRoom;
  }
  await test.server.close();
  equal(finished, 1, "the first message was handed on, the second was not");
  equal(test.server.messages.length, 2);
});

for (const pipelining of [true, false]) {
  for (
    const step of ["open", "receive", "write", "finish", "secure", "publish", "recover"] as const
  ) {
    Deno.test(`Nothing is lost or repeated if ${step}() fails (pipelining: ${pipelining})`, async () => {
      using test = new TestRetriever();
      const texts = mail(4);
      test.server.add(...texts);
      test.server.script = [{ pipelining }];
      let calls = 0;
      const second = step !== "open" && step !== "recover" && step !== "publish" &&
        step !== "secure";
      test.wrap = (destination) =>
        failing(
          destination,
          step,
          () =>
            ++calls === (second ? 2 : 1)
              ? new DestinationError("Cannot do it: it broke")
              : undefined,
        );
      const report = await test.run();
      match(report.failure ?? "", /^Cannot do it: it broke$/);
      const left = 4 - test.server.messages.length;
      equal(left, second ? 1 : 0, "what was safe is deleted, the rest stays");
      await thenWell(test, texts);
    });
  }

  Deno.test(`A full disk stops no smaller message (pipelining: ${pipelining})`, async () => {
    using test = new TestRetriever();
    const [large] = mail(1, 300_000) as [string];
    const texts = [mail(1)[0]!, large, ...mail(4).slice(1)];
    test.server.add(...texts);
    test.server.script = [{ pipelining }];
    let written = 0;
    test.wrap = (destination) =>
      failing(destination, "write", () => {
        if (written++ !== 1) return undefined;
        return new DestinationError("Cannot write: the disk is full", { full: true });
      });
    const report = await test.run();
    deepEqual([report.failure, report.delivered, report.leftByError], [undefined, 4, 1]);
    match(test.log.join("\n"), /message 2 stays on the server: Cannot write: the disk is full/);
    await thenWell(test, texts);
  });

  Deno.test(`A disk that stays full ends the session in good order (pipelining: ${pipelining})`, async () => {
    using test = new TestRetriever();
    const texts = mail(6);
    test.server.add(...texts);
    test.server.script = [{ pipelining }];
    let written = 0;
    test.wrap = (destination) =>
      failing(
        destination,
        "write",
        () => written++ < 2 ? undefined : new DestinationError("the disk is full", { full: true }),
      );
    const report = await test.run();
    equal(report.failure, "the disk is full");
    deepEqual([report.delivered, report.deleted, test.server.messages.length], [2, 2, 4]);
    ok(test.server.sessions[0]!.includes("QUIT"));
    await thenWell(test, texts);
  });

  Deno.test(`A message that is refused for good stays, the others come (pipelining: ${pipelining})`, async () => {
    using test = new TestRetriever();
    const texts = mail(4);
    test.server.add(...texts);
    test.server.script = [{ pipelining }];
    let finished = 0;
    test.wrap = (destination) =>
      failing(
        destination,
        "finish",
        () => ++finished === 2 ? new MessageRefusedError("550 no such user") : undefined,
      );
    const report = await test.run();
    deepEqual([report.failure, report.delivered, report.leftByError], [undefined, 3, 1]);
    match(test.log.join("\n"), /message 2 stays on the server: 550 no such user/);
    await thenWell(test, texts);
  });
}

Deno.test("A large message that cannot be stored is not read to its end", async () => {
  using test = new TestRetriever();
  test.server.add(mail(1, 40_000_000)[0]!);
  test.server.script = [{ chunk: 65_536 }];
  test.pair = { capacity: 65_536 };
  test.wrap = (destination) =>
    failing(
      destination,
      "receive",
      () => new DestinationError("Cannot write: read-only file system"),
    );
  const report = await test.run();
  await test.server.close();
  equal(report.failure, "Cannot write: read-only file system");
  ok(test.server.sent[0]! < 30_000_000, `${test.server.sent[0]} octets were sent`);
});

Deno.test("Without a journal nothing is fetched", async () => {
  using test = new TestRetriever();
  test.server.add(...mail(2));
  await Deno.writeTextFile(test.state, "a file where the folder should be");
  const report = await test.run();
  match(report.failure ?? "", /^Cannot create the folder .*state: /);
  equal(test.server.sessions.length, 0);
  await Deno.remove(test.state);
  await thenWell(test, mail(2));
});

Deno.test("If the journal cannot be written, nothing is delivered that it does not know of", async () => {
  using test = new TestRetriever();
  const texts = mail(3);
  test.server.add(...texts);
  // A folder in the journal's place can be read as little as it can be written.
  await test.run();
  const name = namesIn(test.state).find((file) => file.endsWith(".journal"))!;
  test.server.add(...texts);
  await Deno.remove(`${test.state}/${name}`);
  await Deno.mkdir(`${test.state}/${name}`);
  const report = await test.run();
  match(report.failure ?? "", /Cannot read the journal/);
  equal(test.server.messages.length, 3);
  await Deno.remove(`${test.state}/${name}`);
  await thenWell(test, [...texts, ...texts]);
});

Deno.test("A folder that cannot be written is reported with its path", async () => {
  using test = new TestRetriever();
  const texts = mail(2);
  test.server.add(...texts);
  await Deno.mkdir(`${test.folder}/ms/alice`, { recursive: true });
  await Deno.writeTextFile(test.maildir, "a file where the Maildir should be");
  const report = await test.run();
  match(report.failure ?? "", /^Cannot open the mailbox .*Maildir: /);
  await Deno.remove(test.maildir);
  await thenWell(test, texts);
});

Deno.test("A run that the program's end interrupts ends in good order", async () => {
  using test = new TestRetriever();
  const texts = mail(1500);
  test.server.add(...texts);
  let received = 0;
  test.wrap = (destination) =>
    failing(destination, "finish", () => {
      if (++received === 20) test.ending.abort();
      return undefined;
    });
  const report = await test.run();
  ok(
    report.interrupted && report.delivered >= 20 && report.delivered < 1500,
    `${report.delivered}`,
  );
  equal(test.server.messages.length, 1500 - report.delivered, "what was delivered is deleted");
  await test.server.close();
});

Deno.test("A connection that cannot be made is reported as it stands", async () => {
  using test = new TestRetriever();
  test.dialer = {
    ...test.dialer,
    connect: () =>
      Promise.reject(new Error("Cannot connect to pop.example.org:110: connection refused")),
  };
  const report = await test.run();
  match(report.summary, /^nothing from bob at .*: Cannot connect to pop.*refused$/);
});
