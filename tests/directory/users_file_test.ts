import assert from "node:assert/strict";
import fc from "fast-check";
import { linesOf, trim } from "../../lib/directory/text_file.ts";
import {
  appendUser,
  findUser,
  newUserNameFault,
  removeUser,
  replaceUser,
} from "../../lib/directory/users_edit.ts";
import { parseUsers, userNameFault } from "../../lib/directory/users_file.ts";

function users(text: string): Map<string, string> {
  const { credentials, problems } = parseUsers(linesOf(text), { file: "users", plainpass: true });
  assert.deepEqual(problems, []);
  return new Map(credentials.users);
}

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 })
  .filter((text) => newUserNameFault(text) === undefined);
const password = fc.string({ unit: "grapheme", maxLength: 12 })
  .filter((text) => trim(text) === text && !/[\r\n]/.test(text) && text.isWellFormed());
const file = fc.array(
  fc.oneof(
    fc.tuple(name, password).map(([user, secret]) => `${user}:${secret}`),
    fc.constantFrom("", "# a comment", "  ", "\t# x:y"),
  ),
).map((lines) => {
  const seen = new Set<string>();
  return lines.filter((line) => {
    const user = line.split(":")[0]!;
    return !line.trim() || line.trim().startsWith("#") || !seen.has(user) && seen.add(user);
  });
});

Deno.test("appendUser(), replaceUser() and removeUser() change one user and no other line", () => {
  const lineEnd = fc.constantFrom("\n", "\r\n");
  fc.assert(
    fc.property(file, name, password, lineEnd, fc.boolean(), (lines, user, secret, end, ended) => {
      const text = lines.join(end) + (ended && lines.length > 0 ? end : "");
      fc.pre(!users(text).has(user));
      const before = users(text);
      const added = appendUser(text, user, secret);
      assert.ok(added.startsWith(text));
      assert.deepEqual(users(added), new Map([...before, [user, secret]]));
      const replaced = replaceUser(added, user, "another:one");
      assert.deepEqual(users(replaced), new Map([...before, [user, "another:one"]]));
      assert.deepEqual(users(removeUser(replaced, user)), before);
    }),
  );
});

Deno.test("replaceUser() keeps comments, order and line ends", () => {
  const text = "\uFEFF# head\r\n joe : old \r\nmary:x\r\n\r\n# joe:no\r\njoseph:y";
  assert.equal(
    replaceUser(text, "joe", "new"),
    "\uFEFF# head\r\njoe:new\r\nmary:x\r\n\r\n# joe:no\r\njoseph:y",
  );
  assert.equal(removeUser(text, "joe"), "\uFEFF# head\r\nmary:x\r\n\r\n# joe:no\r\njoseph:y");
  assert.equal(removeUser("\uFEFFjoe:x\nmary", "joe"), "\uFEFFmary");
  assert.equal(replaceUser("\uFEFFjoe:x", "joe", ""), "\uFEFFjoe");
});

Deno.test("trim() takes no longer for white space inside of a line than for anything else", () => {
  // By the square of the length this would take an hour.
  const gap = " \t".repeat(1_000_000);
  assert.equal(trim(`${gap}a${gap}b${gap}`), `a${gap}b`);
  assert.equal(trim(gap), "");
  assert.equal(trim("\u00a0a\u00a0"), "\u00a0a\u00a0");
});

Deno.test("findUser() finds all lines of a user", () => {
  assert.deepEqual(findUser("joe:a\n#joe:b\n joe :c:d\nJoe:e", "joe"), [
    { line: 1, password: "a" },
    { line: 3, password: "c:d" },
  ]);
});

Deno.test("userNameFault() and newUserNameFault() accept what can name a folder and a line", () => {
  for (
    const good of ["joe", "joe@example.org", "J\u00fcrgen", "a b", "...", "-x", "x".repeat(255)]
  ) {
    assert.equal(userNameFault(good), undefined, good);
    assert.equal(newUserNameFault(good), undefined, good);
  }
  const bad = [
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\x7fb",
    "a\u0085b",
    "\u00fc".repeat(128),
  ];
  for (const name of bad) {
    assert.notEqual(userNameFault(name), undefined, JSON.stringify(name));
    assert.notEqual(newUserNameFault(name), undefined, JSON.stringify(name));
  }
  for (const name of ["a:b", "#joe", " joe", "joe ", "joe\t", "\uFEFFjoe", "\ud800"]) {
    assert.notEqual(newUserNameFault(name), undefined, JSON.stringify(name));
  }
});
