import assert from "node:assert/strict";
import { loadConfig } from "../../lib/config/config.ts";
import { formatProblem } from "../../lib/config/problems.ts";
import { certificates, TempFolder } from "../support/program.ts";
import { Page } from "./pages.ts";
import { ROOT } from "./staging.ts";

const PAGES = ["install.md", "tls.md", "troubleshooting.md"];

/** What an example may leave to the rest of its config. */
const HEAD = '[directory]\nusers = "%DIRCONF%/users"\n[message_store]\n';

Deno.test("docs/install.md and its companions show configs that are right", async () => {
  await using folder = await TempFolder.make();
  const conf = `${folder.path}/conf`;
  await Deno.mkdir(`${conf}/tls`, { recursive: true });
  const files = {
    ...{ "server.pem": "fullchain.pem", "server.key": "privkey.pem", "ca.pem": "client-ca.pem" },
    ...{ "alice.pem": "anna.pem", "alice.key": "anna.key" },
  };
  for (const [from, to] of Object.entries(files)) {
    await Deno.writeFile(`${conf}/tls/${to}`, await Deno.readFile(`${certificates}/${from}`), {
      mode: 0o600,
    });
  }
  for (const name of ["users", "anna.password"]) {
    await Deno.writeTextFile(`${conf}/${name}`, "anna\n", { mode: 0o600 });
  }
  let count = 0;
  for (const page of PAGES) {
    for (const example of (await Page.read(page)).blocks("toml")) {
      const file = `${folder.path}/config.toml`;
      await Deno.writeTextFile(file, HEAD + example);
      const { problems } = await loadConfig(file);
      assert.deepEqual(problems.map(formatProblem), [], `${page}:\n${example}`);
      count++;
    }
  }
  assert.ok(count >= 5);
});

Deno.test("the pages of docs/ link to headings and files that are there", async () => {
  const anchor = (heading: string) =>
    heading.toLowerCase().replace(/[^\w\s-]/g, "").trim().replaceAll(/\s/g, "-");
  for await (const { name } of Deno.readDir(`${ROOT}/docs`)) {
    if (!name.endsWith(".md")) continue;
    const { text } = await Page.read(name);
    for (const [, link = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = "", fragment] = link.split("#");
      const target = file === "" ? text : await Deno.readTextFile(`${ROOT}/docs/${file}`)
        .catch(() => assert.fail(`${name} links to ${link}`));
      if (fragment === undefined) continue;
      const headings = [...target.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading!));
      assert.ok(headings.includes(fragment), `${name} links to ${link}`);
    }
  }
});

/** Everything in code on a page, as patterns: `…` is anything. */
function patterns(page: string): RegExp[] {
  const flat = page.replaceAll(/^```.*?^```$/gms, "").replaceAll(/\n +/g, " ");
  return [...flat.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => {
    const message = code.replace(/^\[[A-Z/-]+\] /, "");
    const parts = message.split("…").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`, "s");
  }).filter(({ source }) => source.replaceAll(/\W/g, "").length > 4);
}

const troubles = patterns((await Page.read("troubleshooting.md")).text);

function assertCovered(messages: Iterable<string>): void {
  const missing = [...messages].filter((message) =>
    !troubles.some((pattern) => pattern.test(message))
  );
  assert.deepEqual(missing, [], "docs/troubleshooting.md does not say what to do about these");
}

Deno.test("docs/troubleshooting.md has a cure for every config problem that is known to the tests", async () => {
  const messages = new Set<string>();
  for await (const { name } of Deno.readDir(`${ROOT}/tests/bad_configs`)) {
    const text = await Deno.readTextFile(`${ROOT}/tests/bad_configs/${name}/expected.txt`);
    for (const line of text.split("\n").filter((one) => one.startsWith("  "))) {
      // Behind the setting's path, and the place in a file of the directory.
      const message = line.trim().replace(/^[a-z][\w.[\]"-]*( \(.*?"\))?: /, "")
        .replace(/^<tests>\S+:\d+: /, "");
      messages.add(message);
    }
  }
  assert.ok(messages.size > 50);
  assertCovered(messages);
});

/** What no user of a running program gets to see as it stands. */
const INTERNAL = [
  // Made up of words that stand elsewhere: `Cannot open the mailbox …`; the page has each.
  /^Cannot X ("X"|X|Maildir X): X$|^Cannot read X X: X$/,
  /^the private key does not belong to the certificate$/,
  /DER|No subject where/, // certificates that no tool makes; reported within other sentences
  /The file is closed|is not wanted any more/,
  /^X?(: X)*$/,
];

/** The sentences that a source throws or logs, with X for what is filled in. */
function sentences(source: string): string[] {
  const literal = /`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"/.source;
  const call = new RegExp(
    `(?:new \\w*Error|\\.fail|\\.left|[lL]og\\.(?:warn|error)|\\bwarn)\\(\\s*` +
      `((?:(?:${literal})(?:\\s*\\+\\s*(?=["\`]))?)+)`,
    "g",
  );
  return [...source.matchAll(call)].map(([, text = ""]) =>
    [...text.matchAll(new RegExp(literal, "g"))].map(([part]) => part.slice(1, -1)).join("")
      .replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "X").replaceAll('\\"', '"')
  ).filter((text) => /\w \w/.test(text) && !INTERNAL.some((pattern) => pattern.test(text)));
}

Deno.test("docs/troubleshooting.md has a cure for every failure of the running program", async () => {
  const messages = new Set<string>();
  for (const folder of ["directory", "maildir", "retriever", "server", "supervisor", "transport"]) {
    for await (const { name } of Deno.readDir(`${ROOT}/lib/${folder}`)) {
      const source = await Deno.readTextFile(`${ROOT}/lib/${folder}/${name}`);
      for (const sentence of sentences(source)) messages.add(sentence);
    }
  }
  // Why a login method is refused: the only sentences there.
  const policy = await Deno.readTextFile(`${ROOT}/lib/server/policy.ts`);
  for (const [, text = ""] of policy.matchAll(/[?:n] "([A-Z]\w+ [^"]* [^"]*)"/g)) {
    if (!/^(EXPIRE|IMPLEMENTATION)/.test(text)) messages.add(text);
  }
  assert.ok(messages.has("This login method is not enabled"));
  assert.ok(messages.size > 60, String(messages.size));
  assertCovered(messages);
});
