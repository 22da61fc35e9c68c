import assert from "node:assert/strict";
import { formatProblems } from "../../lib/config/config.ts";
import { inOrder, nearest, showValue } from "../../lib/config/problems.ts";

Deno.test("formatProblems() prints a line a problem, in the order of the schema", () => {
  const problems = [
    { path: "pop3download.clients[10].id", item: 'client "x"', message: "c" },
    { path: "pop3download.clients[9].id", message: "b" },
    { path: "zzz", message: "d" },
    { path: "pop3server.listeners[0].port", item: 'listener "POP3"', message: "110 is in use" },
    { path: "pop3server.listeners[0]", message: "a" },
  ];
  assert.equal(
    formatProblems("/etc/m.toml", problems),
    `Cannot use the config /etc/m.toml: 5 problems
  pop3server.listeners[0]: a
  pop3server.listeners[0].port (listener "POP3"): 110 is in use
  pop3download.clients[9].id: b
  pop3download.clients[10].id (client "x"): c
  zzz: d
`,
  );
  assert.match(formatProblems("f", [{ path: "", message: "Gone" }]), /: 1 problem\n {2}Gone\n$/);
});

Deno.test("formatProblems() shows the beginning of a key without end", () => {
  const text = formatProblems("m.toml", [{ path: "k".repeat(5000), message: "a" }]);
  assert.match(text, /\n {2}k{300}…: a\n$/);
});

Deno.test("inOrder() leaves problems of one key as they came", () => {
  const problems = [{ path: "log", message: "2" }, { path: "log", message: "1" }];
  assert.deepEqual(inOrder(problems), problems);
});

Deno.test("nearest() finds slips of the hand and nothing else", () => {
  const known = ["timeout", "expire", "greet", "authtypes", "authtypes_ssl"];
  assert.equal(nearest("timout", known), "timeout");
  assert.equal(nearest("tiemout", known), "timeout");
  assert.equal(nearest("AuthTypes-SSL", known), "authtypes_ssl");
  assert.equal(nearest("colour", known), undefined);
  assert.equal(nearest("x", known), undefined);
});

Deno.test("showValue() quotes, cuts and does not open tables", () => {
  assert.equal(showValue("a\nb"), '"a\\nb"');
  assert.equal(showValue("x".repeat(200)).length, 78);
  assert.equal(showValue({ password: "secret" }), "a table");
  assert.equal(showValue([{ password: "secret" }]), "an array of tables");
  assert.equal(showValue(["A", 1]), '["A",1]');
  assert.equal(showValue(Infinity), "Infinity");
  assert.equal(showValue(new Date(0)), "a date");
});
