import { equal, match } from "node:assert/strict";
import { receivedHeader, type ReceivedOptions } from "../../lib/retriever/received_header.ts";

const options: ReceivedOptions = {
  host: "pop.example.org",
  address: "192.0.2.7",
  hostName: "here.example.net",
  protocol: "POP3",
  recip: "alice",
  time: Date.UTC(2026, 10, 5, 8, 7, 6),
};

Deno.test("receivedHeader() follows RFC 5321 section 4.4", () => {
  const lines = receivedHeader(options, "crlf").split("\r\n");
  equal(lines[0], "Received: from pop.example.org ([192.0.2.7])");
  equal(lines[1], "\tby here.example.net (Mailismus) with POP3");
  match(lines[2]!, /^\tfor <alice>; [A-Z][a-z]{2}, \d{1,2} Nov 2026 \d\d:\d\d:06 [+-]\d{4}$/);
  equal(Date.parse(lines[2]!.replace(/^.*; /, "")), options.time);
  equal(lines[3], "");
});

Deno.test("receivedHeader() writes IPv6 addresses as literals", () => {
  const header = receivedHeader({ ...options, host: "2001:db8::1", address: "2001:db8::1" }, "lf");
  match(header, /^Received: from \[IPv6:2001:db8::1\] \(\[IPv6:2001:db8::1\]\)\n\tby /);
});

Deno.test("receivedHeader() lets no name break out of its place", () => {
  const recip = "a>; Mon\r\nX-Forged: 1 (";
  const header = receivedHeader({ ...options, recip, host: "x)\n y" }, "lf");
  equal(header.split("\n").length, 4);
  match(header, /^Received: from x___y \(/);
  match(header, /for <a___Mon__X-Forged:_1__>; /);
});
