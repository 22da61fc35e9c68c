import assert from "node:assert/strict";
import { loadTls } from "../../lib/supervisor/tls_files.ts";
import { certificates, TempFolder } from "../support/program.ts";

Deno.test("loadTls() refuses a pipe in a certificate's place at once", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await TempFolder.make();
  const cert = `${folder.path}/server.pem`;
  await new Deno.Command("mkfifo", { args: [cert] }).output();
  const ssl = { clientauth: 0, latent: false, mandatory: false } as const;
  const { problems } = await loadTls({ ...ssl, cert, key: `${certificates}/server.key` });
  assert.deepEqual(problems, [`"${cert}" cannot be read: it is a pipe or a device, not a file`]);
});
