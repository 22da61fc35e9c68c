/**
 * What a run makes of what an interrupted one left. The crash tests kill processes; here the
 * remains are laid out by hand, together with what others may have done to them in between.
 */
import { deepEqual, equal, match } from "node:assert/strict";
import type { Destination } from "../../lib/retriever/destination.ts";
import { namesIn, readLatin1, TestRetriever } from "../support/retriever.ts";

const TEXTS = ["Subject: 1\r\n\r\none\r\n", "Subject: 2\r\n\r\ntwo\r\n"];
const ON_DISK = TEXTS.map((text) => text.replaceAll("\r\n", "\n"));
const HOUR = 60 * 60 * 1000;

/** A destination that is interrupted in `publish`, before or after moving the messages. */
function interrupted(destination: Destination, moved: boolean): Destination {
  return new Proxy(destination, {
    get(target, name) {
      if (name === "publish") {
        return async (...args: Parameters<Destination["publish"]>) => {
          if (moved) await target.publish(...args);
          throw new Error("interrupted");
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A retriever whose first run was interrupted while two messages were being published. */
async function afterInterruption(moved: boolean, into?: string): Promise<TestRetriever> {
  const test = new TestRetriever();
  if (into !== undefined) {
    const directory = `${test.folder}/${into}`;
    test.client = { ...test.client, destination: { kind: "files", directory } };
  }
  test.server.add(...TEXTS);
  test.wrap = (destination) => interrupted(destination, moved);
  const report = await test.run();
  equal(report.failure, "interrupted");
  test.wrap = (destination) => destination;
  equal(test.server.messages.length, 2);
  return test;
}

function fetched(test: TestRetriever): string[] {
  return test.server.sessions.at(-1)!.filter((line) => line.startsWith("RETR"));
}

Deno.test("A message that was announced but not moved is moved, and not fetched again", async () => {
  using test = await afterInterruption(false);
  equal(test.leftovers().length, 2);
  const report = await test.run();
  await test.server.close();
  deepEqual([report.failure, fetched(test), test.delivered()], [undefined, [], ON_DISK]);
  match(test.log.join("\n"), /2 messages that the last run had received .* are delivered/);
  deepEqual([test.server.messages, test.leftovers(), test.journal()], [[], [], []]);
});

Deno.test("A message that was moved is found in new/ and in cur/, whatever its flags", async () => {
  using test = await afterInterruption(true);
  const [first] = namesIn(`${test.maildir}/new`) as [string];
  await Deno.rename(`${test.maildir}/new/${first}`, `${test.maildir}/cur/${first}:2,FRS`);
  await test.run();
  await test.server.close();
  deepEqual([fetched(test), test.delivered().sort(), test.server.messages], [[], ON_DISK, []]);
});

Deno.test("A message that its reader has taken already is not delivered again", async () => {
  using test = await afterInterruption(true);
  for (const name of namesIn(`${test.maildir}/new`)) {
    await Deno.remove(`${test.maildir}/new/${name}`);
  }
  test.now = () => Date.now() + 23 * HOUR;
  await test.run();
  await test.server.close();
  deepEqual([fetched(test), test.delivered(), test.server.messages], [[], [], []]);
});

Deno.test("What is nowhere after a long time is fetched again, and that is said", async () => {
  using test = await afterInterruption(true);
  for (const name of namesIn(`${test.maildir}/new`)) {
    await Deno.remove(`${test.maildir}/new/${name}`);
  }
  // Others clear tmp/ of what is older than 36 hours: it may never have been moved.
  test.now = () => Date.now() + 37 * HOUR;
  await test.run();
  await test.server.close();
  deepEqual([test.delivered(), test.server.messages], [ON_DISK, []]);
  match(test.log.join("\n"), /cannot be told whether they were delivered: they are fetched again/);
});

Deno.test("A file in tmp/ that is not whole is fetched again", async () => {
  using test = await afterInterruption(false);
  const [first] = test.leftovers() as [string];
  await Deno.truncate(`${test.maildir}/tmp/${first}`, 3);
  await test.run();
  await test.server.close();
  deepEqual(fetched(test).length, 1);
  deepEqual([test.delivered().sort(), test.leftovers()], [ON_DISK, []]);
});

Deno.test("Recovery does not wait for the server", async () => {
  using test = await afterInterruption(false);
  const { dialer } = test;
  test.dialer = { ...dialer, connect: () => Promise.reject(new Error("unreachable")) };
  await test.run();
  deepEqual([test.delivered(), test.leftovers()], [ON_DISK, []]);
  test.dialer = dialer;
  await test.run();
  await test.server.close();
  deepEqual([fetched(test), test.delivered(), test.server.messages], [[], ON_DISK, []]);
});

Deno.test("Two clients of one account deliver to their own destinations", async () => {
  using test = new TestRetriever({ preserve: true, trackSeen: true });
  test.server.add(...TEXTS);
  const alice = test.client;
  const bob = {
    ...alice,
    id: "other",
    recip: "bob",
    destination: { ...alice.destination, path: `${test.folder}/ms/bob/Maildir` },
  } as typeof alice;
  for (let run = 0; run < 2; run++) {
    for (const client of [alice, bob]) {
      test.client = client;
      equal((await test.run()).delivered, run === 0 ? 2 : 0);
    }
  }
  equal(namesIn(test.state).filter((name) => name.endsWith(".journal")).length, 1);
  test.server.messages = [];
  await test.run();
  await test.server.close();
  deepEqual(test.journal(), [], "what the server has no more goes for both");
});

Deno.test("A client that gets another id knows what it delivered", async () => {
  using test = new TestRetriever({ preserve: true, trackSeen: true });
  test.server.add(...TEXTS);
  await test.run();
  test.client = { ...test.client, id: "renamed" };
  equal((await test.run()).delivered, 0);
  await test.server.close();
});

Deno.test("What was announced in a Maildir that is not there now is fetched again", async () => {
  using test = await afterInterruption(false);
  await Deno.rename(`${test.folder}/ms`, `${test.folder}/other-disk`);
  const report = await test.run();
  await test.server.close();
  deepEqual([report.failure, fetched(test)], [undefined, ["RETR 1", "RETR 2"]]);
  match(test.log.join("\n"), /when the folder was another/);
  deepEqual(test.delivered(), ON_DISK);
});

Deno.test("What was announced in a folder of files that is not there now is fetched again", async () => {
  using test = await afterInterruption(false, "mail");
  const folder = `${test.folder}/mail`;
  await Deno.rename(folder, `${test.folder}/other-disk`);
  const report = await test.run();
  await test.server.close();
  deepEqual([report.failure, fetched(test)], [undefined, ["RETR 1", "RETR 2"]]);
  deepEqual(namesIn(folder).map((name) => readLatin1(`${folder}/${name}`)), TEXTS);
});
