import assert from "node:assert/strict";
import { loadConfig } from "../lib/config/config.ts";

const root = new URL("../", import.meta.url);
const PAGES = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"];

/** What an example may leave to the one before it. */
const BASE = '[directory]\nusers = "%DIRCONF%/users"\n[message_store]\n';

Deno.test("README.md shows configs that are right", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", root));
  const toml = [...readme.matchAll(/^```toml\n(.*?)^```/gms)].map(([, text]) => text!);
  const tour = [...readme.matchAll(/^cat > \S+config\.toml <<'END'\n(.*?)^END$/gms)]
    .map(([, text]) => text!);
  assert.ok(toml.length > 1 && tour.length === 1);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/conf`);
    for (const name of ["users", "alice.password"]) {
      await Deno.writeTextFile(`${folder}/conf/${name}`, "alice\n", { mode: 0o600 });
    }
    for (const example of [...toml, ...tour]) {
      const file = `${folder}/config.toml`;
      const whole = example.includes("[directory]") ? example : BASE + example;
      await Deno.writeTextFile(file, whole);
      const { problems } = await loadConfig(file);
      const others = problems.filter(({ message }) =>
        !/^"\/etc\/letsencrypt\/\S+" is not there/.test(message)
      );
      assert.deepEqual(others, [], example);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("README.md and its companions name files that are there", async () => {
  for (const page of PAGES) {
    const text = await Deno.readTextFile(new URL(page, root));
    const links = [...text.matchAll(/\]\(([^):#]+)\)/g)].map(([, link]) => link!);
    const paths = [...text.matchAll(/`((?:lib|tests|scripts|docs)\/[^`*]+)`/g)]
      .map(([, path]) => path!);
    for (const path of [...links, ...paths]) {
      await assert.doesNotReject(Deno.stat(new URL(path, root)), `${page} names ${path}`);
    }
  }
});
