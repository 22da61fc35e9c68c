import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type DirectoryPaths,
  loadDirectory,
  type LoadedDirectory,
} from "../../lib/directory/directory.ts";
import { problemText } from "../../lib/directory/problems.ts";
import { expandRecipient } from "../../lib/directory/recipients.ts";

const BCRYPT = "$2y$05$CevL5/DaMPWGlPVat8sSiewa8ITpUJ5IuH.DZi7y3ERFmSnuunlSK";

interface Files {
  users?: string | Uint8Array;
  domains?: string | Uint8Array;
  aliases?: string | Uint8Array;
}

/** Writes the files given and calls `use` with their paths; messages then name them bare. */
async function withFiles<T>(files: Files, use: (paths: DirectoryPaths) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const paths: Record<string, string> = {};
    for (const [name, content] of Object.entries(files)) {
      paths[name] = join(folder, name);
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(paths[name], bytes);
    }
    return await use(paths);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function load(files: Files, plainpass = false): Promise<LoadedDirectory> {
  return await withFiles(files, (paths) => loadDirectory(paths, { plainpass }));
}

function lines(problems: LoadedDirectory["problems"]): string[] {
  return problems.map(problemText).map((text) =>
    text.replace(/^.*\/(?=users|domains|aliases)/, "")
  );
}

async function problemsOf(files: Files): Promise<string[]> {
  const loaded = await load(files);
  assert.equal(loaded.data, undefined);
  return lines(loaded.problems);
}

Deno.test("loadDirectory() reads all three files", async () => {
  const { data, problems, warnings } = await load({
    users:
      `# the family\n\n  joe : ${BCRYPT}  \r\nmary:\n\tann \nJoe:{PLAIN}x:1000:1000::/home/joe`,
    domains: "Example.ORG\n# second\n example.net \nexample.org",
    aliases: "sales : joe : mary@elsewhere.example\nall@example.org:joe:ann\nnull: .",
  });
  assert.deepEqual([problems, warnings], [[], []]);
  assert.ok(data);
  assert.deepEqual([...data.users], [["joe", BCRYPT], ["mary", ""], ["ann", ""], [
    "Joe",
    "{PLAIN}x",
  ]]);
  assert.deepEqual(data.domains, ["example.org", "example.net"]);
  assert.deepEqual([...data.aliases.keys()], ["sales", "all@example.org", "null"]);
  assert.equal(data.hasUsers, true);
  assert.deepEqual([...data.slowSamples], [["bcrypt 5", BCRYPT]]);
  assert.equal(data.fastSample, "{PLAIN}x");
});

Deno.test("loadDirectory() gives data that can be sent to a worker", async () => {
  const { data } = await load({ users: `joe:${BCRYPT}`, aliases: "a:joe" });
  assert.deepEqual(structuredClone(data), data);
});

Deno.test("loadDirectory() does without files", async () => {
  const { data } = await load({});
  assert.equal(data?.users.size, 0);
  assert.equal(data?.hasUsers, false);
});

Deno.test("loadDirectory() keeps spaces and colons inside plain passwords", async () => {
  const { data } = await load({ users: "joe:  a b:c : d#e  \nmary:\u00a0x\u00a0" }, true);
  assert.equal(data?.users.get("joe"), "a b:c : d#e");
  // Not ASCII white space, so it may belong to the password.
  assert.equal(data?.users.get("mary"), "\u00a0x\u00a0");
});

Deno.test("loadDirectory() ignores a byte order mark", async () => {
  const { data } = await load({ users: "\uFEFFjoe:secret" }, true);
  assert.deepEqual([...data!.users], [["joe", "secret"]]);
});

Deno.test("loadDirectory() names each problem with its file and line", async () => {
  assert.deepEqual(
    await problemsOf({
      users: "joe\n: secret\n#\njoe:x\na/b:x\n..:x\na\x01b:x\nc\\d",
      domains: "good.example\nnot a domain",
      aliases: ":joe\nx\ny : \nz : . : joe\nok : joe\nOK : joe",
    }),
    [
      'users:2: There is no user before the ":" (expected user:password)',
      'users:4: User "joe" stands in the file twice, first on line 1: remove one of the lines',
      'users:5: Cannot use "a/b" as a user name: it holds "/", so it cannot name a folder',
      'users:6: Cannot use ".." as a user name: it cannot name a folder',
      'users:7: Cannot use "a\\u0001b" as a user name: it holds a control character',
      'users:8: Cannot use "c\\\\d" as a user name: it holds "\\", so it cannot name a folder',
      'domains:2: "not a domain" is not a domain (one a line)',
      'aliases:1: There is no alias before the ":" (expected alias : recipient : …)',
      'aliases:2: Alias "x" has no recipient: name one, or "." to discard its mail',
      'aliases:3: Alias "y" has no recipient: name one, or "." to discard its mail',
      'aliases:4: Alias "z" has "." beside other recipients: it can only stand alone',
      'aliases:6: Alias "OK" stands in the file twice, first on line 5: put all its recipients on one line',
    ],
  );
});

Deno.test("loadDirectory() names the line that is not UTF-8", async () => {
  const bytes = Uint8Array.of(0x61, 0x0a, 0x62, 0x0a, 0xff, 0x0a, 0x63, 0x0a);
  assert.deepEqual(await problemsOf({ users: bytes }), ["users:3: The line is not UTF-8 text"]);
  assert.deepEqual(await problemsOf({ domains: bytes.subarray(4, 5) }), [
    "domains:1: The line is not UTF-8 text",
  ]);
});

Deno.test("loadDirectory() reports every file that cannot be read", async () => {
  const loaded = await loadDirectory(
    { users: "/nonexistent/users", domains: "/nonexistent/domains" },
    { plainpass: false },
  );
  assert.equal(loaded.data, undefined);
  assert.equal(loaded.problems.length, 2);
  assert.match(problemText(loaded.problems[0]!), /^\/nonexistent\/users: Cannot read the file: /);
});

Deno.test("loadDirectory() warns of a hash it cannot use, and lets everybody else in", async () => {
  const { data, warnings } = await load({ users: `a:$y$j9T$salt$hash\nb:${BCRYPT}\nc:plain text` });
  assert.deepEqual([...data!.users], [["a", ""], ["b", BCRYPT], ["c", ""]]);
  const texts = lines(warnings);
  assert.equal(texts.length, 2);
  assert.match(
    texts[0]!,
    /^users:1: User "a" cannot log in: .*\$y\$ \(yescrypt\).*user add --replace/,
  );
  assert.match(texts[1]!, /^users:3: User "c" cannot log in: .*directory\.plainpass = true/);
  assert.ok(!texts.join().includes("plain text"));
});

Deno.test("loadDirectory() warns of hashes among plain passwords", async () => {
  const { data, warnings } = await load({ users: `a:${BCRYPT}\nb:{braces}\nc:$money$` }, true);
  assert.equal(data?.users.get("a"), BCRYPT);
  assert.deepEqual(lines(warnings), [
    'users:1: User "a" has what looks like a hash, which is taken for the password itself, since ' +
    "directory.plainpass is true",
  ]);
});

Deno.test("loadDirectory() warns of marks of locked accounts among plain passwords", async () => {
  const locked = ["*", "!", "!!", "*:1001:1001:Ann:/home/ann:/bin/sh", "!$6$salt$hash"];
  const plain = ["!Secret1", "*** stars", "a*", "x"];
  const text = [...locked, ...plain].map((password, i) => `u${i}:${password}\n`).join("");
  const { data, warnings } = await load({ users: text }, true);
  assert.deepEqual([...data!.users.values()], [...locked, ...plain]);
  const warning = "has what locks an account in passwd files, which is taken for the password " +
    "itself, since directory.plainpass is true: leave it out for a user who shall not log in";
  const expected = locked.map((_, i) => `users:${i + 1}: User "u${i}" ${warning}`);
  assert.deepEqual(lines(warnings), expected);
});

Deno.test("loadDirectory() finds aliases that lead nowhere, astray or round in circles", async () => {
  assert.deepEqual(
    await problemsOf({
      users: "joe\nmary",
      domains: "example.org",
      aliases:
        "a : nobody\nb : x@example.org\nc : d\nd : c\ne : e\njoe : joe : mary\nf : two words",
    }),
    [
      'aliases:1: Cannot expand the alias "a": "nobody" is no local user and no alias',
      'aliases:2: Cannot expand the alias "b": "x@example.org" is no local user and no alias',
      'aliases:3: Cannot expand the alias "c": alias "c" leads to itself: c → d → c',
      'aliases:4: Cannot expand the alias "d": alias "d" leads to itself: d → c → d',
      'aliases:5: Cannot expand the alias "e": alias "e" leads to itself: e → e',
      'aliases:7: Cannot expand the alias "f": "two words" is neither a user nor an address',
    ],
  );
});

Deno.test("expandRecipient() works on what loadDirectory() gives", async () => {
  const { data } = await load({ users: "joe", domains: "example.org", aliases: "info : joe" });
  assert.deepEqual(expandRecipient(data, "info@example.org").addresses, ["joe@example.org"]);
});
