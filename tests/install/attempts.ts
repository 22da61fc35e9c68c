/**
 * Tries what a program with narrow permissions must not be able to do, and what it must. Run as a
 * program of its own with the permissions in question; prints what came of each attempt.
 *
 * @module
 */

/** What to try; the paths and addresses that are `allowed` must work. */
export interface Attempts {
  readonly allowed: {
    readonly read: readonly string[];
    readonly writeInto: readonly string[];
    readonly listen: readonly { hostname: string; port: number }[];
  };
  readonly denied: {
    readonly read: readonly string[];
    readonly write: readonly string[];
    readonly listen: readonly { hostname: string; port: number }[];
    readonly connect: readonly { hostname: string; port: number }[];
  };
}

function listenAt(address: { hostname: string; port: number }): void {
  Deno.listen(address).close();
}

function readAny(path: string): void {
  if (Deno.statSync(path).isDirectory) [...Deno.readDirSync(path)];
  else Deno.readFileSync(path);
}

function writeBelow(folder: string): void {
  Deno.mkdirSync(`${folder}/made/here`, { recursive: true });
  Deno.writeTextFileSync(`${folder}/made/here/file`, "text");
  Deno.removeSync(`${folder}/made`, { recursive: true });
}

async function attempt(
  outcomes: Record<string, string>,
  name: string,
  action: () => unknown,
): Promise<void> {
  try {
    await action();
    outcomes[name] = "allowed";
  } catch (error) {
    // A module that may not be imported ends in a TypeError that says why.
    const { name: kind, message } = error as Error;
    outcomes[name] = kind === "TypeError" && /Requires \w+ access/.test(message)
      ? "NotCapable"
      : `${kind}: ${message}`;
  }
}

/** Tries everything; what came of each attempt, by its name: `allowed` or an error. */
export async function tryAll({ allowed, denied }: Attempts): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {};
  for (const group of [allowed, denied]) {
    for (const path of group.read) await attempt(outcomes, `read ${path}`, () => readAny(path));
    for (const address of group.listen) {
      const name = `listen ${address.hostname}:${address.port}`;
      await attempt(outcomes, name, () => listenAt(address));
    }
  }
  for (const folder of allowed.writeInto) {
    await attempt(outcomes, `write into ${folder}`, () => writeBelow(folder));
  }
  for (const path of denied.write) {
    await attempt(outcomes, `write ${path}`, () => Deno.writeTextFileSync(path, "text"));
  }
  for (const address of denied.connect) {
    const name = `connect ${address.hostname}:${address.port}`;
    await attempt(outcomes, name, async () => (await Deno.connect(address)).close());
  }
  await attempt(outcomes, "run", () => new Deno.Command("true").outputSync());
  await attempt(outcomes, "load a library", () => Deno.dlopen("libc.so.6", {}));
  await attempt(outcomes, "environment", () => Deno.env.toObject());
  await attempt(outcomes, "one variable", () => Deno.env.get("HOME"));
  await attempt(outcomes, "system", () => Deno.osRelease());
  await attempt(outcomes, "fetch", () => fetch("http://127.0.0.1:8009/"));
  await attempt(outcomes, "resolve a name", () => Deno.resolveDns("example.org", "A"));
  await attempt(outcomes, "host name", () => Deno.hostname());
  return outcomes;
}

if (import.meta.main) {
  const outcomes = await tryAll(JSON.parse(Deno.args[0] ?? ""));
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(outcomes)));
}
