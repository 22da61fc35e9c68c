import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import type { ClientMechanism } from "../../lib/auth/types.ts";
import type { ServerOptions } from "../../lib/retriever/options.ts";
import type { TokenSource } from "../../lib/retriever/token_source.ts";
import { openSession } from "../../lib/retriever/open_session.ts";
import { Deadlines } from "../../lib/transport/deadlines.ts";
import { type Misbehaviour, ScriptedPop3Server } from "../support/scripted_pop3_server.ts";

interface Attempt {
  /** The method that succeeded, or the failure. */
  readonly result: string;
  /** What each connection was told, without the CAPA and QUIT behind. */
  readonly lines: string[][];
}

/** Logs in at a scripted server. */
async function attempt(
  authtypes: ClientMechanism[],
  script: Misbehaviour[],
  more: Partial<ServerOptions> = {},
  tokens?: TokenSource,
): Promise<Attempt> {
  const server = new ScriptedPop3Server();
  server.script = script;
  const options: ServerOptions = {
    host: "pop.example.org",
    port: 995,
    tls: "none",
    username: "bob",
    password: "secret",
    authtypes,
    initrsp: false,
    ...more,
  };
  let result: string;
  try {
    const session = await openSession({
      server: options,
      capa: false,
      timeout: 1000,
      dialer: {
        connect: () => Promise.resolve(server.dial()),
        secure: () => Promise.reject(new Error("no TLS here")),
      },
      tokens,
      deadlines: new Deadlines(20),
      transcript: undefined,
      signal: new AbortController().signal,
    });
    result = session.mechanism;
    session.client.close();
  } catch (error) {
    result = (error as Error).message;
  }
  await server.close();
  const lines = server.sessions.map((session) =>
    session.filter((line) => line !== "CAPA" && line !== "QUIT")
  );
  return { result, lines };
}

/** Answers a dialogue: each line of the client gets the next reply. */
function dialogue(...replies: string[]): Misbehaviour {
  return { extra: () => replies.shift() };
}

function base64(text: string): string {
  return btoa(text);
}

const WELCOME = "+OK logged in\r\n";

Deno.test("USERPASS sends USER and PASS", async () => {
  const { result, lines } = await attempt(["USERPASS"], [{}]);
  deepEqual([result, lines], ["USERPASS", [["USER bob", "PASS secret"]]]);
});

Deno.test("APOP answers the greeting's time stamp, and only a sound one", async () => {
  const stamp = "<1896.697170952@dbc.mtview.ca.us>";
  const digest = createHash("md5").update(`${stamp}secret`).digest("hex");
  const good = { ...dialogue(WELCOME), greeting: `+OK POP3 ${stamp} ready\r\n` };
  const { result, lines } = await attempt(["APOP"], [good]);
  deepEqual([result, lines], ["APOP", [[`APOP bob ${digest}`]]]);
  // CVE-2007-1558: collisions need characters that no message id has.
  for (const greeting of ["+OK\r\n", "+OK <no-at-sign>\r\n", "+OK <a\x80b@c>\r\n"]) {
    const refused = await attempt(["APOP"], [{ greeting }]);
    match(
      refused.result,
      /no login method succeeded \(APOP: the server's greeting has no time stamp/,
    );
    deepEqual(refused.lines, [[]]);
  }
});

Deno.test("SASL_PLAIN goes on two lines, or on one with initrsp", async () => {
  const message = base64("\0bob\0secret");
  const two = await attempt(["SASL_PLAIN"], [dialogue("+ \r\n", WELCOME)]);
  deepEqual([two.result, two.lines], ["SASL_PLAIN", [["AUTH PLAIN", message]]]);
  const one = await attempt(["SASL_PLAIN"], [dialogue(WELCOME)], { initrsp: true });
  deepEqual([one.result, one.lines], ["SASL_PLAIN", [[`AUTH PLAIN ${message}`]]]);
  const bare = await attempt(["SASL_PLAIN"], [dialogue("+\r\n", WELCOME)]);
  equal(bare.result, "SASL_PLAIN");
});

Deno.test("An initial response that makes too long a line goes on its own", async () => {
  const password = "p".repeat(250);
  const long = await attempt(["SASL_PLAIN"], [dialogue("+ \r\n", WELCOME)], {
    initrsp: true,
    password,
  });
  deepEqual(long.lines, [["AUTH PLAIN", base64(`\0bob\0${password}`)]]);
});

Deno.test("SASL_CRAM_MD5 answers the challenge, and cancels one that is none", async () => {
  const challenge = "<1896.697170952@postoffice.reston.mci.net>";
  const digest = createHmac("md5", "secret").update(challenge).digest("hex");
  const good = await attempt(
    ["SASL_CRAM_MD5"],
    [dialogue(`+ ${base64(challenge)}\r\n`, WELCOME)],
    { initrsp: true },
  );
  deepEqual(good.lines, [["AUTH CRAM-MD5", base64(`bob ${digest}`)]]);
  equal(good.result, "SASL_CRAM_MD5");
  const bad = await attempt(["SASL_CRAM_MD5"], [
    dialogue("+ not base64!\r\n", "-ERR cancelled\r\n"),
  ]);
  deepEqual(bad.lines, [["AUTH CRAM-MD5", "*"]]);
});

Deno.test("SASL_EXTERNAL needs a certificate and no password", async () => {
  const none = await attempt(["SASL_EXTERNAL"], [{}]);
  match(none.result, /no client certificate is configured/);
  const tlsOptions = { serverName: "pop.example.org", cert: "PEM", key: "PEM" };
  const two = await attempt(["SASL_EXTERNAL"], [dialogue("+ \r\n", WELCOME)], {
    tlsOptions,
  });
  deepEqual(two.lines, [["AUTH EXTERNAL", ""]]);
  const one = await attempt(["SASL_EXTERNAL"], [dialogue(WELCOME)], { tlsOptions, initrsp: true });
  deepEqual(one.lines, [["AUTH EXTERNAL ="]]);
});

/** Gives tokens one after the other. */
function tokenSource(...tokens: string[]): TokenSource {
  return {
    token: () => Promise.resolve(tokens[0]!),
    refused: () => tokens.length > 1 && tokens.shift() !== undefined,
    close: () => {},
  };
}

Deno.test("SASL_XOAUTH2 takes two lines, and answers a refusal's challenge with an empty line", async () => {
  const good = await attempt(
    ["SASL_XOAUTH2"],
    [dialogue("+ \r\n", WELCOME)],
    {},
    tokenSource("t1"),
  );
  const message = base64("user=bob\x01auth=Bearer t1\x01\x01");
  deepEqual(good.lines, [["AUTH XOAUTH2", message]]);
  equal(good.result, "SASL_XOAUTH2");
  const bad = await attempt(
    ["SASL_XOAUTH2"],
    [dialogue("+ \r\n", `+ ${base64('{"status":"400"}')}\r\n`, "-ERR no\r\n")],
    {},
    tokenSource("t1"),
  );
  deepEqual(bad.lines, [["AUTH XOAUTH2", message, ""]]);
  match(bad.result, /the server refused it: "no" \("\{\\"status\\":\\"400\\"\}"\)/);
  ok(!bad.result.includes("t1"));
  const repeated = await attempt(
    ["SASL_XOAUTH2"],
    [dialogue("+ \r\n", `+ ${base64('{"token":"ya29.token"}')}\r\n`, "-ERR no\r\n")],
    {},
    tokenSource("ya29.token"),
  );
  match(repeated.result, /the server refused it: "no"\)$/);
});

Deno.test("A refused token is replaced once", async () => {
  const replies = ["+ \r\n", "+ e30=\r\n", "-ERR old\r\n", "+ \r\n", WELCOME];
  const { result, lines } = await attempt(
    ["SASL_XOAUTH2"],
    [dialogue(...replies)],
    {},
    tokenSource("t1", "t2"),
  );
  equal(result, "SASL_XOAUTH2");
  equal(lines[0]!.at(-1), base64("user=bob\x01auth=Bearer t2\x01\x01"));
  const twice = ["-ERR old\r\n", "-ERR new\r\n"];
  const refused = await attempt(
    ["SASL_XOAUTH2"],
    [dialogue(...twice)],
    {},
    tokenSource("t1", "t2"),
  );
  match(refused.result, /the server refused it: "new"/);
});

Deno.test("SASL_OAUTHBEARER names host and port, and acknowledges a refusal", async () => {
  const { lines } = await attempt(
    ["SASL_OAUTHBEARER"],
    [dialogue("+ \r\n", "+ e30=\r\n", "-ERR no\r\n")],
    {},
    tokenSource("t1"),
  );
  const message = "n,a=bob,\x01host=pop.example.org\x01port=995\x01auth=Bearer t1\x01\x01";
  deepEqual(lines, [["AUTH OAUTHBEARER", base64(message), "AQ=="]]);
});

Deno.test("A method without its secret is passed over, and its reason told", async () => {
  const all: ClientMechanism[] = ["SASL_XOAUTH2", "SASL_EXTERNAL", "APOP", "USERPASS"];
  const { result } = await attempt(all, [{}]);
  equal(result, "USERPASS");
  const wrong = await attempt(all, [{}], { password: "guess" });
  match(
    wrong.result,
    /SASL_XOAUTH2: no access token is configured; SASL_EXTERNAL: no client.*; APOP: .*; USERPASS: the server refused it: "\[AUTH\] wrong password"/,
  );
  ok(!wrong.result.includes("guess"));
});

Deno.test("Methods are tried in their order on one connection", async () => {
  const { result, lines } = await attempt(["SASL_PLAIN", "USERPASS"], [{}]);
  deepEqual([result, lines], ["USERPASS", [["AUTH PLAIN", "USER bob", "PASS secret"]]]);
});

Deno.test("A server that hangs up after a failed login gets a new connection for the next", async () => {
  const hangUp: Misbehaviour = {
    extra: () => "-ERR no\r\n",
    hangUpAt: /^USER/,
  };
  const { result, lines } = await attempt(["SASL_PLAIN", "USERPASS"], [hangUp, {}]);
  equal(result, "USERPASS");
  deepEqual(lines, [["AUTH PLAIN", "USER bob"], ["USER bob", "PASS secret"]]);
});

Deno.test("A server that hangs up in answer to a method may take the next", async () => {
  const script = [{ hangUpAt: /^AUTH/ }];
  const { result, lines } = await attempt(["SASL_PLAIN", "SASL_CRAM_MD5", "USERPASS"], script);
  equal(result, "USERPASS");
  deepEqual(lines, [["AUTH PLAIN"], ["AUTH CRAM-MD5"], ["USER bob", "PASS secret"]]);
});

Deno.test("A server that hangs up on every method is given up", async () => {
  const script = [{ hangUpAt: /^(?:AUTH|USER)/ }];
  const { result, lines } = await attempt(["SASL_PLAIN", "USERPASS"], script);
  match(result, /SASL_PLAIN: the server closed the connection; USERPASS: the server closed/);
  equal(lines.length, 2);
});

for (const code of ["IN-USE", "LOGIN-DELAY", "SYS/TEMP", "SYS/PERM"]) {
  Deno.test(`[${code}] ends the attempts: another method would change nothing`, async () => {
    const { result, lines } = await attempt(
      ["SASL_PLAIN", "USERPASS"],
      [dialogue(`-ERR [${code}] try later\r\n`)],
    );
    match(result, /does not let us in now: ".*try later"/);
    deepEqual(lines, [["AUTH PLAIN"]]);
  });
}

Deno.test("A greeting of -ERR is told as it is", async () => {
  const { result } = await attempt(["USERPASS"], [{ greeting: "-ERR go away\x07\r\n" }]);
  match(result, /turned us away: "go away\\u0007"/);
});

Deno.test("A server that never stops asking is given up", async () => {
  for (const mechanism of ["SASL_PLAIN", "SASL_CRAM_MD5"] as const) {
    const { result, lines } = await attempt([mechanism], [{ extra: () => "+ PDFAeD4=\r\n" }]);
    match(result, /the server goes on after AUTH [\w-]+ was cancelled/);
    equal(lines[0]!.length, 3);
  }
});

Deno.test("A server that repeats a secret does not bring it into messages", async () => {
  const password = "pässwort";
  for (const status of ["-ERR what is", "What is"]) {
    const rewrite = (reply: string, line: string): string =>
      /^(?:PASS|[A-Za-z0-9+/]+=*$)/.test(line) && line !== "CAPA" ? `${status} ${line}\r\n` : reply;
    for (const method of ["USERPASS", "SASL_PLAIN"] as const) {
      const repeating = { extra: () => "+ \r\n", rewrite };
      const { result } = await attempt([method], [repeating], { password });
      match(result, /"\*\*\*"/);
      ok(!result.includes("wort") && !result.includes("AGJv"), result);
    }
  }
});
