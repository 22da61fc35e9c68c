import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { type ClientTlsOptions, connect, secureClient } from "../../lib/transport/client.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { memoryPair } from "../support/memory.ts";
import { listen } from "../../lib/transport/listener.ts";
import {
  fixture,
  fixturePath,
  receive,
  send,
  serverOptions,
  startTlsServer,
  tcpPair,
  within,
} from "./support.ts";

const host = "127.0.0.1";
const ca = fixture("ca.pem");

/** Deno does TLS where nothing is configured; Node does it in the other cases. */
const WAYS: readonly [string, Partial<ClientTlsOptions>][] = [
  ["with nothing configured", {}],
  ["with authorities", { ca }],
  ["with authorities and a client certificate", {
    ca,
    cert: fixture("alice.pem"),
    key: fixture("alice.key"),
  }],
];

async function refusal(attempt: Promise<Connection>): Promise<string> {
  try {
    (await attempt).close();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
  throw new Error("The connection was made");
}

Deno.test("connect() says what failed", async () => {
  const free = await listen({ hostname: host, port: 0 });
  const port = free.addresses[0]!.port;
  free.close();
  const refused = await refusal(connect({ host, port, timeout: 5000 }));
  assert.match(
    refused,
    new RegExp(`^Cannot connect to 127\\.0\\.0\\.1:${port}: connection refused`),
  );
  const unknown = await refusal(connect({ host: "no-such-host.invalid", port, timeout: 5000 }));
  assert.match(unknown, /the host name "no-such-host\.invalid" cannot be resolved/);
});

Deno.test("connect() ends with its signal", async () => {
  const listener = await listen({ hostname: host, port: 0 });
  const port = listener.addresses[0]!.port;
  const signal = AbortSignal.abort(new Error("shutting down"));
  await assert.rejects(connect({ host, port, timeout: 5000, signal }), /shutting down/);
  listener.close();
});

for (const [way, identity] of WAYS) {
  const options = { serverName: "localhost", ...identity };

  Deno.test(`secureClient() ${way} trusts no authority that it was not told`, async () => {
    await using server = await startTlsServer(serverOptions());
    const untold = identity.ca === undefined ? {} : { ca: fixture("rogue_ca.pem") };
    // Twice: the first session's ticket must not open the door.
    for (let round = 0; round < 2; round++) {
      const attempt = connect({
        host,
        port: server.port,
        timeout: 5000,
        tls: { ...options, ...untold },
      });
      assert.match(
        await refusal(attempt),
        /is not signed by a known authority.*; .* ssl\.tspath/,
      );
    }
  });

  Deno.test(`secureClient() ${way} fails on what is not TLS, and on silence`, async () => {
    const cases: [string | undefined, RegExp][] = [
      ["+OK POP3 ready\r\n", /does not speak TLS there; .* ssl\.latent/],
      ["", /closed|unexpected end/],
      [undefined, /longer than 0\.1 s|longer than 100 ms/],
    ];
    for (const [said, expected] of cases) {
      const { client, server } = await tcpPair();
      if (said !== undefined) await send(server, said);
      if (said === "") server.close();
      const securing = secureClient(client, options, { timeout: said === undefined ? 100 : 5000 });
      assert.match(await within(3000, refusal(securing)), expected);
      server.close();
      client.close();
      // Lingering ends when both are closed; the leak check of this test sees to it.
      await within(3000, server.read(new Uint8Array(1)));
    }
  });

  Deno.test(`secureClient() ${way} ends with its signal`, async () => {
    const { client, server } = await tcpPair();
    const controller = new AbortController();
    const securing = secureClient(client, options, { timeout: 5000, signal: controller.signal });
    controller.abort(new Error("shutting down"));
    await assert.rejects(within(2000, securing), /shutting down/);
    server.close();
  });

  Deno.test(`secureClient() ${way} fails if the server said more before TLS`, async () => {
    const { client, server } = await tcpPair();
    await send(server, "+OK Begin TLS\r\n+OK injected\r\n");
    const line = new Uint8Array(15);
    for (let at = 0; at < line.length;) at += (await client.read(line.subarray(at)))!;
    const securing = secureClient(client, options, { timeout: 5000 });
    assert.match(await within(3000, refusal(securing)), /does not speak TLS/);
    server.close();
  });
}

for (const [way, identity] of WAYS.slice(1)) {
  const options = { serverName: "localhost", ...identity };

  Deno.test(`secureClient() ${way} talks over verified TLS, from the start`, async () => {
    await using server = await startTlsServer(serverOptions());
    const port = server.port;
    for (const serverName of ["localhost", "127.0.0.1"]) {
      const tls = { ...options, serverName };
      const client = await connect({ host, port, timeout: 5000, tls });
      assert.ok(client.tls);
      assert.equal(client.peer.port, port);
      assert.equal(await receive(client), "+OK hello\r\n");
      await send(client, "QUIT\r\n");
      assert.equal(await receive(client), "QUIT\r\n");
      assert.equal(await client.read(new Uint8Array(1)), null);
      client.close();
    }
  });

  Deno.test(`secureClient() ${way} explains a certificate that it does not accept`, async () => {
    const expectations: [string, RegExp][] = [
      [
        "expired_server",
        /: the server's certificate (expired on 2020-02-01; its operator has to|.*, has expired, or)/,
      ],
      [
        "elsewhere",
        /is for mail\.example\.net, pop\.example\.net, not for "localhost"; .* ssl\.peercert/,
      ],
      ["self_signed_alice", /is not (one for servers|signed by a known authority)/],
    ];
    for (const [name, expected] of expectations) {
      await using server = await startTlsServer({
        cert: fixture(`${name}.pem`),
        key: fixture(`${name}.key`),
      });
      const attempt = connect({ host, port: server.port, timeout: 5000, tls: options });
      const message = await refusal(attempt);
      assert.match(message, /^Cannot start TLS with "localhost" \(127\.0\.0\.1:\d+\): /);
      assert.match(message, expected);
    }
  });
}

Deno.test("secureClient() presents its certificate, decrypting the key", async () => {
  await using server = await startTlsServer(serverOptions({ ca, clientAuth: 2 }));
  const client = await connect({
    host,
    port: server.port,
    timeout: 5000,
    tls: { serverName: "localhost", ca, cert: fixture("alice.pem"), key: fixture("alice.key") },
  });
  assert.equal((await server.nextInfo()).verifiedCommonName, "alice");
  client.close();
});

Deno.test("secureClient() refuses a client certificate that cannot be used", async () => {
  const { client, server } = await tcpPair();
  const options = {
    serverName: "localhost",
    cert: fixture("alice.pem"),
    key: fixture("other.key"),
  };
  const message = await refusal(secureClient(client, options, { timeout: 5000 }));
  assert.match(message, /^Cannot use the client certificate: the private key does not belong/);
  server.close();
});

Deno.test("secureClient() works over any connection", async () => {
  const [clientEnd, serverEnd] = memoryPair();
  const securing = secureClient(clientEnd, { serverName: "localhost" }, { timeout: 5000 });
  serverEnd.close();
  assert.match(await within(2000, refusal(securing)), /peer closed the connection/);
});

Deno.test("secureClient() trusts a self-signed certificate that it was told", async () => {
  const cert = fixture("self_signed_server.pem");
  await using server = await startTlsServer({ cert, key: fixture("self_signed_server.key") });
  const tls = { serverName: "localhost", ca: cert };
  const client = await connect({ host, port: server.port, timeout: 5000, tls });
  assert.equal(await receive(client), "+OK hello\r\n");
  client.close();
});

/** Runs well_known_fixture.ts, for which our test authority is a well-known one. */
async function asWellKnown(port: number, serverName: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-config",
      "--no-lock",
      "--allow-net=127.0.0.1",
      `--cert=${fixturePath("ca.pem")}`,
      decodeURIComponent(new URL("./well_known_fixture.ts", import.meta.url).pathname),
      String(port),
      serverName,
    ],
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("secureClient() with nothing configured takes certificates of known authorities", async () => {
  await using server = await startTlsServer(serverOptions());
  for (const serverName of ["localhost", "127.0.0.1"]) {
    const printed = await within(20_000, asWellKnown(server.port, serverName));
    assert.equal(printed, "TLS: +OK hello\r\nQUIT\r\nend\n");
  }
  const mismatch = await within(20_000, asWellKnown(server.port, "mail.example.net"));
  assert.match(
    mismatch,
    /certificate is for localhost, 127\.0\.0\.1, .*not for "mail\.example\.net"; .* ssl\.peercert/,
  );
  await using expired = await startTlsServer({
    cert: fixture("expired_server.pem"),
    key: fixture("expired_server.key"),
  });
  const late = await within(20_000, asWellKnown(expired.port, "localhost"));
  assert.match(late, /: the server's certificate expired on 2020-02-01; its operator has to renew/);
});
