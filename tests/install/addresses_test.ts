import assert from "node:assert/strict";
import { Program, runCommand, TempFolder } from "../support/program.ts";
import { ROOT } from "./staging.ts";

/** Whether this machine has IPv6 on its loopback. */
function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

/** Only Linux has all of 127.0.0.0/8 on its loopback. */
const WHOLE_LOOPBACK = Deno.build.os === "linux";

const HEAD = `
[directory]
users = "users"
plainpass = true
[message_store]
userpath = "%DIRTOP%/ms"
`;

function listener(name: string, host: string | undefined, port: number | string): string {
  const at = host === undefined ? "" : `interface = "${host}"\n`;
  return `[[pop3server.listeners]]\nname = "${name}"\n${at}port = ${port}\n`;
}

/** The command that `permissions` prints for the config in a folder. */
async function printed(folder: string): Promise<string> {
  const launcher = `${ROOT}/scripts/mailismus`;
  const args = [launcher, "permissions", "--config", `${folder}/config.toml`];
  const { code, stdout, stderr } = await runCommand("sh", args);
  assert.equal(code, 0, stderr);
  return new TextDecoder().decode(stdout);
}

/** Starts a config with the permissions printed for it. */
function start(listeners: string, names: readonly string[]): Promise<Program> {
  return Program.start({
    config: HEAD + listeners,
    users: "alice:pw\n",
    listeners: names,
    command: async (folder) => ({
      command: "sh",
      args: ["-c", `exec ${await printed(folder)}`],
    }),
  });
}

/** The greeting at an address, or undefined if nobody listens there. */
async function greeting(hostname: string, port: number): Promise<string | undefined> {
  try {
    using conn = await Deno.connect({ hostname, port });
    const buffer = new Uint8Array(512);
    const count = await conn.read(buffer) ?? 0;
    return new TextDecoder().decode(buffer.subarray(0, count));
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return undefined;
    throw error;
  }
}

Deno.test("a listener with an IPv4 address serves that address alone", async () => {
  await using program = await start(listener("four", "127.0.0.1", 0), ["four"]);
  const port = program.port("four");
  assert.match(await greeting("127.0.0.1", port) ?? "", /^\+OK/);
  if (WHOLE_LOOPBACK) assert.equal(await greeting("127.0.0.2", port), undefined);
  if (hasIpv6()) assert.equal(await greeting("::1", port), undefined);
  await program.stop();
});

Deno.test({
  name: "a listener with an IPv6 address serves that address alone",
  ignore: !hasIpv6(),
  fn: async () => {
    await using program = await start(listener("six", "::1", 0), ["six"]);
    const port = program.port("six");
    assert.match(program.output, /Listening on \[::1\]:\d+/);
    assert.match(await greeting("::1", port) ?? "", /^\+OK/);
    assert.equal(await greeting("127.0.0.1", port), undefined);
    await program.stop();
  },
});

Deno.test("a listener without an interface serves all addresses, IPv4 and IPv6", async () => {
  await using program = await start(listener("all", undefined, 0), ["all"]);
  const port = program.port("all");
  assert.match(await greeting("127.0.0.1", port) ?? "", /^\+OK/);
  if (WHOLE_LOOPBACK) assert.match(await greeting("127.0.0.2", port) ?? "", /^\+OK/);
  if (hasIpv6()) assert.match(await greeting("::1", port) ?? "", /^\+OK/);
  await program.stop();
});

Deno.test("a listener with a host name serves the addresses that the name has", async () => {
  const free = Deno.listen({ hostname: "localhost", port: 0 });
  const { port } = free.addr as Deno.NetAddr;
  free.close();
  await using program = await start(listener("named", "localhost", port), ["named"]);
  assert.match(await greeting("localhost", program.port("named")) ?? "", /^\+OK/);
  await program.stop();
});

Deno.test("several listeners serve several addresses, also with one port", async () => {
  if (!WHOLE_LOOPBACK) return;
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr as Deno.NetAddr;
  free.close();
  const listeners = listener("one", "127.0.0.1", port) + listener("two", "127.0.0.2", port) +
    (hasIpv6() ? listener("six", "::1", 0) : "");
  await using program = await start(listeners, ["one", "two", ...(hasIpv6() ? ["six"] : [])]);
  assert.deepEqual([program.port("one"), program.port("two")], [port, port]);
  for (const host of ["127.0.0.1", "127.0.0.2"]) {
    assert.match(await greeting(host, port) ?? "", /^\+OK/, host);
  }
  assert.equal(await greeting("127.0.0.3", port), undefined);
  if (hasIpv6()) assert.match(await greeting("::1", program.port("six")) ?? "", /^\+OK/);
  await program.stop();
});

Deno.test("the printed permissions name each address, and ports below 1024 as they are", async () => {
  await using folder = await TempFolder.make();
  await Deno.writeTextFile(`${folder.path}/users`, "alice:pw\n", { mode: 0o600 });
  const net = async (listeners: string) => {
    await Deno.writeTextFile(`${folder.path}/config.toml`, HEAD + listeners);
    return /--allow-net=([^\s']*)/.exec(await printed(folder.path))?.[1]?.split(",") ?? [];
  };
  assert.deepEqual(await net(listener("a", "127.0.0.1", 110)), ["127.0.0.1:110"]);
  assert.deepEqual(await net(listener("a", "::1", 995)), ["[::1]:995"]);
  assert.deepEqual(await net(listener("a", undefined, 110)), ["[::]:110", "0.0.0.0:110"]);
  assert.deepEqual(
    await net(listener("a", "127.0.0.1", 110) + listener("b", "::1", 2110)),
    ["127.0.0.1:110", "[::1]:2110"],
  );
  const named = await net(listener("a", "localhost", 110));
  // To look a name up takes the permission for the name itself.
  assert.ok(named.includes("localhost"));
  assert.ok(named.includes("127.0.0.1:110") || named.includes("[::1]:110"), named.join());
});
