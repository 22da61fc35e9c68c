import assert from "node:assert/strict";
import type { CommandArgs, Subcommand } from "../../lib/cli/command.ts";
import { main } from "../../lib/cli/main.ts";
import { UserError } from "../../lib/errors.ts";
import config from "../../deno.json" with { type: "json" };
import { capture } from "./capture.ts";

let seen: CommandArgs | undefined;

const subcommands: Subcommand[] = [
  {
    name: "serve",
    summary: "serve what is configured",
    flags: [],
    examples: [{ line: "serve -c /etc/x.toml", does: "serve that" }],
    run: (args) => Promise.resolve((seen = args, 0)),
  },
  {
    name: "retrieve",
    summary: "fetch",
    positionals: "[WHAT]",
    description: ["A paragraph. ".repeat(20).trim()],
    flags: [
      { name: "client", value: "ID", multiple: true, summary: "this client" },
      { name: "once", summary: "once" },
      { name: "out", short: "o", value: "FILE", summary: "write to" },
    ],
    examples: [],
    run: (args) => Promise.resolve((seen = args, 1)),
  },
  {
    name: "fail",
    summary: "fails",
    positionals: "HOW",
    flags: [],
    examples: [],
    run: (args) => {
      if (args.positionals[0] === "user") throw new UserError("Cannot do it: no", 2);
      if (args.positionals[0] === "pipe") throw new Deno.errors.BrokenPipe("gone");
      throw new TypeError("a fault");
    },
  },
];

const run = (...args: string[]) => capture(() => main(args, subcommands));

Deno.test("main() runs the subcommand with its flags and returns its status", async () => {
  const { status } = await run(
    "retrieve",
    "--client",
    "a",
    "--client=b",
    "--once",
    "-o",
    "x",
    "007",
  );
  assert.equal(status, 1);
  assert.deepEqual(seen!.values("client"), ["a", "b"]);
  assert.equal(seen!.has("once"), true);
  assert.equal(seen!.value("out"), "x");
  assert.deepEqual(seen!.positionals, ["007"]);
  assert.equal(seen!.configFile, "./config.toml");
});

Deno.test("main() takes what stands behind -- for arguments, whatever it looks like", async () => {
  await run("retrieve", "--once", "--", "--client", "-x", "--no-y", "z");
  assert.deepEqual(seen!.positionals, ["--client", "-x", "--no-y", "z"]);
  assert.deepEqual([seen!.has("once"), seen!.values("client")], [true, []]);
});

Deno.test("main() takes --config before and behind the subcommand", async () => {
  for (const args of [["-c", "a.toml", "serve"], ["serve", "--config", "a.toml"]]) {
    assert.equal((await run(...args)).status, 0);
    assert.equal(seen!.configFile, "a.toml");
  }
});

Deno.test("main() derives the help from the table", async () => {
  const all = await run("--help");
  assert.equal(all.status, 0);
  assert.match(all.out, /^ {2}retrieve {2}fetch$/m);
  for (const args of [["serve", "--help"], ["--help", "serve"], ["help", "serve"]]) {
    const { out, status } = await run(...args);
    assert.equal(status, 0);
    assert.match(out, /^Usage: mailismus serve \[flags\]\n/);
    assert.match(out, /# serve that\n {2}mailismus serve -c \/etc\/x\.toml/);
    assert.match(out, /-c, --config FILE/);
  }
  const { out } = await run("retrieve", "-h");
  assert.match(out, /--client ID .*may be repeated/);
  assert.ok(out.split("\n").every((line) => line.length <= 100));
});

Deno.test("main() prints the version wherever it is asked for it", async () => {
  for (const args of [["--version"], ["serve", "--version"], ["-V"]]) {
    const { out, status } = await run(...args);
    assert.equal(status, 0);
    assert.ok(out.startsWith(`mailismus ${config.version}`));
  }
});

Deno.test("main() names the nearest known word, with status 2 and no stack trace", async () => {
  const cases: [string[], RegExp][] = [
    [["srve"], /Unknown subcommand "srve"; did you mean "serve"\?/],
    [["quux"], /Unknown subcommand "quux" \(there are serve, retrieve, fail/],
    [["retrieve", "--onec"], /Unknown flag "--onec"; did you mean "--once"\?/],
    [["retrieve", "--onec=1"], /Unknown flag "--onec"; did/],
    [["serve", "--no-config"], /Unknown flag "--no-config"/],
    [["serve", "-x"], /Unknown flag "-x"/],
    [["serve", "--config"], /"--config" needs a value, FILE/],
    [["serve", "-c", "a", "-c", "b"], /"--config" is given more than once/],
    [["serve", "extra"], /"mailismus serve" takes no argument, but was given "extra"/],
    [["--cofnig", "x", "serve"], /Unknown flag "--cofnig"; did you mean "--config"\?/],
  ];
  for (const [args, expected] of cases) {
    const { status, err, out } = await run(...args);
    assert.equal(status, 2, args.join(" "));
    assert.match(err, expected);
    assert.equal(err.trim().split("\n").length, 1);
    assert.equal(out, "");
  }
});

Deno.test("main() without a subcommand shows the help on stderr, with status 2", async () => {
  const { status, err, out } = await run();
  assert.equal(status, 2);
  assert.match(err, /^Usage: mailismus SUBCOMMAND/);
  assert.equal(out, "");
});

Deno.test("main() turns failures into one sentence and their status", async () => {
  assert.deepEqual(await run("fail", "user"), { status: 2, out: "", err: "Cannot do it: no\n" });
  const plain = await run("fail", "program");
  assert.equal(plain.status, 1);
  assert.equal(plain.err, "Unexpected error: a fault (--debug shows where it arose)\n");
  const debug = await run("fail", "program", "--debug");
  assert.match(debug.err, /TypeError: a fault\n\s+at /);
  assert.deepEqual(await run("fail", "pipe"), { status: 0, out: "", err: "" });
});
