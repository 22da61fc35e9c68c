/**
 * The retriever over TLS, by the network: from the first byte, by STLS, and against servers that
 * would have it talk in the clear.
 */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { ServerOptions } from "../../lib/retriever/options.ts";
import { transportDialer } from "../../lib/retriever/transport_dialer.ts";
import { createServerTls, secureServer } from "../../lib/transport/server_tls.ts";
import type { Misbehaviour } from "../support/scripted_pop3_server.ts";
import { TestRetriever } from "../support/retriever.ts";

function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
}

function key(name: string): string {
  return Deno.readTextFileSync(new URL(`../fixtures/tls/${name}.key`, import.meta.url));
}

const TEXT = "Subject: 1\r\n\r\none\r\n";

/** A retriever that reaches its server by the network. */
function networked(tls: "stls" | "none", more: Partial<ServerOptions> = {}): TestRetriever {
  const test = new TestRetriever();
  const server: ServerOptions = {
    ...test.client.server,
    host: "127.0.0.1",
    port: test.server.listen(),
    tls,
    ...(tls === "none" ? {} : { tlsOptions: { serverName: "localhost", ca: pem("ca") } }),
    ...more,
  };
  test.client = { ...test.client, server };
  test.dialer = transportDialer;
  test.server.add(TEXT);
  return test;
}

/** What a server does at STLS. */
function startTls(clientAuth: 0 | 1 | 2 = 0): NonNullable<Misbehaviour["startTls"]> {
  const tls = createServerTls({
    cert: pem("server"),
    key: key("server"),
    ca: pem("ca"),
    clientAuth,
  });
  return (connection) => secureServer(connection, tls, { handshakeTimeout: 5000 });
}

/** All that the server was told, over all sessions. */
function told(test: TestRetriever): string {
  return test.server.sessions.flat().join("\n");
}

Deno.test("STLS encrypts the session, and the audit says so", async () => {
  using test = networked("stls");
  test.server.script = [{ startTls: startTls() }];
  test.client = { ...test.client, capa: true };
  const report = await test.run();
  await test.server.close();
  equal(report.failure, undefined);
  deepEqual(test.server.sessions[0]!.slice(0, 5), [
    "CAPA",
    "STLS",
    "CAPA",
    "USER bob",
    "PASS secret",
  ]);
  match(test.audit.join(""), / TLS=yes /);
  match(test.transcript.join(""), /\*\* TLS started/);
});

Deno.test("Without TLS the audit says that as well", async () => {
  using test = networked("none");
  await test.run();
  await test.server.close();
  match(test.audit.join(""), / TLS=no /);
});

Deno.test("A server that refuses STLS is told nothing in the clear", async () => {
  using test = networked("stls");
  const report = await test.run();
  await test.server.close();
  match(report.failure ?? "", /refuses STLS \(.*nothing is sent in the clear/);
  equal(told(test), "STLS");
  equal(test.server.messages.length, 1);
});

Deno.test("Bytes behind the +OK of STLS end the session", async () => {
  for (const injected of ["+OK injected\r\n", "+", "\x16\x03\x01"]) {
    using test = networked("stls");
    test.server.script = [{
      startTls: startTls(),
      rewrite: (reply, command) => command === "STLS" ? reply + injected : reply,
    }];
    const report = await test.run();
    await test.server.close();
    match(
      report.failure ?? "",
      /something arrived in the clear behind the server's answer to STLS/,
    );
    ok(!told(test).includes("secret"));
  }
});

Deno.test("Bytes that follow the +OK of STLS in a packet of their own end the session too", async () => {
  using test = networked("stls");
  test.server.script = [{
    startTls: async (connection) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await connection.write(new TextEncoder().encode("+OK injected\r\n"));
      return await startTls()(connection);
    },
  }];
  const report = await test.run();
  await test.server.close().catch(() => {});
  match(report.failure ?? "", /TLS|clear/);
  ok(!told(test).includes("secret"));
});

Deno.test("A certificate of somebody else ends the session before the login", async () => {
  for (
    const tlsOptions of [{ serverName: "mail.example.org", ca: pem("ca") }, {
      serverName: "localhost",
      ca: pem("rogue_ca"),
    }]
  ) {
    using test = networked("stls", { tlsOptions });
    test.server.script = [{ startTls: startTls() }];
    const report = await test.run();
    await test.server.close().catch(() => {});
    match(report.failure ?? "", /Cannot start TLS with /);
    equal(told(test), "STLS");
  }
});

Deno.test("APOP's stamp from before STLS is forgotten", async () => {
  using test = networked("stls", { authtypes: ["APOP", "USERPASS"] });
  test.server.script = [{ startTls: startTls(), greeting: "+OK <1.2@attacker>\r\n" }];
  const report = await test.run();
  await test.server.close();
  equal(report.failure, undefined);
  ok(!told(test).includes("APOP"));
  match(told(test), /^STLS\nUSER bob$/m);
});

Deno.test("SASL_EXTERNAL logs in with the client's certificate", async () => {
  using test = networked("stls", {
    authtypes: ["SASL_EXTERNAL"],
    tlsOptions: { serverName: "localhost", ca: pem("ca"), cert: pem("alice"), key: key("alice") },
  });
  let name: string | undefined;
  test.server.script = [{
    startTls: async (connection) => {
      const secured = await startTls(2)(connection);
      name = secured.tls?.verifiedCommonName;
      return secured;
    },
    extra: (line) =>
      line === "AUTH EXTERNAL" ? "+ \r\n" : line === "" ? "+OK logged in\r\n" : undefined,
  }];
  const report = await test.run();
  await test.server.close();
  deepEqual([report.failure, report.delivered, name], [undefined, 1, "alice"]);
});
