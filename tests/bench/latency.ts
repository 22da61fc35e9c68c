/**
 * A network with latency: a namespace whose loopback delays every packet, where the kernel allows
 * that, else a proxy that delays every piece of data.
 *
 * @module
 */
import { onInterrupt } from "./cleanup.ts";
import { runProgram } from "./peers.ts";
import { pause } from "./server.ts";

/** A way from a client to a server. */
export interface Network {
  /** How the latency is made, in words. */
  readonly method: string;
  /** Wraps a command so that it runs in this network. */
  wrap(command: string, args: readonly string[]): { command: string; args: string[] };
  /** The port of 127.0.0.1 by which a server's port is reached. */
  reach(port: number): Promise<number>;
  /** Takes it all away. */
  close(): Promise<void>;
}

const here: Pick<Network, "wrap"> = { wrap: (command, args) => ({ command, args: [...args] }) };

/** Makes a network with a round-trip time in milliseconds. */
export async function makeNetwork(roundTrip: number): Promise<Network> {
  if (roundTrip === 0) {
    return {
      ...here,
      method: "loopback",
      reach: (port) => Promise.resolve(port),
      close: () => Promise.resolve(),
    };
  }
  return await namespaceNetwork(roundTrip) ?? proxyNetwork(roundTrip);
}

async function namespaceNetwork(roundTrip: number): Promise<Network | undefined> {
  const name = `mailismus-bench-${Deno.pid}`;
  const remove = async () => {
    await runProgram("ip", ["netns", "delete", name]);
  };
  const steps = [
    ["ip", "netns", "add", name],
    ["ip", "-n", name, "link", "set", "lo", "up"],
    // Packets of both directions pass it once.
    ...[["tc", "-n", name, "qdisc", "add", "dev", "lo", "root"].concat(
      ["netem", "delay", `${roundTrip / 2}ms`, "limit", "100000"],
    )],
  ];
  try {
    for (const [command, ...args] of steps) {
      if ((await runProgram(command!, args)).code === 0) continue;
      await remove();
      return undefined;
    }
  } catch {
    return undefined;
  }
  return {
    method: "network namespace with netem",
    wrap: (command, args) => ({ command: "ip", args: ["netns", "exec", name, command, ...args] }),
    reach: (port) => Promise.resolve(port),
    close: remove,
  };
}

function proxyNetwork(roundTrip: number): Network {
  const proxies: Deno.ChildProcess[] = [];
  return {
    ...here,
    method: "delaying proxy",
    async reach(port) {
      const main = new URL("delay_proxy.ts", import.meta.url).pathname;
      const options = ["run", "--quiet", "--no-config", "--no-lock", "--no-check"];
      const child = new Deno.Command(Deno.execPath(), {
        args: [...options, "--allow-net=127.0.0.1", main, `${port}`, `${roundTrip / 2}`],
        stdin: "null",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      proxies.push(child);
      onInterrupt(() => child.kill("SIGKILL"));
      const reader = child.stdout.getReader();
      const { value } = await reader.read();
      reader.releaseLock();
      await child.stdout.cancel();
      return Number(new TextDecoder().decode(value));
    },
    async close() {
      for (const child of proxies) {
        child.kill("SIGTERM");
        await child.status;
      }
      await pause(50);
    },
  };
}
