/** Whatever stands in the files of the directory, it is taken, or its lines are named. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { loadDirectory } from "../../lib/directory/directory.ts";
import { type FileProblem, problemText } from "../../lib/directory/problems.ts";
import { expandRecipient } from "../../lib/directory/recipients.ts";
import { bytesOf } from "../support/mailbox.ts";
import { TempFolder } from "../support/program.ts";
import { changed, changes } from "./input.ts";
import { holds } from "./property.ts";

/** A password that stands in many files, and in no message. */
const SECRET = "Sw0rdf1sh-in-a-f1le";

const USERS = `# the family
joe:$2y$05$CevL5/DaMPWGlPVat8sSiewa8ITpUJ5IuH.DZi7y3ERFmSnuunlSK
mary:{PLAIN}${SECRET}:1000:1000::/home/mary
ann: ${SECRET}
dan

old:$y$j9T$${SECRET}$hash
hex:5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8
argon:$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$${SECRET}
sha:$6$rounds=99999999999$salt$${SECRET}
scram:{SCRAM-SHA-256}4096,c2FsdA==,${SECRET}
`;
const DOMAINS = "example.org\n# second\n example.net \n";
const ALIASES = `sales : joe : mary@elsewhere.example
all@example.org : joe : ann
null : .
circle : round
round : circle
post : sales : all
`;

const PIECES = [
  ...["\n", "\r\n", "\r", "\0", ":", "::", " ", "\t", "#", ".", "@", "\xff", "\xef\xbb\xbf", "/"],
  ...["..", "../x", "\\", "$", "{", "}", "$6$", "$argon2id$v=19$m=4294967295,t=9,p=255$", "{SSHA}"],
  ...["joe", "all", "example.org", "__proto__", "constructor : joe\n", "__proto__ : joe\n", "="],
  ...[
    "\xc2\xa0",
    "\xe2\x80\xae",
    "\xc4\xb0",
    "x".repeat(300),
    " ".repeat(100_000),
    "a:".repeat(9000),
  ],
  ...[
    ": joe".repeat(3000),
    "\n".repeat(3000),
    "a : b\n",
    "b : c : d\n",
    "c : d : b\n",
    "d : joe\n",
  ],
];

function fileLike(text: string): fc.Arbitrary<string | undefined> {
  return fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(undefined, text) },
    { weight: 5, arbitrary: changes(PIECES).map((list) => changed(text, list)) },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((it) => it.join("")),
    },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 200 }).map((it) => String.fromCharCode(...it)),
    },
  );
}

/** What is wrong is told of a file and of a line that is in it, in one line, without secrets. */
function assertNamed(problems: readonly FileProblem[], files: ReadonlyMap<string, string>): void {
  for (const problem of problems) {
    const text = files.get(problem.file);
    assert(text !== undefined, `${problem.file} is no file of the directory`);
    assert(problem.line !== undefined, `No line is named: ${problem.message}`);
    assert(problem.line >= 1 && problem.line <= text.split("\n").length, `line ${problem.line}`);
    assert.doesNotMatch(problem.message, /undefined|\[object|NaN|\n\s+at |Error:/);
  }
}

/** Passwords stay where they are, unless a line is so broken that one has become a name. */
function assertSecret(problems: readonly FileProblem[], files: ReadonlyMap<string, string>): void {
  for (const problem of problems) {
    const line = files.get(problem.file)!.split("\n")[problem.line! - 1]!;
    const name = line.split(":", 1)[0]!;
    if (!name.includes(SECRET)) {
      assert(!problemText(problem).includes(SECRET), problemText(problem));
    }
  }
}

holds({
  name: "loadDirectory() takes any files, or names their lines",
  runs: 300,
  input: fc.record({
    users: fileLike(USERS),
    domains: fileLike(DOMAINS),
    aliases: fileLike(ALIASES),
    plainpass: fc.boolean(),
  }),
  setup: () => TempFolder.make(),
  run: async ({ users, domains, aliases, plainpass }, folder) => {
    const files = new Map<string, string>();
    const place = async (name: string, text: string | undefined) => {
      if (text === undefined) return undefined;
      const file = `${folder.path}/${name}`;
      files.set(file, text);
      await Deno.writeFile(file, bytesOf(text));
      return file;
    };
    const paths = {
      users: await place("users", users),
      domains: await place("domains", domains),
      aliases: await place("aliases", aliases),
    };
    const { data, problems, warnings } = await loadDirectory(paths, { plainpass });
    assertNamed([...problems, ...warnings], files);
    assertSecret(
      [...problems, ...warnings].filter(({ file }) => file === paths.users),
      files,
    );
    assert.equal(data === undefined, problems.length > 0);
    if (data === undefined) return;
    assert.deepEqual(structuredClone(data), data, "it can be sent to a worker");
    for (
      const name of [...data.aliases.keys(), ...data.users.keys(), "nobody", "joe@example.org"]
    ) {
      const { addresses } = expandRecipient(data, name);
      assert.equal(new Set(addresses).size, addresses.length, `${name} leads somewhere twice`);
    }
  },
});
