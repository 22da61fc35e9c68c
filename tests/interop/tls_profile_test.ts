/**
 * Which TLS the running server speaks, as a scanner sees it: no more than
 * Mozilla's "intermediate" profile (version 5.7) allows.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseXml, type XmlElement } from "@rgrove/parse-xml";
import { findPeer, peerTest } from "../support/peers.ts";
import { certificates, configText, Program, runCommand } from "../support/program.ts";

const PROTOCOLS = ["TLSv1.2", "TLSv1.3"];
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];
const GROUPS = ["x25519", "secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)"];

/** The elements of that name anywhere in a document, as their attributes. */
function elements(xml: string, name: string): Record<string, string>[] {
  const found: Record<string, string>[] = [];
  const walk = (element: XmlElement) => {
    if (element.name === name) found.push(element.attributes);
    for (const child of element.children) {
      if (child.type === "element") walk(child as XmlElement);
    }
  };
  walk(parseXml(xml).root!);
  return found;
}

async function scan(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(findPeer("sslscan")!, ["--xml=-", ...args]);
  assert.equal(code, 0, stderr);
  return new TextDecoder().decode(stdout);
}

function assertIntermediate(xml: string, keyType: "ECDSA" | "RSA"): void {
  const enabled = elements(xml, "protocol")
    .filter(({ enabled }) => enabled === "1")
    .map(({ type, version }) => `${type!.toUpperCase()}v${version}`);
  assert.deepEqual(enabled.sort(), PROTOCOLS);
  const ciphers = new Set(elements(xml, "cipher").map(({ cipher }) => cipher!));
  const expected = CIPHERS.filter((name) => name.startsWith("TLS_") || name.includes(keyType));
  assert.deepEqual([...ciphers].sort(), expected.sort());
  const groups = elements(xml, "group").map(({ name }) => name!);
  assert.ok(groups.length > 0);
  assert.deepEqual(groups.filter((name) => !GROUPS.includes(name)), []);
  assert.deepEqual(elements(xml, "renegotiation").map(({ supported }) => supported), ["0"]);
  assert.ok(elements(xml, "compression").every(({ supported }) => supported !== "1"));
  assert.deepEqual(elements(xml, "heartbleed").filter(({ vulnerable }) => vulnerable !== "0"), []);
}

/** A listener with an RSA key beside those of `configText`. */
const RSA_LISTENER = `
[[pop3server.listeners]]
name = "rsa"
interface = "127.0.0.1"
port = 0
ssl = { cert = "${certificates}/rsa.pem", key = "${certificates}/rsa.key" }
`;

peerTest(["sslscan"], "the server's TLS is Mozilla's intermediate profile", async () => {
  await using program = await Program.start({
    config: configText({ more: RSA_LISTENER }),
    listeners: ["plain", "tls", "rsa"],
  });
  const [implicit, stls, rsa] = await Promise.all([
    scan([`127.0.0.1:${program.port("tls")}`]),
    scan(["--starttls-pop3", `127.0.0.1:${program.port("plain")}`]),
    scan([`127.0.0.1:${program.port("rsa")}`]),
  ]);
  assertIntermediate(implicit!, "ECDSA");
  assertIntermediate(stls!, "ECDSA");
  assertIntermediate(rsa!, "RSA");
  await program.stop();
});

const CLIENT = ["s_client", "-CAfile", `${certificates}/ca.pem`];

/** Asks for renegotiation once the greeting has come; gives all that was printed. */
async function renegotiate(args: readonly string[]): Promise<string> {
  const child = new Deno.Command("openssl", {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const writer = child.stdin.getWriter();
  let printed = "";
  let asked = false;
  const errors = new Response(child.stderr).text();
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += text;
    if (asked || !printed.includes("+OK Mailismus")) continue;
    asked = true;
    // To s_client a line that begins with R is its own command.
    await writer.write(new TextEncoder().encode("R\n"));
  }
  await child.status;
  clearTimeout(timer);
  await writer.close().catch(() => {});
  return printed + await errors;
}

peerTest(["openssl"], "the server does not renegotiate, compress or take early data", async () => {
  await using program = await Program.start();
  const connect = ["-connect", `127.0.0.1:${program.port("tls")}`];
  const openssl = async (args: string[], input: string) => {
    const { stdout, stderr } = await runCommand("openssl", [...CLIENT, ...connect, ...args], {
      input,
      limit: 20_000,
    });
    return new TextDecoder().decode(stdout) + stderr;
  };
  const renegotiated = await renegotiate([...CLIENT, ...connect, "-tls1_2"]);
  assert.match(renegotiated, /RENEGOTIATING/);
  assert.match(renegotiated, /no renegotiation/i);
  assert.match(renegotiated, /Compression: NONE/);
  const session = `${program.folder}/session`;
  const early = `${program.folder}/early`;
  await Deno.writeTextFile(early, "USER alice\r\nPASS wonder land\r\n");
  const first = await openssl(["-tls1_3", "-ign_eof", "-sess_out", session], "QUIT\r\n");
  // What the ticket allows; openssl sends none then.
  assert.match(first, /Max Early Data: 0/);
  const second = await openssl(
    ["-tls1_3", "-ign_eof", "-sess_in", session, "-early_data", early],
    "CAPA\r\nQUIT\r\n",
  );
  assert.doesNotMatch(second, /Early data was accepted/);
  assert.doesNotMatch(second, /Logged in|Send the password/);
  await program.stop();
});
