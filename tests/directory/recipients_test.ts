import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAliases } from "../../lib/directory/aliases_file.ts";
import { expandRecipient, type RecipientData } from "../../lib/directory/recipients.ts";
import { linesOf } from "../../lib/directory/text_file.ts";

function data(
  aliases: string,
  options: { users?: string[]; domains?: string[] } = {},
): RecipientData {
  const users = options.users ?? ["joe", "mary", "Ann", "box@virtual.example"];
  const parsed = parseAliases(linesOf(aliases), "aliases");
  assert.deepEqual(parsed.problems, []);
  return {
    hasUsers: true,
    users: new Map(users.map((user) => [user, ""])),
    domains: options.domains ?? ["example.org", "example.net"],
    aliases: parsed.aliases,
  };
}

function addresses(recipient: string, of: RecipientData | undefined): readonly string[] {
  const { addresses, problems } = expandRecipient(of, recipient);
  assert.deepEqual(problems, []);
  return addresses;
}

Deno.test("expandRecipient() writes a bare user with the first domain", () => {
  assert.deepEqual(expandRecipient(data(""), "joe"), {
    addresses: ["joe@example.org"],
    users: ["joe"],
    sink: false,
    problems: [],
  });
  assert.deepEqual(addresses("joe", data("", { domains: [] })), ["joe@localhost"]);
  assert.deepEqual(addresses("joe", undefined), ["joe@localhost"]);
});

Deno.test("expandRecipient() knows a local user by any local domain, in any case of the domain", () => {
  const expansion = expandRecipient(data(""), "joe@Example.NET");
  assert.deepEqual(expansion.users, ["joe"]);
  assert.deepEqual(expansion.addresses, ["joe@Example.NET"]);
  assert.deepEqual(expandRecipient(data("", { domains: [] }), "joe@localhost").users, ["joe"]);
  assert.deepEqual(expandRecipient(data(""), "box@virtual.example").users, ["box@virtual.example"]);
});

Deno.test("expandRecipient() leaves foreign addresses alone", () => {
  const expansion = expandRecipient(data("joe: mary"), "joe@elsewhere.example");
  assert.deepEqual(expansion.addresses, ["joe@elsewhere.example"]);
  assert.deepEqual(expansion.users, []);
  assert.deepEqual(addresses("x@y.example", undefined), ["x@y.example"]);
});

Deno.test("expandRecipient() lets the full address win over the mailbox part", () => {
  const known = data("info : joe\ninfo@example.net : mary");
  assert.deepEqual(addresses("info", known), ["joe@example.org"]);
  assert.deepEqual(addresses("info@example.org", known), ["joe@example.org"]);
  assert.deepEqual(addresses("info@example.net", known), ["mary@example.org"]);
  assert.deepEqual(addresses("INFO@Example.net", known), ["mary@example.org"]);
});

Deno.test("expandRecipient() follows aliases of aliases and removes repetitions", () => {
  const known = data(
    "all : staff : joe : joe@example.net : X@far.example\nstaff : mary : joe : X@FAR.example : all",
  );
  const expansion = expandRecipient(known, "all");
  assert.deepEqual(expansion.addresses, ["mary@example.org", "joe@example.org", "X@FAR.example"]);
  assert.deepEqual(expansion.users, ["mary", "joe"]);
});

Deno.test("expandRecipient() takes an alias that names itself for the user of that name", () => {
  const known = data("joe : joe : archive@far.example\nmary@example.org : mary : joe");
  assert.deepEqual(addresses("joe", known), ["joe@example.org", "archive@far.example"]);
  assert.deepEqual(addresses("mary@example.org", known), [
    "mary@example.org",
    "joe@example.org",
    "archive@far.example",
  ]);
});

Deno.test("expandRecipient() discards for the sink alone", () => {
  const known = data("null : .\nboth : null : joe\nfar : null");
  assert.deepEqual(expandRecipient(known, "null@example.org"), {
    addresses: [],
    users: [],
    sink: true,
    problems: [],
  });
  assert.equal(expandRecipient(known, "far").sink, true);
  const both = expandRecipient(known, "both");
  assert.deepEqual([both.sink, both.addresses], [false, ["joe@example.org"]]);
});

Deno.test("expandRecipient() reports who is unknown, since user names keep their case", () => {
  const known = data("");
  assert.deepEqual(expandRecipient(known, "Ann").users, ["Ann"]);
  for (const recipient of ["ann", "Joe@example.org", "stranger@example.net"]) {
    const { addresses, problems } = expandRecipient(known, recipient);
    assert.deepEqual(addresses, []);
    assert.deepEqual(problems, [`"${recipient}" is no local user and no alias`]);
  }
});

Deno.test("expandRecipient() rejects what is no recipient", () => {
  for (const recipient of ["", "@example.org", "joe@", "a b", "a\r\nb", "<joe>"]) {
    assert.deepEqual(expandRecipient(undefined, recipient).addresses, []);
    assert.equal(expandRecipient(undefined, recipient).problems.length, 1, recipient);
  }
});

Deno.test("expandRecipient() bounds how deep aliases go", () => {
  const chain = Array.from({ length: 60 }, (_, i) => `a${i} : a${i + 1}`).join("\n") +
    "\na60 : joe";
  assert.match(expandRecipient(data(chain), "a0").problems[0]!, /"a0" leads through more than 50/);
  assert.deepEqual(addresses("a20", data(chain)), ["joe@example.org"]);
});

Deno.test("expandRecipient() ends for aliases that multiply", () => {
  const rows = Array.from(
    { length: 40 },
    (_, i) => `a${i} : a${i + 1} : b${i + 1}\nb${i} : a${i + 1} : b${i + 1}`,
  );
  const known = data([...rows, "a40 : joe", "b40 : mary"].join("\n"));
  assert.deepEqual(expandRecipient(known, "a0").users, ["joe", "mary"]);
});

Deno.test("expandRecipient() ends for any aliases, without repetitions", () => {
  const name = fc.constantFrom("a", "b", "c", "d@example.org", "joe", "x@far.example", "d");
  const alias = fc.record({ name, recipients: fc.array(name, { minLength: 1, maxLength: 4 }) });
  fc.assert(
    fc.property(fc.uniqueArray(alias, { selector: (one) => one.name }), name, (list, start) => {
      const text = list.map((one) => [one.name, ...one.recipients].join(" : ")).join("\n");
      const { addresses, users, sink } = expandRecipient(data(text), start);
      assert.equal(new Set(addresses).size, addresses.length);
      assert.ok(users.length <= addresses.length);
      assert.equal(sink, false);
    }),
  );
});
