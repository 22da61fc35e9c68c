import assert from "node:assert/strict";
import fc from "fast-check";
import { maskCommand } from "../../lib/log/mask.ts";
import { type SessionTranscript, Transcript } from "../../lib/log/transcript.ts";

/** Records a dialogue and gives its lines without time and session. */
function record(play: (session: SessionTranscript) => void): string[] {
  let text = "";
  const now = new Date(2026, 10, 21, 14, 3, 22, 123).getTime();
  const transcript = new Transcript({ write: (lines) => text += lines }, () => now);
  play(transcript.session("a1b2-17"));
  const head = "2026-11-21 14:03:22.123 [a1b2-17] ";
  return text.split("\n").slice(0, -1).map((line) => {
    assert.ok(line.startsWith(head), line);
    return line.slice(head.length);
  });
}

Deno.test("SessionTranscript records a session as it went", () => {
  const lines = record((session) => {
    session.event("connected from 127.0.0.1:4711 to 127.0.0.1:110 (POP3)");
    session.server("+OK Mailismus POP3 Ready <1.2@host>\r\n");
    session.client("USER alice");
    session.server("+OK\r\n");
    session.client("PASS correct horse battery staple");
    session.server("+OK 2 messages\r\n");
    session.client("LIST");
    session.server("+OK\r\n1 120\r\n2 4096\r\n.\r\n");
    session.client("RETR 2");
    session.server("+OK 4096 octets");
    session.message(4096);
    session.client("");
    session.event("disconnected");
  });
  assert.deepEqual(lines, [
    "** connected from 127.0.0.1:4711 to 127.0.0.1:110 (POP3)",
    "S: +OK Mailismus POP3 Ready <1.2@host>",
    "C: USER alice",
    "S: +OK",
    "C: PASS ***",
    "S: +OK 2 messages",
    "C: LIST",
    "S: +OK",
    "S: 1 120",
    "S: 2 4096",
    "S: .",
    "C: RETR 2",
    "S: +OK 4096 octets",
    "S: (4096 octets of message)",
    "C:",
    "** disconnected",
  ]);
});

Deno.test("SessionTranscript hides every answer of a SASL exchange, and shows challenges", () => {
  const lines = record((session) => {
    session.client("AUTH CRAM-MD5");
    session.server("+ PDEuMkBob3N0Pg==");
    session.client("YWxpY2UgMDEyMzQ1Njc4OQ==");
    session.server("-ERR [AUTH] no");
    session.client("auth plain");
    session.server("+");
    session.client("STAT");
    session.server("-ERR [AUTH] no");
    session.client("AUTH PLAIN");
    session.server("+ ");
    session.client("*");
    session.server("-ERR cancelled");
    session.client("AUTH XOAUTH2 dXNlcj1h");
    session.server("+ eyJzdGF0dXMiOiI0MDAifQ==");
    session.client("");
    session.server("-ERR [AUTH] no");
    session.client("STAT");
  });
  assert.deepEqual(lines, [
    "C: AUTH CRAM-MD5",
    "S: + PDEuMkBob3N0Pg==",
    "C: ***",
    "S: -ERR [AUTH] no",
    "C: auth plain",
    "S: +",
    "C: ***",
    "S: -ERR [AUTH] no",
    "C: AUTH PLAIN",
    "S: + ",
    "C: *",
    "S: -ERR cancelled",
    "C: AUTH XOAUTH2 ***",
    "S: + eyJzdGF0dXMiOiI0MDAifQ==",
    "C:",
    "S: -ERR [AUTH] no",
    "C: STAT",
  ]);
});

Deno.test("SessionTranscript hides a secret that the server quotes in its reply", () => {
  const lines = record((session) => {
    session.client("PASS hunter22");
    session.server("-ERR Bad password hunter22");
    session.client("AUTH PLAIN");
    session.server("+ ");
    session.client("AGFsaWNlAHNlY3JldA==");
    session.server("-ERR AGFsaWNlAHNlY3JldA== is not right");
    session.client("AUTH PLAIN AGFsaWNlAHNlY3JldA==");
    session.server("-ERR alice has not the password secret");
    session.client("AUTH XOAUTH2 " + btoa("user=alice\x01auth=Bearer ya29.token\x01\x01"));
    session.server("-ERR the token ya29.token has expired");
    session.client("AUTH PLAIN AGFsaWNlAHNlY3JldA==");
    session.server("-ERR alice has another password");
    session.client("hunter22");
    session.server("hunter22: command not found");
    session.server("+OK");
    session.client("PASS a");
    session.server("-ERR Bad password");
  });
  assert.deepEqual(lines.filter((line) => line.startsWith("S")), [
    "S: -ERR ***",
    "S: + ",
    "S: -ERR ***",
    "S: -ERR ***",
    "S: -ERR ***",
    "S: -ERR alice has another password",
    "S: ***",
    "S: +OK",
    "S: -ERR Bad password",
  ]);
});

Deno.test("SessionTranscript lets nobody forge a line", () => {
  const lines = record((session) => {
    session.client("USER a\r2026-11-21 14:03:22.123 [a1b2-17] S: +OK\x1b[1A");
    session.server("+OK\nforged");
    session.event("why\r\nnot");
  });
  assert.deepEqual(lines, [
    "C: USER a\\x0d2026-11-21 14:03:22.123 [a1b2-17] S: +OK\\x1b[1A",
    "S: +OK\\x0aforged",
    "** why\\x0d\\x0anot",
  ]);
});

Deno.test("maskCommand() hides what is secret and shows what is not", () => {
  const digest = "c4c9334bac560ecc979e58001b3e22fb";
  const cases: Record<string, string> = {
    "PASS secret": "PASS ***",
    "pass secret with spaces ": "pass ***",
    "PASS\tsecret": "PASS ***",
    "PASS": "PASS",
    "PASS ": "PASS",
    [`APOP mrose ${digest}`]: "APOP mrose ***",
    [`APOP two words ${digest}`]: "APOP two words ***",
    "APOP mrose secret": "APOP ***",
    "APOP secret": "APOP ***",
    "AUTH": "AUTH",
    "AUTH PLAIN": "AUTH PLAIN",
    "AUTH PLAIN AGEAYg==": "AUTH PLAIN ***",
    "AUTH PLAIN =": "AUTH PLAIN ***",
    "AUTH AGEAYg==": "AUTH ***",
    "USER alice": "USER alice",
    "RETR 1": "RETR 1",
    "retr x y": "retr x y",
    "GET / HTTP/1.1": "GET ***",
    "AGFsaWNlAHNlY3JldA==": "***",
    "PASSsecret": "***",
    " PASS secret": "***",
    "secret": "***",
    "": "",
  };
  for (const [line, shown] of Object.entries(cases)) assert.equal(maskCommand(line).shown, shown);
});

/** Secrets that could not stand in a transcript by chance. */
const secrets = fc.string({ minLength: 6, maxLength: 40 })
  .map((text) => "\u00a7" + text.replace(/[\r\n]/g, "_") + "\u00a7");

Deno.test("SessionTranscript never shows a secret, in whatever form it is sent", () => {
  const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const forms = fc.constantFrom<(session: SessionTranscript, secret: string) => string>(
    (session, secret) => (session.client(`PASS ${secret}`), secret),
    (session, secret) => (session.client(`pAsS  ${secret}`), secret),
    (session, secret) => (session.client(`APOP alice ${secret}`), secret),
    (session, secret) => (session.client(secret), secret),
    (session, secret) => {
      session.client("USER alice\t");
      session.client(`AUTH PLAIN ${base64(`\0alice\0${secret}`)}`);
      return base64(`\0alice\0${secret}`);
    },
    (session, secret) => {
      session.client("AUTH PLAIN");
      session.server("+ ");
      session.client(base64(secret));
      return base64(secret);
    },
    (session, secret) => {
      session.client("AUTH CRAM-MD5");
      session.server("+ PDEuMkBob3N0Pg==");
      session.client(base64(`alice ${secret}`));
      return base64(`alice ${secret}`);
    },
    (session, secret) => {
      session.client("AUTH OAUTHBEARER");
      session.server("+ ");
      session.client(base64(`n,,\x01auth=Bearer ${secret}\x01\x01`));
      session.server("+ eyJzdGF0dXMiOiI0MDAifQ==");
      session.client("AQ==");
      return base64(`n,,\x01auth=Bearer ${secret}\x01\x01`);
    },
    // A client that does not wait sends its answer though AUTH was refused.
    (session, secret) => {
      session.client("AUTH PLAIN");
      session.server("-ERR Use TLS first");
      session.client(base64(secret));
      return base64(secret);
    },
  );
  fc.assert(fc.property(forms, secrets, fc.boolean(), (send, secret, quotes) => {
    const shown = record((session) => {
      const sent = send(session, secret);
      session.server(quotes ? `-ERR [AUTH] You sent ${sent} and that is wrong` : "-ERR [AUTH] no");
      session.client("QUIT");
      session.server("+OK");
    }).join("\n");
    assert.ok(!shown.includes("\u00a7"), shown);
    assert.ok(!shown.includes(base64(secret).slice(2, -2)), shown);
    assert.ok(shown.endsWith("C: QUIT\nS: +OK"), shown);
  }));
});
