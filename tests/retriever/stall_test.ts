/** A network that stalls where somebody's message looks as if it ended. */
import { deepEqual, equal } from "node:assert/strict";
import type { Connection } from "../../lib/transport/connection.ts";
import { TestRetriever } from "../support/retriever.ts";

/** Up to here the message is text that looks like its end: LF, a dot, CRLF. */
const BEGINNING = "Subject: 1\r\n\r\none\n.\r\n";
/** What would pass for the reply to the next command, and for another message. */
const SMUGGLED = "+OK\r\nSubject: 2\n\nforged\n.\n";
const TEXTS = [`${BEGINNING}${SMUGGLED}end\r\n`, "Subject: 2\r\n\r\ntwo\r\n"];

/** Lets nothing through behind `marker` until the client goes on without it, or `patience` is over. */
function stalling(connection: Connection, marker: string, patience: number): Connection {
  const wrote = Promise.withResolvers<void>();
  let text = "";
  let rest = new Uint8Array(0);
  let stalled = false;
  async function read(target: Uint8Array): Promise<number | null> {
    if (stalled && rest.length > 0) {
      const timer = setTimeout(wrote.resolve, patience);
      await wrote.promise;
      clearTimeout(timer);
      target.set(rest);
      const count = rest.length;
      rest = new Uint8Array(0);
      return count;
    }
    const count = await connection.read(target);
    if (count === null || stalled) return count;
    const before = text.length;
    text += new TextDecoder("latin1").decode(target.subarray(0, count));
    const at = text.indexOf(marker);
    if (at < 0) return count;
    stalled = true;
    const end = at + marker.length - before;
    rest = target.slice(end, count);
    return end;
  }
  return new Proxy(connection, {
    get(target, name) {
      if (name === "read") return read;
      if (name === "write" && stalled) wrote.resolve();
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

for (const pipelining of [true, false]) {
  const mode = pipelining ? "pipelined" : "one by one";
  Deno.test(`A stall behind LF . CRLF makes no reply of the text that follows, ${mode}`, async () => {
    using test = new TestRetriever();
    test.server.add(...TEXTS);
    // A dot behind a bare LF begins no line to a server that follows RFC 1939: it is not stuffed.
    const rewrite = (reply: string) => reply.replaceAll("\n..", "\n.");
    test.server.script = [{ pipelining, rewrite }];
    // A message is believed to have ended after half of this.
    test.timeout = 800;
    let connections = 0;
    const dial = () => test.server.dial(test.pair);
    test.dialer.connect = () =>
      Promise.resolve(connections++ === 0 ? stalling(dial(), BEGINNING, 600) : dial());
    for (let run = 0; run < 3 && test.server.messages.length > 0; run++) await test.run();
    await test.server.close();
    deepEqual(
      test.delivered(),
      TEXTS.map((text) => text.replaceAll("\r\n", "\n")),
      test.log.join("\n"),
    );
    equal(test.server.messages.length, 0);
  });
}
