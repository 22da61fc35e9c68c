import assert from "node:assert/strict";
import { connect } from "../../lib/transport/client.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import type { ClientAuth, ServerTlsOptions } from "../../lib/transport/server_tls.ts";
import {
  fixture,
  fixturePath,
  hasOpenssl,
  opensslClient,
  receive,
  serverOptions,
  startTlsServer,
  type TlsServer,
  within,
} from "./support.ts";

function asking(clientAuth: ClientAuth, more: Partial<ServerTlsOptions> = {}): ServerTlsOptions {
  return serverOptions({ ca: fixture("ca.pem"), clientAuth, ...more });
}

/** Connects with a certificate of tests/fixtures/tls, or with none. */
function connectAs(server: TlsServer, name?: string): Promise<Connection> {
  const identity = name === undefined
    ? {}
    : { cert: fixture(`${name}.pem`), key: fixture(`${name}.key`) };
  return connect({
    host: "127.0.0.1",
    port: server.port,
    timeout: 5000,
    tls: { serverName: "localhost", ca: fixture("ca.pem"), ...identity },
  });
}

const UNTRUSTED = [
  "rogue_alice",
  "expired_alice",
  "future_alice",
  "self_signed_alice",
  "server_only_alice",
  "two_names",
  "no_name",
  "nul_name",
];

Deno.test("secureServer() takes the name of a verified certificate", async () => {
  await using server = await startTlsServer(asking(1));
  for (
    const [name, expected] of [["alice", "alice"], ["utf8_name", "алиса"], ["chain_alice", "alice"]]
  ) {
    const client = await connectAs(server, name);
    const info = await server.nextInfo();
    assert.equal(info.verifiedCommonName, expected);
    assert.equal(info.certificateFault, undefined);
    client.close();
  }
});

Deno.test("secureServer() with clientAuth 1 treats an untrusted certificate as none", async () => {
  await using server = await startTlsServer(asking(1));
  for (const name of UNTRUSTED) {
    const client = await connectAs(server, name);
    const info = await server.nextInfo();
    assert.equal(info.verifiedCommonName, undefined, name);
    assert.ok(info.certificateFault, name);
    assert.equal(await receive(client), "+OK hello\r\n");
    client.close();
  }
  const client = await connectAs(server);
  const info = await server.nextInfo();
  assert.deepEqual([info.verifiedCommonName, info.certificateFault], [undefined, undefined]);
  client.close();
});

Deno.test("secureServer() says what is wrong with a certificate", async () => {
  await using server = await startTlsServer(asking(1));
  const faults: string[] = [];
  for (const name of ["expired_alice", "rogue_alice", "two_names", "future_alice"]) {
    const client = await connectAs(server, name);
    faults.push((await server.nextInfo()).certificateFault!);
    client.close();
  }
  assert.match(faults[0]!, /expired on .*2020/);
  assert.match(faults[1]!, /by an authority in tspath/);
  assert.match(faults[2]!, /no usable Common Name/);
  assert.match(faults[3]!, /valid from .*2123/);
});

Deno.test("secureServer() with clientAuth 2 closes without a trusted certificate", async () => {
  await using server = await startTlsServer(asking(2));
  for (const name of [undefined, ...UNTRUSTED]) {
    // The client may believe in success (TLS 1.3), but never gets a byte.
    const heard = (async () => {
      const client = await connectAs(server, name);
      try {
        return await client.read(new Uint8Array(100));
      } finally {
        client.close();
      }
    })().catch(() => null);
    const outcome = await server.next();
    assert.ok("error" in outcome, String(name));
    assert.equal(await within(3000, heard), null, String(name));
  }
  const client = await connectAs(server, "alice");
  assert.equal((await server.nextInfo()).verifiedCommonName, "alice");
  client.close();
});

Deno.test("secureServer() accepts no certificate with clientAuth 0 or without authorities", async () => {
  const { ca: _, ...withoutAuthorities } = asking(1);
  for (const options of [asking(0), withoutAuthorities]) {
    await using server = await startTlsServer(options);
    const client = await connectAs(server, "alice");
    assert.equal((await server.nextInfo()).verifiedCommonName, undefined);
    client.close();
  }
});

Deno.test("a certificate in tspath that is no authority's vouches for nobody else", async () => {
  const pin = fixture("self_signed_alice.pem");
  for (const ca of [pin, fixture("ca.pem") + pin]) {
    await using server = await startTlsServer(asking(1, { ca }));
    const names = ["self_signed_alice", "vouched_bob", "vouched_chain_bob"];
    if (ca !== pin) names.push("bob");
    const trusted: (string | undefined)[] = [];
    for (const name of names) {
      const client = await connectAs(server, name);
      const info = await server.nextInfo();
      trusted.push(info.verifiedCommonName);
      if (name.startsWith("vouched")) assert.match(info.certificateFault!, /not an authority's/);
      client.close();
    }
    const expected = ["alice", undefined, undefined, "bob"];
    assert.deepEqual(trusted, expected.slice(0, names.length));
  }
});

Deno.test("secureServer() trusts only the name in peercert if there is one", async () => {
  await using server = await startTlsServer(asking(1, { peercert: "bob" }));
  const alice = await connectAs(server, "alice");
  const refused = await server.nextInfo();
  assert.equal(refused.verifiedCommonName, undefined);
  assert.equal(refused.certificateFault, 'the certificate is for "alice", not "bob"');
  alice.close();
  const bob = await connectAs(server, "bob");
  assert.equal((await server.nextInfo()).verifiedCommonName, "bob");
  bob.close();
});

/** Connects twice with openssl, the second time resuming; gives what the server saw each time. */
async function resume(server: TlsServer, name: string, version: string, between?: () => void) {
  const session = await Deno.makeTempFile();
  try {
    const identity = ["-cert", fixturePath(`${name}.pem`), "-key", fixturePath(`${name}.key`)];
    await opensslClient(server.port, [version, ...identity, "-sess_out", session]);
    const first = await server.nextInfo();
    between?.();
    const printed = await opensslClient(server.port, [version, ...identity, "-sess_in", session]);
    return { first, second: await server.nextInfo(), resumed: /^Reused, /m.test(printed) };
  } finally {
    await Deno.remove(session);
  }
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  Deno.test({
    name: `secureServer() verifies no less when a session is resumed (${version})`,
    ignore: !hasOpenssl,
    fn: async () => {
      await using server = await startTlsServer(asking(1));
      const good = await resume(server, "alice", version);
      assert.equal(good.first.verifiedCommonName, "alice");
      assert.equal(good.second.verifiedCommonName, "alice");
      for (const name of ["rogue_alice", "self_signed_alice"]) {
        const bad = await resume(server, name, version);
        assert.equal(bad.first.verifiedCommonName, undefined);
        assert.equal(bad.second.verifiedCommonName, undefined);
        assert.ok(bad.second.certificateFault);
      }
      // Another authority: what was verified by the old one counts no more.
      const replaced = await resume(server, "alice", version, () => {
        server.tls.replace(asking(1, { ca: fixture("rogue_ca.pem") }));
      });
      assert.equal(replaced.first.verifiedCommonName, "alice");
      assert.equal(replaced.second.verifiedCommonName, undefined);
    },
  });
}

Deno.test({
  name: "secureServer() refuses what is older than TLS 1.2",
  ignore: !hasOpenssl,
  fn: async () => {
    await using server = await startTlsServer(serverOptions());
    const printed = await opensslClient(server.port, ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert.doesNotMatch(printed, /hello/);
    assert.ok("error" in await server.next());
  },
});

Deno.test({
  name: "secureServer() serves RSA and chained certificates to openssl",
  ignore: !hasOpenssl,
  fn: async () => {
    for (const name of ["rsa", "chain"]) {
      await using server = await startTlsServer({
        cert: fixture(`${name}.pem`),
        key: fixture(`${name}.key`),
      });
      const printed = await opensslClient(server.port, [
        "-verify_return_error",
        "-verify_hostname",
        "localhost",
      ]);
      assert.match(printed, /\+OK hello/);
      assert.match(printed, /exit 0/);
    }
  },
});
