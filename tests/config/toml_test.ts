import assert from "node:assert/strict";
import { describeSyntaxError, parseToml } from "../../lib/config/toml.ts";

function fault(text: string): string | undefined {
  const result = parseToml(text);
  return "fault" in result ? result.fault : undefined;
}

Deno.test("parseToml() finds keys and tables that are given twice", () => {
  const twice = [
    ["a = 1\na = 2", "Line 2, column 1, gives the key a a second time: leave one of the two"],
    ["[x]\na = 1\n[y]\n[x]\n", "Line 4, column 1, gives [x] a second time: leave one of the two"],
    ['[x]\n"a" = 1\na= 2', /^Line 3/],
    ["[[p.l]]\na = 1\n[[p.l]]\na = 1\n[p.l.s]\nb = 1\n[p.l.s]\n", /^Line 7.*\[p\.l\.s\]/],
  ] as const;
  for (const [text, expected] of twice) {
    if (typeof expected === "string") assert.equal(fault(text), expected);
    else assert.match(fault(text)!, expected);
  }
});

Deno.test("parseToml() takes what only looks repeated", () => {
  const fine = [
    "[[p.l]]\na = 1\ns.b = 1\n[p.l.t]\nc = 1\n[[p.l]]\na = 1\ns.b = 2\n[p.l.t]\nc = 1\n",
    'a = """\nb = 1\nb = 2\n"""\n',
    "a = '''\n[x]\n[x]'''\n",
    'a = [\n  "x"]\nb = [\n  "x"]\n',
    '# a = """\nb = 1\n',
    "[a]\nx = 1\n[b]\nx = 1\n",
  ];
  for (const text of fine) assert.equal(fault(text), undefined, text);
});

Deno.test("parseToml() tells where the text is no TOML", () => {
  assert.match(fault("a = 1\nb = yes\n")!, /^Line 2, column \d+, is not TOML/);
  assert.match(fault("[log\n")!, /^Line 1, column \d+, is not TOML/);
});

Deno.test("describeSyntaxError() says the same of either parser's error, without values", () => {
  const text = 'a = 1\npassword = "se cret\n';
  const npm = Object.assign(new Error('Invalid TOML document\n\n1: password = "se cret'), {
    line: 2,
    column: 20,
  });
  const jsr = new SyntaxError('Parse error on line 2, column 20: not closed:\nse cret"');
  const said = describeSyntaxError(npm, text);
  assert.match(said, /^Line 2, column 20, is not TOML \(near password\):/);
  assert.equal(describeSyntaxError(jsr, text), said);
  assert.doesNotMatch(said, /cret/);
  assert.match(describeSyntaxError(new Error("?"), text), /^The file is not TOML:/);
});

Deno.test("parseToml() shows the beginning of a key without end", () => {
  const key = "k".repeat(100_000);
  for (const text of [key, `${key} = 1\n${key} = 2`, `[${key}]\n[${key}]`]) {
    const message = fault(text)!;
    assert.match(message, /k{60}…/);
    assert.ok(message.length < 300, message);
  }
});
