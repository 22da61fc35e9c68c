import { deepEqual, equal, ok } from "node:assert/strict";
import { TestRetriever } from "../support/retriever.ts";

function mail(count: number, size = 100): string[] {
  return Array.from({ length: count }, (_, i) => `Subject: ${i}\r\n\r\n${"x".repeat(size)}\r\n`);
}

/** Tells `onWrite` what the retriever sends, write by write, and how many octets it had read by then. */
function watchWrites(
  test: TestRetriever,
  onWrite: (lines: string[], octetsRead: number) => void,
): void {
  const { connect } = test.dialer;
  test.dialer = {
    ...test.dialer,
    connect: async (...args) => {
      const connection = await connect(...args);
      const write = connection.write.bind(connection);
      const read = connection.read.bind(connection);
      let octets = 0;
      connection.read = async (target) => {
        const count = await read(target);
        octets += count ?? 0;
        return count;
      };
      connection.write = (bytes) => {
        onWrite(new TextDecoder().decode(bytes).split("\r\n").slice(0, -1), octets);
        return write(bytes);
      };
      return connection;
    },
  };
}

Deno.test("With PIPELINING a distant mailbox costs few round trips", async () => {
  const writes: number[] = [];
  for (const pipelining of [true, false]) {
    using test = new TestRetriever();
    test.server.add(...mail(150));
    test.server.script = [{ pipelining }];
    let count = 0;
    watchWrites(test, (lines) => {
      count++;
      ok(pipelining || lines.length === 1, "one command at a time");
    });
    const report = await test.run();
    writes.push(count);
    await test.server.close();
    deepEqual([report.delivered, test.server.messages.length], [150, 0]);
  }
  const [pipelined, single] = writes as [number, number];
  // Nothing is sent but to wait for what it brings, so writes are round trips.
  equal(single, 3 + 3 + 150 + 150 + 1);
  ok(single >= 10 * pipelined, `${pipelined} writes against ${single}`);
});

Deno.test("The window is bounded in commands and in octets", async () => {
  using test = new TestRetriever();
  const texts = [...mail(2200), ...mail(5, 1_500_000)];
  test.server.add(...texts);
  let unanswered = 0;
  let octets = 0;
  let most = [0, 0];
  const sizes = texts.map((text) => text.length);
  test.server.script = [{
    rewrite: (reply, command) => {
      if (!command.startsWith("RETR") && !command.startsWith("DELE")) return reply;
      unanswered--;
      if (command.startsWith("RETR")) octets -= sizes[Number(command.slice(5)) - 1]!;
      return reply;
    },
  }];
  watchWrites(test, (lines) => {
    for (const line of lines) {
      if (/^(?:RETR|DELE)/.test(line)) unanswered++;
      if (line.startsWith("RETR")) octets += sizes[Number(line.slice(5)) - 1]!;
    }
    most = [Math.max(most[0]!, unanswered), Math.max(most[1]!, octets)];
  });
  const report = await test.run();
  await test.server.close();
  equal(report.delivered, texts.length);
  ok(most[0]! > 100 && most[0]! <= 1000, `${most[0]} commands`);
  ok(most[1]! <= 4 * 1024 * 1024, `${most[1]} octets`);
});

Deno.test("A large message is asked for while the one before it comes, and no earlier", async () => {
  using test = new TestRetriever();
  const size = 5_000_000;
  test.server.add(...mail(5, size));
  const readBefore: number[] = [];
  watchWrites(test, (lines, octets) => {
    for (const line of lines) if (line.startsWith("RETR")) readBefore.push(octets);
  });
  const report = await test.run();
  await test.server.close();
  equal(report.delivered, 5);
  const complete = readBefore.map((octets) => Math.floor(octets / size));
  deepEqual(complete, [0, 0, 1, 2, 3]);
});
