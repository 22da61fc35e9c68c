import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { connect } from "../../lib/transport/client.ts";
import { listen, listenOn } from "../../lib/transport/listener.ts";
import { explainListenFault, probePort } from "../../lib/transport/probe.ts";
import { within } from "./support.ts";

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("listen() without an interface serves IPv4 and IPv6", async () => {
  const listener = await listen({ port: 0 });
  const port = listener.addresses[0]!.port;
  for (const host of hasIpv6() ? ["127.0.0.1", "::1"] : ["127.0.0.1"]) {
    const [client, server] = await Promise.all([
      connect({ host, port, timeout: 5000 }),
      listener.accept(),
    ]);
    assert.equal(server!.peer.address, host);
    assert.equal(server!.local.address, host);
    client.close();
    server!.close();
  }
  listener.close();
  assert.equal(await listener.accept(), null);
});

Deno.test("listen() serves all addresses of a host name on one port", async () => {
  const listener = await listen({ hostname: "localhost", port: 0 });
  const ports = new Set(listener.addresses.map(({ port }) => port));
  assert.equal(ports.size, 1);
  for (const { address, port } of [...listener.addresses, ...listener.addresses]) {
    const [client, server] = await Promise.all([
      connect({ host: address, port, timeout: 5000 }),
      listener.accept(),
    ]);
    assert.deepEqual(server!.peer, client.local);
    client.close();
    server!.close();
  }
  listener.close();
});

Deno.test("listen() lets several listeners share a port only if they say so", async () => {
  const first = await listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
  const port = first.addresses[0]!.port;
  const second = await listen({ hostname: "127.0.0.1", port, reusePort: true });
  await assert.rejects(listen({ hostname: "127.0.0.1", port }), Deno.errors.AddrInUse);
  first.close();
  second.close();
});

Deno.test("Listener.close() ends a pending accept() with null", async () => {
  for (const hostname of ["127.0.0.1", "localhost"]) {
    const listener = await listen({ hostname, port: 0 });
    const accepting = listener.accept();
    listener.close();
    listener.close();
    assert.equal(await accepting, null);
    assert.equal(await listener.accept(), null);
  }
});

/** A socket whose accept() fails as told, then succeeds. */
async function faultySocket(failures: (Error & { code?: string })[]) {
  const real = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: real.addr.port });
  return {
    addr: real.addr,
    close: () => {
      real.close();
      client.close();
    },
    accept: (): Promise<Deno.TcpConn> => {
      const failure = failures.shift();
      return failure === undefined ? real.accept() : Promise.reject(failure);
    },
  };
}

function failure(code: string): Error & { code: string } {
  return Object.assign(new Error(`${code} (os error)`), { code });
}

Deno.test("Listener.accept() survives failures that pass and reports them once", async () => {
  const socket = await faultySocket([
    failure("ECONNABORTED"),
    failure("EMFILE"),
    failure("EMFILE"),
    failure("ENFILE"),
  ]);
  const troubles: string[] = [];
  const listener = listenOn([socket], (error) => troubles.push(error.message));
  const connection = await within(2000, listener.accept());
  assert.deepEqual(troubles, ["EMFILE (os error)"]);
  connection!.close();
  listener.close();
});

Deno.test("Listener.accept() does not wait for connections that were reset in the backlog", async () => {
  for (const code of ["ECONNABORTED", "ECONNRESET", "ENOTCONN", "EPROTO", "EHOSTUNREACH"]) {
    const socket = await faultySocket(Array.from({ length: 1000 }, () => failure(code)));
    const troubles: string[] = [];
    const listener = listenOn([socket], (error) => troubles.push(error.message));
    // With a wait after each, a thousand would take a quarter of an hour.
    const connection = await within(5000, listener.accept());
    assert.deepEqual(troubles, []);
    connection!.close();
    listener.close();
  }
});

Deno.test("Listener.accept() finds a client behind many that connected and reset", async () => {
  const listener = await listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addresses[0]!;
  for (let i = 0; i < 100; i++) await connectAndReset(port);
  const polite = await connect({ host: "127.0.0.1", port, timeout: 5000 });
  const wanted = polite.local.port;
  const found = (async () => {
    while (true) {
      const connection = await listener.accept();
      connection!.close();
      if (connection!.peer.port === wanted) return true;
    }
  })();
  assert.equal(await within(5000, found), true);
  polite.close();
  listener.close();
});

/** Connects, and resets the connection while nobody has accepted it. */
async function connectAndReset(port: number): Promise<void> {
  const socket = createConnection({ host: "127.0.0.1", port });
  await once(socket, "connect");
  const closed = once(socket, "close");
  socket.resetAndDestroy();
  await closed;
}

Deno.test("Listener.close() ends the wait after a failure", async () => {
  const socket = await faultySocket(Array.from({ length: 50 }, () => failure("EMFILE")));
  const trouble = Promise.withResolvers<void>();
  const listener = listenOn([socket], () => trouble.resolve());
  const accepting = listener.accept();
  await trouble.promise;
  listener.close();
  assert.equal(await within(500, accepting), null);
});

Deno.test("probePort() finds a free port free and leaves it so", async () => {
  const first = await probePort({ hostname: "127.0.0.1", port: 0 });
  assert.ok(first.free);
  const again = await probePort({ hostname: "127.0.0.1", port: first.port });
  assert.ok(again.free);
  assert.deepEqual(again.addresses, [{ address: "127.0.0.1", port: first.port }]);
});

Deno.test("probePort() notices a port that another instance shares among its threads", async () => {
  const other = await listen({ port: 0, reusePort: true });
  const port = other.addresses[0]!.port;
  for (const hostname of [undefined, "127.0.0.1"]) {
    const probe = await probePort({ hostname, port });
    assert.ok(!probe.free);
    const place = hostname === undefined ? `port ${port} on all interfaces` : `127.0.0.1:${port}`;
    assert.match(
      probe.problem,
      new RegExp(`^Cannot listen on ${place}: the port is already in use`),
    );
    assert.match(probe.problem, /another instance/);
  }
  other.close();
});

Deno.test("probePort() tells a foreign address and an unknown name", async () => {
  // 198.51.100.0/24 is for documentation (RFC 5737): no machine has it.
  const foreign = await probePort({ hostname: "198.51.100.7", port: 2110 });
  assert.ok(!foreign.free);
  assert.match(
    foreign.problem,
    /^Cannot listen on 198\.51\.100\.7:2110: .* not an address of this machine/,
  );
  const unknown = await probePort({ hostname: "no-such-host.invalid", port: 2110 });
  assert.ok(!unknown.free);
  assert.match(unknown.problem, /the host name "no-such-host\.invalid" is unknown/);
});

Deno.test("explainListenFault() names the ways to a port below 1024", () => {
  const denied = new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  const low = explainListenFault(denied, { port: 110 });
  assert.match(low, /^Cannot listen on port 110 on all interfaces: ports below 1024/);
  assert.match(low, /CAP_NET_BIND_SERVICE/);
  assert.match(low, /net\.ipv4\.ip_unprivileged_port_start=110/);
  const high = explainListenFault(denied, { hostname: "::1", port: 2110 });
  assert.match(high, /^Cannot listen on \[::1\]:2110: Permission denied/);
  const scoped = new Deno.errors.NotCapable("Requires net access");
  assert.match(explainListenFault(scoped, { port: 110 }), /`permissions` subcommand/);
});
