import { deepEqual, equal, match, notEqual, ok, rejects, throws } from "node:assert/strict";
import { MaildirDelivery, uniqueName } from "../../lib/maildir/delivery.ts";
import { DurableFile, ensureDurableFolder, isDiskFull } from "../../lib/maildir/durable_file.ts";
import { arrivalTime, MaildirNames } from "../../lib/maildir/names.ts";
import { OctetCounter } from "../../lib/wire/dot_stuffing.ts";
import { namesIn, readLatin1 } from "../support/retriever.ts";
import { octets } from "../support/scripted_pop3_server.ts";

const MARKS = { colon: ":", comma: "," };

/** Works in a folder of its own. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mailismus-delivery-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function delivery(path: string, form: "plain" | "wire" = "plain", marks = MARKS): MaildirDelivery {
  return new MaildirDelivery({ path, marks, form, hostName: "ho/st:na,me", tag: "pop3-0123" });
}

Deno.test("MaildirDelivery.open() makes a private Maildir, and takes one that is there", async () => {
  await inFolder(async (folder) => {
    for (let i = 0; i < 2; i++) await delivery(`${folder}/a/b/Maildir`).open();
    deepEqual(namesIn(`${folder}/a/b/Maildir`), ["cur", "new", "tmp"]);
    for (const path of ["a", "a/b", "a/b/Maildir", "a/b/Maildir/new"]) {
      equal((await Deno.stat(`${folder}/${path}`)).mode! & 0o777, 0o700, path);
    }
    await Deno.writeTextFile(`${folder}/file`, "");
    await rejects(delivery(`${folder}/file`).open());
  });
});

const MESSAGES: [string, "plain" | "wire", string, number][] = [
  ["an ordinary message", "plain", "a\n\nb\n", 8],
  ["an empty message", "plain", "", 0],
  ["a missing last line end", "plain", "a\nb", 6],
  ["line ends of both kinds", "plain", "a\r\nb\n", 6],
  ["a wire form message", "wire", "a\r\n..b\r\n", 7],
];

for (const [name, form, text, wire] of MESSAGES) {
  Deno.test(`MaildirDelivery names the exact sizes of ${name}`, async () => {
    await inFolder(async (folder) => {
      const target = delivery(folder, form);
      await target.open();
      const message = target.begin();
      for (const octet of octets(text)) message.write(Uint8Array.of(octet));
      const names = message.finish();
      await target.secure([message]);
      deepEqual(namesIn(`${folder}/new`), []);
      deepEqual(target.find([names]), ["tmp"]);
      ok(target.isWhole(names));
      await target.publish([names]);
      deepEqual([namesIn(`${folder}/tmp`), namesIn(`${folder}/new`)], [[], [names.final]]);
      match(
        names.final,
        new RegExp(
          `^\\d+\\.M\\d{6}P${Deno.pid}R[0-9a-f]{8}Q\\d+\\.ho_st_na_me,S=${text.length},W=${wire}$`,
        ),
      );
      equal(readLatin1(`${folder}/new/${names.final}`), text);
      equal((await Deno.stat(`${folder}/new/${names.final}`)).mode! & 0o777, 0o600);
      const counter = new OctetCounter(form);
      counter.add(octets(text));
      equal(counter.total(), wire, "as the server would count");
      deepEqual(new MaildirNames(MARKS).sizeHints(names.final), { disk: text.length, wire });
    });
  });
}

Deno.test("MaildirDelivery respects the store's characters", async () => {
  await inFolder(async (folder) => {
    const marks = { colon: "+", comma: ";" };
    const target = delivery(folder, "plain", marks);
    await target.open();
    const message = target.begin();
    message.write(octets("x\n"));
    const names = message.finish();
    await target.secure([message]);
    await target.publish([names]);
    match(names.final, /;S=2;W=3$/);
    await Deno.rename(`${folder}/new/${names.final}`, `${folder}/cur/${names.final}+2;FS`);
    deepEqual(target.find([names]), ["delivered"]);
  });
});

Deno.test("MaildirDelivery.find() finds a message wherever its reader moved it", async () => {
  await inFolder(async (folder) => {
    const target = delivery(folder);
    await target.open();
    const message = target.begin();
    message.write(octets("x\n"));
    const names = message.finish();
    await target.secure([message]);
    await target.publish([names]);
    deepEqual(target.find([names]), ["delivered"]);
    await Deno.rename(`${folder}/new/${names.final}`, `${folder}/cur/${names.final}:2,`);
    deepEqual(target.find([names, { ...names, final: "other" }]), ["delivered", "nowhere"]);
    await Deno.rename(`${folder}/cur/${names.final}:2,`, `${folder}/cur/${names.final}:2,RS`);
    deepEqual(target.find([names]), ["delivered"]);
    await Deno.remove(`${folder}/cur/${names.final}:2,RS`);
    deepEqual(target.find([names]), ["nowhere"]);
    await Deno.rename(`${folder}/tmp`, `${folder}/old`);
    const anew = delivery(folder);
    await anew.open();
    deepEqual(anew.find([names]), ["elsewhere"]);
  });
});

Deno.test("MaildirDelivery.sweep() removes its own leftovers and nobody else's", async () => {
  await inFolder(async (folder) => {
    const target = delivery(folder);
    await target.open();
    const kept = target.begin();
    const left = target.begin();
    for (const message of [kept, left]) {
      message.write(octets("x\n"));
      message.finish();
      message.file.close();
    }
    await Deno.writeTextFile(`${folder}/tmp/1763733802.M1P2Q3.host`, "");
    target.sweep(new Set([kept.file.path.split("/").at(-1)!]));
    deepEqual(namesIn(`${folder}/tmp`).length, 2);
    target.sweep(new Set());
    deepEqual(namesIn(`${folder}/tmp`), ["1763733802.M1P2Q3.host"]);
  });
});

Deno.test("MaildirMessage.discard() leaves nothing", async () => {
  await inFolder(async (folder) => {
    const target = delivery(folder);
    await target.open();
    const message = target.begin();
    message.write(octets("x".repeat(200_000)));
    message.discard();
    message.discard();
    deepEqual(namesIn(`${folder}/tmp`), []);
    throws(() => message.file.write(octets("x".repeat(200_000))));
  });
});

Deno.test("DurableFile writes pieces of every size in their order", async () => {
  await inFolder(async (folder) => {
    const sizes = [0, 1, 100, 32_768, 32_769, 65_535, 65_536, 65_537, 200_000, 7];
    const file = new DurableFile(`${folder}/file`);
    const other = new DurableFile(`${folder}/other`);
    let expected = "";
    for (const [i, size] of sizes.entries()) {
      const piece = String.fromCharCode(97 + i).repeat(size);
      expected += piece;
      file.write(octets(piece));
      other.write(octets("o"));
    }
    for (const one of [file, other]) {
      one.end();
      await one.sync();
    }
    equal(file.size, expected.length);
    ok(readLatin1(`${folder}/file`) === expected);
    equal(readLatin1(`${folder}/other`), "o".repeat(sizes.length));
    throws(() => new DurableFile(`${folder}/file`), Deno.errors.AlreadyExists);
  });
});

Deno.test("ensureDurableFolder() says whether it had to create something", async () => {
  await inFolder(async (folder) => {
    ok(await ensureDurableFolder(`${folder}/x/y/z`));
    ok(!await ensureDurableFolder(`${folder}/x/y/z`));
  });
});

Deno.test("isDiskFull() knows a full disk and a full quota", () => {
  ok(isDiskFull(Object.assign(new Error("x"), { code: "ENOSPC" })));
  ok(isDiskFull(new Error("No space left on device (os error 28)")));
  ok(isDiskFull(new Error("Disk quota exceeded (os error 122)")));
  ok(!isDiskFull(new Error("Permission denied (os error 13)")));
  ok(!isDiskFull(undefined));
});

Deno.test("uniqueName() repeats no name of an earlier process with the same id at the same time", async () => {
  const again = new URL("../../lib/maildir/delivery.ts?again", import.meta.url).href;
  const later: { uniqueName: typeof uniqueName } = await import(again);
  const before = uniqueName(3e12).replace(/Q\d+$/, "");
  notEqual(later.uniqueName(3e12).replace(/Q\d+$/, ""), before);
});

Deno.test("uniqueName() never repeats itself and never goes back", () => {
  const names = Array.from({ length: 2000 }, (_, i) => uniqueName(2e12 - i));
  equal(new Set(names).size, names.length);
  const times = names.map((name) => arrivalTime(name)!);
  deepEqual(times, times.toSorted((a, b) => a - b));
  deepEqual(
    names.map((name) => name.split("P")[0]),
    names.map((name) => name.split("P")[0]).sort(),
  );
});
