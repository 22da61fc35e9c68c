import assert from "node:assert/strict";
import { loadConfig } from "../../lib/config/config.ts";
import { PROVIDERS } from "../../lib/init/providers.ts";

const docs = new URL("../../docs/", import.meta.url);
const readPage = (name: string): Promise<string> => Deno.readTextFile(new URL(name, docs));

const ENCRYPTION = { implicit: "from the start", stls: "STLS", none: "none" };

/** The cells of the page's first table, without its heading. */
function tableOf(page: string): string[][] {
  const rows = /(?:^\|.*\n)+/m.exec(page)![0].trim().split("\n").slice(2);
  return rows.map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("docs/providers.md has the table of the program's own presets", async () => {
  const expected = PROVIDERS.map(({ id, name, host, pop3, port, tls, login }) =>
    pop3
      ? [
        name,
        `\`${id}\``,
        host === undefined ? "ask the provider" : `\`${host}\``,
        String(port),
        ENCRYPTION[tls],
        login,
      ]
      : [name, `\`${id}\``, "no POP3", "", "", ""]
  );
  assert.deepEqual(tableOf(await readPage("providers.md")), expected);
});

Deno.test("docs/providers.md says all that is to be switched on first", async () => {
  const page = (await readPage("providers.md")).replace(/\s+/g, " ");
  for (const { name, before } of PROVIDERS) {
    const steps = before.join(" ");
    assert.ok(page.includes(`: ${steps}`), `${name}: ${steps}`);
  }
});

for (const name of ["providers.md", "migrate.md"]) {
  Deno.test(`docs/${name} shows configs that are right`, async () => {
    const page = await readPage(name);
    const examples = [...page.matchAll(/^```toml\n(.*?)^```/gms)].map(([, text]) => text!);
    assert.ok(examples.length > 1);
    const folder = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${folder}/conf/tokens`, { recursive: true });
      for (const file of ["users", "anna.password", "tokens/anna-outlook.refresh"]) {
        await Deno.writeTextFile(`${folder}/conf/${file}`, "anna\n", { mode: 0o600 });
      }
      for (const example of examples) {
        await Deno.writeTextFile(`${folder}/config.toml`, example);
        const { problems, warnings } = await loadConfig(`${folder}/config.toml`);
        const others = problems.filter(({ message }) =>
          !/^"\/etc\/\S+" is not there/.test(message)
        );
        assert.deepEqual([...others, ...warnings], [], example);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  Deno.test(`docs/${name} names headings and files that are there`, async () => {
    const page = await readPage(name);
    const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!.toLowerCase().replace(/[^\p{L}\p{N} -]/gu, "").replaceAll(" ", "-")
    );
    for (const [, file, anchor] of page.matchAll(/\]\(([^):#]*)(?:#([^)]*))?\)/g)) {
      if (file !== "") await assert.doesNotReject(Deno.stat(new URL(file!, docs)), file);
      else assert.ok(anchors.includes(anchor!), `#${anchor}`);
    }
  });
}
