/** The server's sessions over real Maildirs, without a network, behave as the model of RFC 1939. */
import fc from "fast-check";
import { FakeAuthenticator } from "../support/fake_authenticator.ts";
import { MaildirFixture } from "../support/maildir_fixture.ts";
import { memoryPair } from "../support/memory.ts";
import { bounded, sessionOptions } from "../support/memory_dialogue.ts";
import { runSession } from "../../lib/server/session.ts";
import { playStory } from "./maildrop_player.ts";
import { stories } from "./maildrop_story.ts";
import { holds } from "./property.ts";

holds({
  name: "a maildrop in memory does what the model of RFC 1939 predicts",
  runs: 150,
  input: fc.record({
    story: stories({ clients: 2, steps: 14 }),
    chunk: fc.constantFrom(1, 2, 7, 100_000),
    cache: fc.boolean(),
    form: fc.constantFrom("plain", "plain", "wire"),
  }),
  run: async ({ story, chunk, cache, form }) => {
    await using fixture = await MaildirFixture.make();
    const base = sessionOptions();
    const options = {
      ...base,
      settings: { ...base.settings, maxBadCommands: 1000 },
      store: fixture.store({ cache, form }),
      authenticator: new FakeAuthenticator([["alice", "secret"]]),
    };
    const sessions: Promise<void>[] = [];
    await playStory(story, {
      user: "alice",
      maildir: fixture.maildir,
      strict: false,
      form,
      connect: () => {
        const [client, server] = memoryPair({ chunk });
        sessions.push(runSession(server, options));
        return Promise.resolve(client);
      },
      // A session that another client still has goes on.
      released: () => Promise.resolve(),
    });
    await bounded(Promise.all(sessions), "the end of all sessions");
  },
});
