import assert from "node:assert/strict";
import { fakeBuild, NAMES, Place } from "./fake_build.ts";

/** The permission bits of a path that is no symbolic link. */
function modeOf(path: string): string {
  return ((Deno.lstatSync(path).mode ?? 0) & 0o777).toString(8);
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("the launcher passes arguments and exit status, and says where it is", async () => {
  await using place = await Place.make();
  const args = ["serve", "", "two words", `a "b" 'c' $HOME *`, "--help", "back\\slash\nline"];
  const { code, stdout, stderr } = await place.start(args, { STATUS: "3" });
  assert.equal(stderr, "");
  assert.equal(code, 3);
  const home = place.unpacked();
  const flags = ["run", "--quiet", "--allow-sys=hostname", `${home}/main.mjs`];
  assert.equal(stdout.split("\nfile=")[0], [...flags, ...args].map((arg) => `<${arg}>`).join(""));
  assert.match(stdout, new RegExp(`^file=${place.program}$`, "m"));
  assert.match(stdout, new RegExp(`^cache=${home}/cache$`, "m"));
});

Deno.test("the launcher unpacks for its user alone, and leaves the umask as it was", async () => {
  await using place = await Place.make();
  const by = ["sh", "-c", `umask 027; exec "$0"`, place.program];
  const { stdout } = await place.start([], {}, by);
  assert.match(stdout, /^umask=0027$/m);
  assert.equal(modeOf(`${place.home}/.cache`), "700");
  assert.equal(modeOf(place.store), "700");
  const home = place.unpacked();
  assert.equal(modeOf(home), "700");
  assert.deepEqual(namesIn(home), NAMES);
  assert.deepEqual(NAMES.map((name) => modeOf(`${home}/${name}`)), ["700", "600", "600"]);
});

Deno.test("the launcher becomes the program: its process, its input, its signals", async () => {
  await using place = await Place.make();
  for (const round of ["first", "second"]) {
    const child = place.command(["wait"]).spawn();
    await child.stdin.close();
    let text = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (part.includes("ready")) child.kill("SIGTERM");
    }
    assert.deepEqual((await child.status).code, 7, `${round} start: ${text}`);
    assert.match(text, new RegExp(`^pid=${child.pid}$`, "m"));
    assert.match(text, /^got TERM$/m);
    await child.stderr.cancel();
  }
  const child = place.command(["read"]).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("a password\n"));
  await writer.close();
  const { stdout } = await child.output();
  assert.match(new TextDecoder().decode(stdout), /\na password\n$/);
});

Deno.test("the launcher can be started many times at once, the first time too", async () => {
  await using place = await Place.make();
  const starts = Array.from({ length: 12 }, (_, n) => place.start([`${n}`]));
  for (const { code, stdout, stderr } of await Promise.all(starts)) {
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, /^<run>/);
  }
  assert.deepEqual(namesIn(place.unpacked()), NAMES);
});

Deno.test("the launcher unpacks once", async () => {
  await using place = await Place.make();
  await place.start();
  const before = NAMES.map((name) => Deno.statSync(`${place.unpacked()}/${name}`).ino);
  assert.equal((await place.start()).code, 0);
  assert.deepEqual(NAMES.map((name) => Deno.statSync(`${place.unpacked()}/${name}`).ino), before);
});

Deno.test("the launcher notices a damaged file and unpacks again", async (t) => {
  const flip = (path: string) => {
    const bytes = Deno.readFileSync(path);
    bytes[1]! ^= 1;
    Deno.writeFileSync(path, bytes);
  };
  const damages: Record<string, (path: string) => void> = {
    "missing": (path) => Deno.removeSync(path),
    "cut short": (path) => Deno.truncateSync(path, 3),
    "emptied": (path) => Deno.truncateSync(path, 0),
    "another byte in it": flip,
    "another byte in it, and a time stamp of the past": (path) => {
      flip(path);
      Deno.utimeSync(path, 1000, 1000);
    },
    "of another mode": (path) => Deno.chmodSync(path, 0o644),
    "a folder": (path) => {
      Deno.removeSync(path);
      Deno.mkdirSync(`${path}/below`, { recursive: true });
    },
    "a symbolic link": (path) => {
      Deno.renameSync(path, `${path}.away`);
      Deno.symlinkSync(`${path}.away`, path);
    },
  };
  await using place = await Place.make();
  const whole = (await place.start()).stdout.replace(/^pid=.*$/m, "");
  const home = place.unpacked();
  const contents = NAMES.map((name) => Deno.readTextFileSync(`${home}/${name}`));
  for (const [title, damage] of Object.entries(damages)) {
    for (const [at, name] of NAMES.entries()) {
      await t.step(`${name} is ${title}`, async () => {
        damage(`${home}/${name}`);
        const { code, stdout, stderr } = await place.start();
        assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
        assert.equal(stdout.replace(/^pid=.*$/m, ""), whole);
        assert.equal(await Deno.readTextFile(`${home}/${name}`), contents[at]);
        assert.ok((await Deno.lstat(`${home}/${name}`)).isFile);
      });
    }
  }
});

Deno.test("the launcher refuses to unpack a damaged copy of itself", async (t) => {
  const build = await fakeBuild();
  const flipped = build.slice();
  flipped[flipped.length - 200]! ^= 1;
  for (const [title, bytes] of [["a flipped bit", flipped], ["an end", build.slice(0, -300)]]) {
    await t.step(`${title}`, async () => {
      await using place = await Place.make(bytes as Uint8Array);
      const { code, stdout, stderr } = await place.start();
      assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
      assert.match(stderr, /^Cannot unpack the program .*"[^"]*a program" is damaged/s);
      assert.deepEqual(namesIn(place.store), []);
    });
  }
});

Deno.test("the launcher says so when the program cannot run", async () => {
  await using place = await Place.make(await fakeBuild({ runtime: "#!/nowhere\n" }));
  const { code, stderr } = await place.start();
  assert.equal(code, 1);
  assert.match(stderr, /made for anything with a shell/);
  assert.match(stderr, /\/home\/\.cache: programs cannot run there$/m);
});

Deno.test("the launcher takes the first folder that will do", async (t) => {
  await using place = await Place.make();
  const user = Deno.uid();
  const temporary = `${place.temporary}/mailismus-${user}`;
  // Nobody can make a folder in /proc, not even root.
  const cases: [string, Record<string, string | undefined>, string][] = [
    [
      "systemd's",
      { CACHE_DIRECTORY: `${place.path}/one:${place.path}/two` },
      `${place.path}/one/mailismus`,
    ],
    ["XDG's", { XDG_CACHE_HOME: `${place.path}/xdg` }, `${place.path}/xdg/mailismus`],
    ["the temporary one where XDG's cannot be", { XDG_CACHE_HOME: "/proc/x" }, temporary],
    ["the home's where XDG's is relative", { XDG_CACHE_HOME: "x" }, place.store],
    ["the temporary one without a home", { HOME: undefined }, temporary],
    ["the temporary one where home cannot be written", { HOME: "/proc" }, temporary],
  ];
  await Deno.mkdir(`${place.path}/one`, { mode: 0o700 });
  for (const [title, env, store] of cases) {
    await t.step(title, async () => {
      const { code, stdout, stderr } = await place.start([], env);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      assert.equal(modeOf(store), "700");
      assert.ok(stdout.includes(`<${place.unpacked(store)}/main.mjs>`), stdout);
      await Deno.remove(store, { recursive: true });
    });
  }
});

Deno.test("the launcher runs from a read-only folder, by any of its names", async () => {
  await using place = await Place.make();
  const folder = `${place.path}/bin`;
  await Deno.mkdir(folder);
  await Deno.copyFile(place.program, `${folder}/mailismus`);
  await Deno.chmod(`${folder}/mailismus`, 0o555);
  await Deno.symlink("mailismus", `${folder}/link`);
  await Deno.chmod(folder, 0o555);
  try {
    const starts: [string[], string][] = [
      [[`${folder}/mailismus`], `${folder}/mailismus`],
      [["bin/mailismus"], `${place.path}/bin/mailismus`],
      [["bin/link"], `${place.path}/bin/link`],
      [["sh", "-c", "mailismus"], `${folder}/mailismus`],
      [["sh", "bin/mailismus"], `${place.path}/bin/mailismus`],
      [["sh", "-c", "cd bin; ./mailismus"], `${folder}/mailismus`],
    ];
    for (const [by, file] of starts) {
      const env = { PATH: `${folder}:/usr/bin:/bin` };
      const { code, stdout, stderr } = await place.start([], env, by);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      assert.equal(/^file=(.*)$/m.exec(stdout)?.[1], file);
    }
    assert.deepEqual(namesIn(folder), ["link", "mailismus"]);
  } finally {
    await Deno.chmod(folder, 0o755);
  }
});

Deno.test("the launcher trusts nothing that others have put into a temporary folder", async (t) => {
  const store = (place: Place) => `${place.temporary}/mailismus-${Deno.uid()}`;
  const refused = async (place: Place, reason: RegExp) => {
    const { code, stdout, stderr } = await place.start([], { HOME: undefined });
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
    assert.match(stderr, reason);
    assert.match(stderr, /^Set XDG_CACHE_HOME /m);
  };
  await t.step("a symbolic link", async () => {
    await using place = await Place.make();
    await Deno.mkdir(`${place.path}/elsewhere`);
    await Deno.symlink(`${place.path}/elsewhere`, store(place));
    await refused(place, /\/tmp: "[^"]*" is in the way$/m);
    assert.deepEqual(namesIn(`${place.path}/elsewhere`), []);
  });
  await t.step("a file", async () => {
    await using place = await Place.make();
    await Deno.writeTextFile(store(place), "");
    await refused(place, /\/tmp: "[^"]*" is in the way$/m);
  });
  await t.step("a folder that everybody could write to", async () => {
    await using place = await Place.make();
    await place.start([], { HOME: undefined });
    const home = place.unpacked(store(place));
    const time = (await Deno.stat(`${home}/main.mjs`)).mtime!;
    await Deno.writeTextFile(`${home}/main.mjs`, "evil\n");
    await Deno.utime(`${home}/main.mjs`, time, time);
    await Deno.chmod(store(place), 0o777);
    assert.equal((await place.start([], { HOME: undefined })).code, 0);
    assert.equal(modeOf(store(place)), "700");
    assert.equal(await Deno.readTextFile(`${home}/main.mjs`), "main\n");
  });
  await t.step("a temporary folder where everybody may rename everything", async () => {
    await using place = await Place.make();
    await Deno.chmod(place.temporary, 0o777);
    await refused(place, /\/tmp: everybody can write there$/m);
  });
  await t.step({
    name: `a folder of another user${Deno.uid() === 0 ? "" : " [skipped: needs root]"}`,
    ignore: Deno.uid() !== 0,
    fn: async () => {
      await using place = await Place.make();
      await Deno.mkdir(store(place), { mode: 0o700 });
      await Deno.chown(store(place), 65534, 65534);
      await refused(place, /\/tmp: "[^"]*" belongs to another user$/m);
      // Nor does root run what lies in the home of somebody else.
      await Deno.mkdir(`${place.home}/.cache`);
      await Deno.chown(`${place.home}/.cache`, 65534, 65534);
      const { code, stderr } = await place.start();
      assert.equal(code, 1);
      assert.match(stderr, /\/home\/\.cache: it belongs to another user$/m);
    },
  });
});

Deno.test("the launcher clears away what an interrupted start left, a day later", async () => {
  await using place = await Place.make();
  for (const name of ["new.aaaaaa", "new.bbbbbb"]) {
    await Deno.mkdir(`${place.store}/${name}`, { recursive: true });
    await Deno.writeTextFile(`${place.store}/${name}/deno`, "half");
  }
  await Deno.chmod(place.store, 0o700);
  const long = Date.now() / 1000 - 50 * 3600;
  await Deno.utime(`${place.store}/new.aaaaaa`, long, long);
  assert.equal((await place.start()).code, 0);
  const left = namesIn(place.store);
  assert.equal(left.length, 2);
  assert.equal(left[1], "new.bbbbbb");
});

const asOther = Deno.uid() === 0 && await isThere("/usr/bin/setpriv");

Deno.test({
  name: `the launcher runs as a user without a home${
    asOther ? "" : " [skipped: needs root, setpriv]"
  }`,
  ignore: !asOther,
  fn: async () => {
    await using place = await Place.make();
    await place.start();
    const by = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", place.program];
    // HOME is still root's, as after many a change of users.
    const { code, stdout, stderr } = await place.start(["it works"], {}, by);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, /<it works>/);
    assert.equal((await Deno.stat(`${place.temporary}/mailismus-65534`)).uid, 65534);
  },
});

const busybox = ["/usr/bin/busybox", "/bin/busybox"];
const foundBusybox = (await Promise.all(busybox.map(isThere))).indexOf(true);

Deno.test({
  name: `the launcher runs by busybox alone${
    foundBusybox < 0 ? " [skipped: busybox (Debian package busybox) not found]" : ""
  }`,
  ignore: foundBusybox < 0 && Deno.env.get("REQUIRE_PEERS") !== "1",
  fn: async () => {
    assert.ok(foundBusybox >= 0, "busybox not found, and REQUIRE_PEERS is set");
    await using place = await Place.make();
    const folder = `${place.path}/bin`;
    await Deno.mkdir(folder);
    const tools = "sh ls id mkdir mktemp mv rm chmod find tail gzip tar sync cat";
    for (const tool of tools.split(" ")) {
      await Deno.symlink(busybox[foundBusybox]!, `${folder}/${tool}`);
    }
    const by = [`${folder}/sh`, place.program];
    for (const round of ["first", "second"]) {
      const { code, stdout, stderr } = await place.start([round], { PATH: folder }, by);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      assert.match(stdout, new RegExp(`<${round}>`));
    }
    await Deno.truncate(`${place.unpacked()}/main.mjs`, 0);
    assert.equal((await place.start([], { PATH: folder }, by)).code, 0);
    assert.equal(await Deno.readTextFile(`${place.unpacked()}/main.mjs`), "main\n");
  },
});

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
