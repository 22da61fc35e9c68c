import assert from "node:assert/strict";
import { createTokenSource, type TokenSourceTools } from "../../lib/retriever/oauth.ts";
import type { OAuthOptions, ServerOptions } from "../../lib/retriever/options.ts";
import type { TokenSource } from "../../lib/retriever/token_source.ts";

/** A token endpoint that hands out numbered tokens. */
class Provider {
  readonly requests: URLSearchParams[] = [];
  readonly warnings: string[] = [];
  now = 1_800_000_000_000;
  answer: (request: URLSearchParams, count: number) => [number, unknown] = (_request, count) => [
    200,
    { access_token: `token${count}`, expires_in: 3600 },
  ];

  readonly tools: TokenSourceTools = {
    fetch: async (_url, init) => {
      const request = new URLSearchParams(await new Response(init!.body).text());
      this.requests.push(request);
      const [status, body] = this.answer(request, this.requests.length);
      return new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
    },
    now: () => this.now,
    warn: (text) => this.warnings.push(text),
  };

  source(options: Partial<OAuthOptions> = {}): TokenSource {
    return createTokenSource(
      server({
        oauth2: {
          tokenEndpoint: "https://provider.example/token",
          clientId: "client",
          clientSecret: "client-secret",
          refreshToken: "refresh1",
          scope: "mail",
          ...options,
        },
      }),
      this.tools,
    )!;
  }
}

function server(options: Partial<ServerOptions>): ServerOptions {
  return {
    host: "pop.example",
    port: 995,
    tls: "implicit",
    authtypes: ["SASL_XOAUTH2"],
    initrsp: false,
    ...options,
  };
}

Deno.test("EndpointTokenSource asks with the refresh token and keeps the answer until shortly before its end", async () => {
  const provider = new Provider();
  const source = provider.source();
  assert.equal(await source.token(), "token1");
  provider.now += 3_400_000;
  assert.equal(await source.token(), "token1");
  provider.now += 100_000;
  assert.equal(await source.token(), "token2");
  assert.deepEqual(Object.fromEntries(provider.requests[0]!), {
    grant_type: "refresh_token",
    refresh_token: "refresh1",
    client_id: "client",
    client_secret: "client-secret",
    scope: "mail",
  });
});

Deno.test("EndpointTokenSource gives another token for one that had worked and is now refused", async () => {
  const provider = new Provider();
  const source = provider.source();
  const first = await source.token();
  assert.equal(source.refused(first), false, "a token just fetched is refused for good");
  const second = await source.token();
  assert.equal(second, "token2");
  await source.token();
  assert.equal(source.refused(second), true);
  assert.equal(await source.token(), "token3");
});

Deno.test("EndpointTokenSource keeps a new refresh token in its file", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/refresh`;
  await Deno.writeTextFile(file, "old\n");
  const provider = new Provider();
  provider.answer = (_request, count) => [
    200,
    { access_token: "t", expires_in: 1, refresh_token: `new${count}` },
  ];
  const source = createTokenSource(
    server({
      oauth2: {
        tokenEndpoint: "https://provider.example/token",
        clientId: "client",
        refreshTokenFile: file,
      },
    }),
    provider.tools,
  )!;
  await source.token();
  assert.equal(await Deno.readTextFile(file), "new1\n");
  provider.now += 10_000;
  await source.token();
  assert.equal(provider.requests[1]!.get("refresh_token"), "new1");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("EndpointTokenSource warns when a new refresh token has no file to be kept in", async () => {
  const provider = new Provider();
  provider.answer = () => [200, { access_token: "t", expires_in: 10, refresh_token: "refresh2" }];
  const source = provider.source();
  await source.token();
  provider.now += 60_000;
  await source.token();
  assert.equal(provider.requests[1]!.get("refresh_token"), "refresh2");
  assert.equal(provider.warnings.length, 1);
  assert.match(provider.warnings[0]!, /refresh_token_file/);
  assert.ok(!provider.warnings[0]!.includes("refresh2"));
});

Deno.test("EndpointTokenSource says what the provider said and what to do, without secrets", async () => {
  const cases: [number, unknown, RegExp][] = [
    [
      400,
      { error: "invalid_grant", error_description: "expired" },
      /invalid_grant \(expired\).*sign in/,
    ],
    [401, { error: "invalid_client" }, /invalid_client.*client_id/],
    [503, "<html>", /HTTP status 503/],
    [200, "<html>", /without an access_token/],
    [200, { access_token: "" }, /without an access_token/],
    [200, "x".repeat(300_000), /over 262144 bytes/],
  ];
  for (const [status, body, expected] of cases) {
    const provider = new Provider();
    provider.answer = () => [status, body];
    await assert.rejects(provider.source().token(), (error: Error) => {
      assert.match(error.message, expected);
      assert.match(error.message, /provider\.example/);
      assert.ok(!/refresh1|client-secret/.test(error.message));
      return true;
    });
  }
});

Deno.test("FileTokenSource reads the file's first line for every login", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/token`;
  const source = createTokenSource(server({ tokenFile: file }), new Provider().tools)!;
  await assert.rejects(source.token(), /Cannot read token_file/);
  await Deno.writeTextFile(file, "one\r\nrest\n");
  assert.equal(await source.token(), "one");
  await Deno.writeTextFile(file, "two");
  assert.equal(await source.token(), "two");
  await Deno.writeTextFile(file, "\n");
  await assert.rejects(source.token(), /holds no token/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("createTokenSource() makes none where none is configured", () => {
  assert.equal(createTokenSource(server({}), new Provider().tools), undefined);
});
