import assert from "node:assert/strict";
import { findPeer, peerTest } from "../support/peers.ts";
import { Program, runCommand, TempFolder } from "../support/program.ts";
import { Page } from "./pages.ts";

const page = await Page.read("tls.md");

const STORE = `
[directory]
users = "%DIRCONF%/users"
[message_store]
userpath = "%DIRTOP%/ms"
`;

/** An installation's folder for config, in which the page's commands are run. */
class Etc implements AsyncDisposable {
  readonly #folder: TempFolder;

  private constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  static async make(): Promise<Etc> {
    const etc = new Etc(await TempFolder.make());
    await Deno.mkdir(etc.tls, { recursive: true });
    await Deno.writeTextFile(`${etc.path}/conf/users`, "anna\n", { mode: 0o600 });
    return etc;
  }

  get path(): string {
    return this.#folder.path;
  }

  get tls(): string {
    return `${this.path}/conf/tls`;
  }

  /** Runs commands of the page, here instead of in /etc and without another group. */
  async run(commands: string, env: Record<string, string> = {}): Promise<string> {
    const here = commands.replaceAll("/etc/mailismus", this.path)
      .replaceAll("/etc/letsencrypt", `${this.path}/letsencrypt`)
      .replaceAll(/^chgrp .*$/gm, ":").replaceAll("-g mailismus ", "");
    const { code, stdout, stderr } = await runCommand("sh", ["-euc", here], {
      cwd: this.tls,
      env,
    });
    assert.equal(code, 0, stderr);
    return new TextDecoder().decode(stdout);
  }

  /** Serves the listeners of a config of the page, on free ports of the loopback. */
  async serve(listeners: string, names: readonly string[]): Promise<Program> {
    const local = listeners.replaceAll(/^name = .*$/gm, '$&\ninterface = "127.0.0.1"\nport = 0');
    await Deno.writeTextFile(`${this.path}/config.toml`, STORE + local);
    return await Program.start({ folder: this.path, listeners: names });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Runs curl or openssl as the page does, but against a port of the loopback. */
async function client(command: string, etc: Etc, port: number): Promise<string> {
  const local = command
    .replaceAll(/curl /g, `curl -sS --connect-to mail.example.org::127.0.0.1:${port} `)
    .replaceAll(/mail\.example\.org:\d+/g, `127.0.0.1:${port} -servername mail.example.org`)
    .replaceAll("s_client ", "s_client -CAfile fullchain.pem ");
  return await etc.run(local);
}

async function selfSigned(etc: Etc): Promise<void> {
  const section = page.section("Self-signed certificates");
  const shown = await etc.run(section.block("sh", "openssl req -x509"));
  assert.match(shown, /mail\.example\.org/);
  assert.equal((await Deno.stat(`${etc.tls}/privkey.pem`)).mode! & 0o777, 0o640);
}

peerTest(
  ["openssl", "curl"],
  "docs/tls.md: a certificate, its listeners, its renewal",
  async () => {
    await using etc = await Etc.make();
    await selfSigned(etc);
    const section = page.section("Let's Encrypt");
    await using program = await etc.serve(section.block("toml", "latent"), ["POP3S", "POP3"]);
    const checks = section.block("sh", "s_client").split("\n");
    const check = async (containing: string, listener: string) => {
      const line = checks.find((one) => one.includes(containing)) ?? assert.fail(containing);
      return await client(line, etc, program.port(listener));
    };
    await check("-verify_return_error", "POP3S");
    await check("-starttls pop3", "POP3");
    const before = await check("-enddate", "POP3S");

    // The hook of the page hands over a renewed certificate, which is taken up by itself.
    const lineage = `${etc.path}/letsencrypt/live/mail.example.org`;
    await Deno.mkdir(lineage, { recursive: true });
    const request = page.section("Self-signed certificates").block("sh", "req -x509")
      .replace("3650", "90").replace(/^cd .*$/m, `cd ${lineage}`);
    await etc.run(request);
    const hook = section.block("sh", "#!/bin/sh");
    await etc.run(hook, { RENEWED_LINEAGE: lineage });
    await program.outputMatches(/Read the certificate of listener "POP3S" anew/);
    let after = before;
    for (let tries = 0; tries < 50 && after === before; tries++) {
      after = await check("-enddate", "POP3S");
    }
    assert.notEqual(after, before);
    await program.stop();
  },
);

peerTest(["openssl", "curl"], "docs/tls.md: client certificates", async () => {
  await using etc = await Etc.make();
  await selfSigned(etc);
  const section = page.section("Client certificates");
  const [authority, user] = section.blocks("sh");
  await etc.run(authority!);
  assert.match(await etc.run(user!), /anna\.pem: OK/);
  const bundle = section.block("sh", "pkcs12").replace("-export", "-export -passout pass:x");
  await etc.run(bundle);
  await using program = await etc.serve(section.block("toml", "tspath"), ["POP3S"]);
  const mailbox = `${etc.path}/ms/anna/Maildir/new`;
  await Deno.mkdir(mailbox, { recursive: true });
  await Deno.writeTextFile(`${mailbox}/1.x`, "Subject: x\n\ny\n");
  const listed = await client(section.block("sh", "AUTH=EXTERNAL"), etc, program.port("POP3S"));
  assert.equal(listed.trim(), "1 17");
  await program.stop();
});

const keytool = (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/keytool`)
  .some((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });

Deno.test({
  name: "docs/tls.md: a Java keystore becomes files that the server takes",
  ignore: !keytool || findPeer("openssl") === undefined,
  fn: async () => {
    await using etc = await Etc.make();
    const common = "-storetype JKS -storepass changeit";
    await etc.run(
      `keytool -genkeypair -alias mail -keyalg RSA -keysize 2048 -validity 365 \
        -dname CN=mail.example.org -ext san=dns:mail.example.org \
        -keystore keystore.jks ${common} -keypass changeit
      keytool -exportcert -rfc -alias mail -file other.pem -keystore keystore.jks ${common}
      keytool -importcert -noprompt -alias other -file other.pem -keystore truststore.jks ${common}`,
    );
    const section = page.section("From a Java keystore");
    for (const commands of section.blocks("sh")) await etc.run(commands);
    const listeners = page.section("Client certificates").block("toml", "tspath");
    await using program = await etc.serve(listeners, ["POP3S"]);
    assert.match(
      await etc.run(
        `openssl s_client -connect 127.0.0.1:${program.port("POP3S")} -CAfile fullchain.pem \
          -verify_hostname mail.example.org -verify_return_error </dev/null 2>/dev/null`,
      ),
      /Verify return code: 0/,
    );
    await program.stop();
  },
});
