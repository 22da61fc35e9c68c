import assert from "node:assert/strict";
import fc from "fast-check";
import { type AuditEntry, auditLine } from "../../lib/log/audit.ts";

const NOW = new Date(2026, 10, 21, 14, 3, 22, 123).getTime();
const ENTRY: AuditEntry = {
  client: "home",
  server: "pop.example.org:995",
  user: "bob@example.org",
  tls: true,
  destinations: [{ kind: "Mailbox", name: "alice" }],
  messageId: "<1.2@example.net>",
  octets: 4096,
  sender: "Carol <carol@example.net>",
};

Deno.test("auditLine() tells where a message came from and went to", () => {
  assert.equal(
    auditLine(ENTRY, NOW),
    "2026-11-21 14:03:22.123 Client=home Server=pop.example.org:995 User=bob@example.org TLS=yes " +
      "Mailbox=alice Message-ID=<1.2@example.net> Octets=4096 " +
      'Sender="Carol <carol@example.net>"\n',
  );
});

Deno.test("auditLine() writes - for what a message does not have, and all destinations", () => {
  const { client, server, octets } = ENTRY;
  const destinations: AuditEntry["destinations"] = [
    { kind: "Mailbox", name: "alice" },
    { kind: "SMTP", name: "bob@example.org" },
    { kind: "File", name: "/mail/my files/1.eml" },
  ];
  assert.equal(
    auditLine({ client, server, tls: false, destinations, octets, sender: "-" }, NOW),
    "2026-11-21 14:03:22.123 Client=home Server=pop.example.org:995 User=- TLS=no Mailbox=alice " +
      'SMTP=bob@example.org File="/mail/my files/1.eml" Message-ID=- Octets=4096 Sender="-"\n',
  );
});

Deno.test("auditLine() lets no sender forge a field or a line", () => {
  const line = auditLine({
    ...ENTRY,
    messageId: '<x> Octets=1 Sender="nobody"\r\n2026-11-21 14:03:22.124 Client=other',
    sender: "a\\",
  }, NOW);
  assert.ok(line.endsWith(
    ' Message-ID="<x> Octets=1 Sender=\\"nobody\\"\\x0d\\x0a2026-11-21 14:03:22.124 Client=other"' +
      ' Octets=4096 Sender="a\\\\"\n',
  ));
});

Deno.test("auditLine() bounds what a sender can write", () => {
  const line = auditLine({ ...ENTRY, messageId: "x".repeat(1e6), sender: "y ".repeat(1e6) }, NOW);
  assert.ok(line.length < 1300);
});

Deno.test("auditLine() is one line of the same fields whatever the values", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(fc.property(text, text, text, (user, messageId, sender) => {
    const line = auditLine({ ...ENTRY, user, messageId, sender }, NOW);
    assert.match(line, /^[^\p{Cc}\p{Zl}\p{Zp}]*\n$/u);
    const value = String.raw`(?:[^\s"]+|"(?:[^"\\]|\\.)*")`;
    const fields = "Client Server User TLS Mailbox Message-ID Octets Sender".split(" ");
    const shape = fields.map((name) => ` ${name}=${value}`).join("");
    assert.match(line, new RegExp(`^\\S+ \\S+${shape}\\n$`, "u"));
  }));
});
