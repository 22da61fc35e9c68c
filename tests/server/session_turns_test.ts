import assert from "node:assert/strict";
import { runSession } from "../../lib/server/session.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { bytesOf } from "../support/mailbox.ts";
import { sessionOptions } from "../support/memory_dialogue.ts";

/** Far more than can be read before a turn is due. */
const MOST_READS = 20_000;

Deno.test("a client whose every read and write ends at once leaves the thread's timers and sockets their turn", async () => {
  const options = sessionOptions();
  const login = bytesOf("USER alice\r\nPASS secret\r\n");
  const commands = bytesOf("NOOP\r\n".repeat(300));
  let reads = 0;
  let turned = false;
  const connection: Connection = {
    local: { address: "127.0.0.1", port: 110 },
    peer: { address: "127.0.0.1", port: 40000 },
    read(buffer) {
      if (turned || reads === MOST_READS) return Promise.resolve(null);
      if (reads++ === 1) setTimeout(() => turned = true, 0);
      const input = reads === 1 ? login : commands;
      buffer.set(input);
      return Promise.resolve(input.length);
    },
    write: () => Promise.resolve(),
    close: () => {},
  };
  await runSession(connection, options);
  assert.ok(turned, `no turn within ${reads} reads`);
});
