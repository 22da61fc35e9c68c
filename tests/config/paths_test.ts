import assert from "node:assert/strict";
import { anchor, innerPath, logTemplate, recipientFolder } from "../../lib/config/paths.ts";
import { type ReadContext, Refusal } from "../../lib/config/schema_kit.ts";

function contextOf(folder: string, windows: boolean): ReadContext {
  return { folder, windows, tokens: new Map([["DIRVAR", `${folder}`]]), hostname: "h", workers: 1 };
}
const unix = contextOf("/etc/m", false);

Deno.test("anchor() sets the token for the paths after it", () => {
  const context = contextOf("/etc/m", false);
  assert.equal(anchor("DIRTOP").parse(".", context), "/etc/m");
  assert.equal(anchor("DIRVAR").parse("%DIRTOP%/v", context), "/etc/m/v");
  assert.equal(anchor("DIRLOG").parse("%DIRVAR%/l", context), "/etc/m/v/l");
  assert.equal(logTemplate.parse("%DIRLOG%/x", context), "/etc/m/v/l/x");
  assert.throws(() => anchor("DIRVAR").parse("%DIRLOG%/v", context), Refusal);
});

Deno.test("paths keep the tokens that are replaced later", () => {
  assert.equal(
    logTemplate.parse("a/%Y%%M%/%DT%_%h%%m%%s%.%D%", unix),
    "/etc/m/a/%Y%%M%/%DT%_%h%%m%%s%.%D%",
  );
  assert.equal(recipientFolder.parse("%DIRVAR%/%U%", unix), "/etc/m/%U%");
  assert.equal(recipientFolder.parse("100%/x%1%", unix), "/etc/m/100%/x%1%");
  for (const raw of ["%DT%", "%u%", "%DIRFOO%", "", " ", "a\nb", 1]) {
    assert.throws(() => recipientFolder.parse(raw, unix), Refusal, String(raw));
  }
});

Deno.test("paths follow the rules of Windows there", () => {
  const windows = contextOf("C:\\mail", true);
  assert.equal(logTemplate.parse("logs/x.log", windows), "C:\\mail\\logs\\x.log");
  assert.equal(logTemplate.parse("D:/x.log", windows), "D:\\x.log");
});

Deno.test("innerPath stays inside", () => {
  assert.equal(innerPath.parse("mail/In box..", unix), "mail/In box..");
  for (const raw of ["..", "a/../b", "a\\..\\b", "/a", "C:\\a", "", "a\0"]) {
    assert.throws(() => innerPath.parse(raw, unix), Refusal, raw);
  }
});
