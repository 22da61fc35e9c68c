/**
 * Whatever name a client gives, no file outside of that user's own folders is
 * looked at, let alone opened.
 *
 * @module
 */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import fc from "fast-check";
import { createAuthenticator } from "../../lib/auth/authenticator.ts";
import { createHashPool } from "../../lib/auth/hash_pool.ts";
import { MaildirStore } from "../../lib/maildir/maildir_store.ts";
import { startSession } from "../support/memory_session.ts";

const USERS = ["alice", "bob", "Alice.", "a", "zoë", "alice%U%", "...", "-rf", "new"];
const SECRET = "a secret of theirs";

/** Names that have led out of folders elsewhere, or to the folder of another. */
const TRICKS = [
  ...[".", "..", "../bob", "..\\bob", "alice/../bob", "./bob", "bob/", "/bob", "bob/Maildir"],
  ...["bob\0", "bob\0.txt", "bob\n", "bob\r", " bob", "bob ", "bob\t", "BOB", "Bob", "bob."],
  ...["b\u043eb", "\uff42\uff4f\uff42", "bo\u200bb", "\u202ebob", "bob\ufeff", "zoe\u0308", "ZOË"],
  ...["%U%", "%DIRTOP%", "%u", "~bob", "$HOME", "bob:x", "bob+x", "bob@localhost", "..%2fbob"],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "",
    "\ud800",
    "\x80bob",
    "b".repeat(5000),
    "*",
    "b?b",
  ],
  ...["con", "nul", "alice/Maildir/new/../../../bob", "....//bob", "cache", "../cache/sizes"],
];

const names = fc.oneof(
  fc.constantFrom(...TRICKS),
  fc.constantFrom(...USERS),
  fc.tuple(
    fc.constantFrom(...TRICKS),
    fc.constantFrom("", "/", "\\", "\0"),
    fc.constantFrom(...USERS),
  )
    .map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 30 }),
);

const WATCHED = [
  ...["openSync", "readDirSync", "statSync", "lstatSync", "mkdirSync", "renameSync", "removeSync"],
  ...["readTextFileSync", "readFileSync", "writeTextFileSync", "writeFileSync", "realPathSync"],
  ...["open", "readDir", "stat", "lstat", "mkdir", "rename", "remove", "readTextFile", "readFile"],
  ...["symlinkSync", "linkSync", "readLinkSync", "truncateSync", "utimeSync", "chmodSync"],
] as const;

/** Notes every path that is handed to the system, as it was and resolved. */
class Watch implements Disposable {
  readonly paths = new Set<string>();
  readonly #originals: [string, unknown][] = [];

  constructor() {
    const target = Deno as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const name of WATCHED) {
      const original = target[name]!;
      this.#originals.push([name, original]);
      target[name] = (...args: unknown[]) => {
        for (const arg of args) {
          if (typeof arg === "string" || arg instanceof URL) this.paths.add(String(arg));
        }
        return original.apply(Deno, args);
      };
    }
  }

  [Symbol.dispose](): void {
    for (const [name, original] of this.#originals) {
      (Deno as unknown as Record<string, unknown>)[name] = original;
    }
  }
}

/** A store on disk with a message for each user. */
async function makeStore() {
  const root = await Deno.makeTempDir({ prefix: "mailismus-test-" });
  for (const user of USERS) {
    for (const part of ["tmp", "new", "cur"]) {
      await Deno.mkdir(`${root}/ms/${user}/Maildir/${part}`, { recursive: true });
    }
    await Deno.writeTextFile(`${root}/ms/${user}/Maildir/new/1`, `Subject: for ${user}\n\nx\n`);
  }
  const store = new MaildirStore({
    userPath: `${root}/ms`,
    mailPath: "Maildir",
    colon: ":",
    comma: ",",
    exclusive: false,
    form: "plain",
    cachePath: `${root}/cache`,
    warn: () => {},
  });
  return { root, store, [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
}

/** Asserts that all paths belong to one user, by their words and once resolved. */
function assertOwn(paths: Iterable<string>, root: string, user: string): void {
  for (const path of paths) {
    // Looked at for its owner alone, who may link what others may not.
    if (path === `${root}/ms`) continue;
    if (path.startsWith(`${root}/cache/sizes`)) {
      assert.match(
        path.slice(root.length),
        /^\/cache\/sizes(\/[\w.-]{1,60}-[0-9a-f]{16}(\.\w+)?)?$/,
      );
      continue;
    }
    const own = `${root}/ms/${user}`;
    assert.ok(path === own || path.startsWith(`${own}/`), `${path} for ${JSON.stringify(user)}`);
    assert.equal(resolve(path), path);
    assert.ok(!user.includes("/") && user !== "..");
  }
}

Deno.test("MaildirStore.open() touches nothing but the folders of the user it was given", async () => {
  await using fixture = await makeStore();
  const { root, store } = fixture;
  await fc.assert(
    fc.asyncProperty(names, async (name) => {
      using watch = new Watch();
      try {
        (await store.open(name)).close();
      } catch (error) {
        assert.equal((error as Error).name, "MaildropUnavailableError");
      }
      assertOwn(watch.paths, root, name);
    }),
    { numRuns: 400 },
  );
  // The watch does see what is opened.
  using watch = new Watch();
  (await store.open("bob")).close();
  assert.ok([...watch.paths].some((path) => path.includes("/ms/bob/Maildir")));
});

/** What a login and all that can be asked behind it says. */
async function logIn(store: MaildirStore, lines: readonly string[]): Promise<string> {
  const authenticator = createAuthenticator({
    plainpass: true,
    users: new Map(USERS.map((user) => [user, SECRET])),
    slowSamples: new Map(),
  }, createHashPool([]));
  const client = startSession({ store, authenticator });
  await client.send(...lines, "RETR 1", "QUIT");
  const replies = await client.rest();
  await client.hangUp();
  return replies;
}

Deno.test("whatever name logs in, and however, nothing is read but that user's mail", async () => {
  await using fixture = await makeStore();
  const { root, store } = fixture;
  let entered = 0;
  await fc.assert(
    fc.asyncProperty(names, fc.boolean(), async (name, sasl) => {
      using watch = new Watch();
      const line = name.replaceAll(/[\r\n]/g, "");
      const bytes = new TextEncoder().encode(`\0${line}\0${SECRET}`);
      const lines = sasl ? [`AUTH PLAIN ${bytes.toBase64()}`] : [`USER ${line}`, `PASS ${SECRET}`];
      const replies = await logIn(store, lines);
      const mail = /^Subject: for (.*)\r$/m.exec(replies)?.[1];
      if (!replies.includes("+OK Logged in")) {
        assert.equal(mail, undefined);
        assert.deepEqual([...watch.paths], [], `${JSON.stringify(name)}: ${replies}`);
        return;
      }
      entered++;
      // Lines that end in white space are the same name.
      const user = USERS.find((one) => one === line || one === line.trim());
      assert.ok(user !== undefined, `${JSON.stringify(name)} logged in`);
      assertOwn(watch.paths, root, user);
    }),
    { numRuns: 300 },
  );
  assert.ok(entered > 0);
});

Deno.test("every user gets their own mail", async () => {
  await using fixture = await makeStore();
  for (const user of USERS) {
    const bytes = new TextEncoder().encode(`\0${user}\0${SECRET}`);
    const replies = await logIn(fixture.store, [`AUTH PLAIN ${bytes.toBase64()}`]);
    const subject = `Subject: for ${user}`;
    const octets = new TextEncoder().encode(subject);
    assert.ok(replies.includes(String.fromCharCode(...octets)), `${user}: ${replies}`);
  }
});
