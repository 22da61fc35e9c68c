/**
 * All that the program writes during logins of every kind, right and wrong, by
 * clients and servers that behave and that do not, is searched for the
 * passwords and tokens that were used: as they are, and in every form in which
 * protocols, encodings and error messages could carry them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { parse } from "@std/toml";
import { type ClientText, clientText, Collector } from "../support/collecting.ts";
import { PopClient } from "../support/pop_client.ts";
import { configText, Program, runProgram, TempFolder } from "../support/program.ts";

const RIGHT = "Kolibri-7#Wasserfall Ä";
const WRONG = "Leuchtturm-9+Quark?Tor";
const TOKEN = "ya29.Zitronenfalter_Unterwelt-4711";
const REFRESH = "1//Papageientaucher_Felsen-0815";
const CLIENT_SECRET = "GOCSPX-Murmeltierhoehle-2342";
const SECRETS = [RIGHT, WRONG, TOKEN, REFRESH, CLIENT_SECRET];

const utf8 = (text: string) => new TextEncoder().encode(text);

/** What base64 makes of some bytes wherever they stand in a message, without what is not theirs. */
function base64Forms(bytes: Uint8Array): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const padded = new Uint8Array(offset + bytes.length);
    padded.set(bytes, offset);
    const start = offset === 0 ? 0 : offset + 1;
    const end = Math.floor((offset + bytes.length) * 8 / 6);
    const text = padded.toBase64().slice(start, end);
    return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** The forms of a secret that would give it away. */
function formsOf(secret: string): string[] {
  const bytes = utf8(secret);
  const hashes = ["md5", "sha1", "sha256"].map((kind) =>
    createHash(kind).update(secret).digest("hex")
  );
  return [
    secret,
    // A part of it would do.
    ...secret.split(/[^A-Za-z]+/).filter((word) => word.length >= 7),
    new TextDecoder("latin1").decode(bytes),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    new URLSearchParams([["", secret]]).toString().slice(1),
    bytes.toHex(),
    bytes.toHex().toUpperCase(),
    [...secret].reverse().join(""),
    ...base64Forms(bytes),
    ...base64Forms(utf8(bytes.toBase64())),
    ...hashes,
  ];
}

const FORMS = SECRETS.flatMap((secret) => formsOf(secret));

/** Fails if a secret stands in a text, in any form, or anything that SASL would send. */
function assertClean(text: string, where: string, more: readonly string[] = []): void {
  const lower = text.toLowerCase();
  for (const form of [...FORMS, ...more]) {
    const at = lower.indexOf(form.toLowerCase());
    assert.ok(at < 0, `${where} has "${form}":\n${text.slice(Math.max(0, at - 200), at + 200)}`);
  }
}

/** Every file below a folder, as text of one character an octet. */
function* textsIn(folder: string): Iterable<[path: string, text: string]> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* textsIn(path);
    else if (isFile) yield [path, new TextDecoder("latin1").decode(Deno.readFileSync(path))];
  }
}

function assertFolderClean(folder: string, own: readonly string[], more: readonly string[]): void {
  let logs = 0;
  for (const [path, text] of textsIn(folder)) {
    if (own.some((name) => path === `${folder}/${name}`)) continue;
    if (path.endsWith(".log") && text.length > 0) logs++;
    // The octets of UTF-8 as they are, and what they stand for.
    assertClean(text, path, more);
    assertClean(new TextDecoder().decode(Deno.readFileSync(path)), path, more);
  }
  assert.ok(logs > 0, "There were logs to search");
}

/** Logs in in every way, right and wrong, and in ways that are mistakes; gives the digests used. */
async function talk(port: number): Promise<string[]> {
  const used: string[] = [];
  const lines = async (...commands: string[]) => {
    using client = await PopClient.connect(port);
    const replies = [client.greeting];
    for (const command of commands) {
      await client.send(`${command}\r\n`);
      replies.push(await client.line() ?? "");
    }
    return replies;
  };
  for (const secret of [RIGHT, WRONG]) {
    const plain = utf8(`\0alice\0${secret}`).toBase64();
    await lines("USER alice", `PASS ${secret}`, "QUIT");
    await lines(`PASS ${secret}`, secret, `pass  ${secret}`, `PASSWORD ${secret}`);
    await lines(`AUTH PLAIN ${plain}`, "QUIT");
    await lines("AUTH PLAIN", plain, "QUIT");
    await lines("AUTH PLAIN", `${plain}!`, `AUTH ${plain}`, `AUTH LOGIN ${plain}`, "*");
    await lines(`AUTH PLAIN ${secret}`, `AUTH XOAUTH2 ${plain}`, `LOGIN alice ${secret}`);
    await lines("AUTH CRAM-MD5", plain, `APOP alice ${secret}`, `APOP ${secret}`);
    used.push(...base64Forms(utf8(`alice\0${secret}`)));
    using client = await PopClient.connect(port);
    const stamp = /<[^>]+>/.exec(client.greeting)![0];
    const digest = createHash("md5").update(stamp + secret).digest("hex");
    await client.command(`APOP alice ${digest}`);
    using sasl = await PopClient.connect(port);
    await sasl.send("AUTH CRAM-MD5\r\n");
    const challenge = atob((await sasl.line())!.slice(2));
    const answer = createHmac("md5", secret).update(challenge).digest("hex");
    await sasl.command(utf8(`alice ${answer}`).toBase64());
    used.push(digest, answer, utf8(answer).toBase64().slice(0, 40), ...base64Forms(utf8(digest)));
  }
  return used;
}

/** A server that repeats whatever it is sent, decoded too, and claims to know every mechanism. */
class Parrot implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #done: Promise<void>;
  readonly port: number = this.#listener.addr.port;
  heard = "";

  constructor() {
    this.#done = (async () => {
      for await (const conn of this.#listener) void this.#repeat(conn).catch(() => {});
    })();
  }

  async #repeat(conn: Deno.Conn): Promise<void> {
    using connection = conn;
    await connection.write(utf8("+OK parrot <1.2@parrot>\r\n"));
    let challenged = false;
    for await (const chunk of connection.readable.pipeThrough(new TextDecoderStream())) {
      this.heard += chunk;
      for (const line of chunk.split("\r\n").filter((one) => one !== "")) {
        const answer = this.#answer(line, challenged);
        challenged = answer.startsWith("+ ");
        await this.#write(connection, answer);
      }
    }
  }

  #answer(line: string, challenged: boolean): string {
    const word = line.split(" ").at(-1)!;
    let decoded = "";
    try {
      decoded = atob(word);
    } catch {
      // Not base64.
    }
    if (/^AUTH \S+$/i.test(line) && !challenged) return "+ PDEuMkBwYXJyb3Q+\r\n";
    if (/^USER/i.test(line)) return "+OK\r\n";
    return `-ERR I heard "${line}" and ${word} and ${decoded}\r\n`;
  }

  async #write(conn: Deno.Conn, text: string): Promise<void> {
    const bytes = utf8(text);
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#done;
  }
}

/** Clients that log in by every method, with a password from every source. */
function clientsOf(server: number, parrot: number, endpoint: number): ClientText[] {
  const methods = ["USERPASS", "APOP", "SASL_PLAIN", "SASL_CRAM_MD5"];
  const clients: ClientText[] = [];
  const add = (port: number, text: string) =>
    clients.push({ id: `c${clients.length}`, port, username: "alice", server: text });
  for (const port of [server, parrot]) {
    for (const method of methods) {
      add(port, `password_env = "MAILISMUS_TEST_RIGHT"\nauthtypes = "${method}"\ninitrsp = true`);
      add(port, `password = ${JSON.stringify(WRONG)}\nauthtypes = "${method}"`);
      add(port, `password_file = "%DIRTOP%/right.password"\nauthtypes = "${method}"`);
    }
    for (const method of ["SASL_XOAUTH2", "SASL_OAUTHBEARER"]) {
      for (const initrsp of [true, false]) {
        add(port, `token_file = "%DIRTOP%/token"\nauthtypes = "${method}"\ninitrsp = ${initrsp}`);
      }
    }
  }
  add(
    parrot,
    `authtypes = "SASL_XOAUTH2"
oauth2 = { token_endpoint = "http://127.0.0.1:${endpoint}/token", client_id = "x", \
client_secret = "${CLIENT_SECRET}", refresh_token = "${REFRESH}" }`,
  );
  return clients;
}

/** A token endpoint that refuses, and repeats what it was sent. */
function refusingEndpoint(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await request.text();
    return Response.json({ error: "invalid_grant", error_description: body }, { status: 400 });
  });
}

Deno.test("no log, transcript, error or output holds a password or token that was used", async () => {
  const users = `alice:${RIGHT}\n`;
  await using program = await Program.start({
    users,
    config: configText({
      limits: `auth_delay = 0\nunauthenticated_per_address = 0\n`,
      server: `transcript = "%DIRTOP%/server.log"`,
      more: `[log]\nlevel = "TRC5"\n`,
    }).replace(`auth_delay = "100ms"\n`, ""),
  });
  await using parrot = new Parrot();
  await using endpoint = refusingEndpoint();
  const used = await talk(program.port("plain"));
  await using collector = await Collector.make(
    clientsOf(program.port("plain"), parrot.port, endpoint.addr.port),
    {
      settings: "max_parallel = 1",
      directory: "",
      files: { "right.password": `${RIGHT}\n`, token: `${TOKEN}\n` },
    },
  );
  const config = await Deno.readTextFile(`${collector.path}/config.toml`);
  await Deno.writeTextFile(
    `${collector.path}/config.toml`,
    `${config}\n[log]\nlevel = "TRC5"\nfile = "%DIRTOP%/trace.log"\n`,
  );
  const env = { MAILISMUS_TEST_RIGHT: RIGHT };
  const { all } = await collector.retrieve(["--once"], { env });
  for (const secret of [RIGHT, WRONG]) {
    assert.ok(
      parrot.heard.includes(secret),
      "The parrot was told the secrets that are searched for",
    );
  }
  assert.ok(parrot.heard.includes(utf8(`Bearer ${TOKEN}`).toBase64().slice(0, 8)));
  assertClean(all, "retrieve", used);
  const check = await runProgram(["check"], { cwd: collector.path, env });
  assertClean(new TextDecoder().decode(check.stdout) + check.stderr, "check");
  await program.stop();
  assertClean(program.output, "the server's output", used);
  assertFolderClean(program.folder, ["users", "config.toml"], used);
  assertFolderClean(
    collector.path,
    ["config.toml", "right.password", "token", "users"],
    used,
  );
  // Nothing that looks like an answer in a transcript either, whatever it stands for.
  for (const path of [`${program.folder}/server.log`, `${collector.path}/transcript.log`]) {
    for (const line of (await Deno.readTextFile(path)).split("\n")) {
      if (!/\] C: /.test(line)) continue;
      assert.doesNotMatch(line, /[A-Za-z0-9+/=_-]{24,}/, path);
    }
  }
});

const BASE = `[directory]\nusers = "users"\n[message_store]\n[pop3download]\n` +
  clientText({ id: "c", port: 110, username: "alice", password: RIGHT });

/** Configs with a mistake at or beside a password. */
const MISTAKES: [what: string, config: string][] = [
  ["a quote that is not closed", BASE.replace(`${RIGHT}"`, RIGHT)],
  ["a quote that is not opened", BASE.replace(`"${RIGHT}`, RIGHT)],
  ["no quotes", BASE.replace(`"${RIGHT}"`, RIGHT)],
  ["an array", BASE.replace(`"${RIGHT}"`, `["${RIGHT}"]`)],
  ["a table", BASE.replace(`"${RIGHT}"`, `{ x = "${RIGHT}" }`)],
  ["a mistyped key", BASE.replace("\npassword =", "\npasword =")],
  ["a key in the wrong table", BASE.replace("[directory]", `[directory]\npassword = "${RIGHT}"`)],
  ["twice", `${BASE}\npassword = "${RIGHT}"\n`],
  ["a line break", BASE.replace(RIGHT, `${RIGHT}\\n${WRONG}`)],
  ["a wrong escape", BASE.replace(RIGHT, `${RIGHT}\\q${WRONG}`)],
  ["as a path", BASE.replace("password =", "password_file =")],
  ["as a variable's name", BASE.replace("password =", "password_env =")],
  ["beside password_env", BASE.replace("\npassword =", `\npassword_env = "X"\npassword =`)],
  [
    "a mistake on the next line",
    BASE.replace(`"${RIGHT}"`, `"${RIGHT}"\nauthtypes = SASL`),
  ],
  [
    "secrets of OAuth",
    BASE.replace(
      `password = "${RIGHT}"`,
      `authtypes = "SASL_XOAUTH2"\noauth2 = { token_endpoint = "x", client_id = 5, ` +
        `client_secret = ["${CLIENT_SECRET}"], refresh_token = { a = "${REFRESH}" } }`,
    ),
  ],
];

Deno.test("no mistake in a config makes a message show a password", async () => {
  assert.doesNotThrow(() => parse(BASE), "The config that the mistakes are made in is one");
  await using folder = await TempFolder.make();
  await Deno.writeTextFile(`${folder.path}/users`, "alice\n", { mode: 0o600 });
  // One at a time costs a start of the program each; a few at once is kind to the machine.
  for (const [what, config] of MISTAKES) {
    await Deno.writeTextFile(`${folder.path}/config.toml`, config, { mode: 0o600 });
    const { code, stdout, stderr } = await runProgram(["check"], { cwd: folder.path });
    const text = new TextDecoder().decode(stdout) + stderr;
    // A password's place is where a path or a name was to be: only there it must be shown.
    const expected = what === "as a path" || what === "as a variable's name";
    if (!expected) assertClean(text, `the message about ${what}`);
    assert.equal(code, 2, `${what}: ${text}`);
  }
});

Deno.test("no mistake in a users file makes a message show a password", async () => {
  await using folder = await TempFolder.make();
  await Deno.writeTextFile(
    `${folder.path}/config.toml`,
    `[directory]\nusers = "users"\n[message_store]\n[pop3server]\n[[pop3server.listeners]]\nport = 0\n`,
  );
  const hash = "$argon2id$v=19$m=1,t=0,p=1$c2FsdA$";
  for (
    const users of [
      `:${RIGHT}\n`,
      `alice:${RIGHT}\n`,
      `alice:{SSHA}${RIGHT}\n`,
      `alice:${hash}${RIGHT}\n`,
      `alice:$y$${RIGHT}\nalice:${WRONG}\n`,
      `al/ice:${RIGHT}\n`,
      `alice:${RIGHT}\xff\n`,
    ]
  ) {
    await Deno.writeFile(
      `${folder.path}/users`,
      Uint8Array.from(users, (char) => char.charCodeAt(0)),
      { mode: 0o600 },
    );
    const { stdout, stderr } = await runProgram(["check"], { cwd: folder.path });
    assertClean(new TextDecoder().decode(stdout) + stderr, `the message about ${users}`);
  }
});

Deno.test("user takes a password from standard input and shows it nowhere", async () => {
  await using folder = await TempFolder.make();
  await Deno.writeTextFile(
    `${folder.path}/config.toml`,
    `[directory]\nusers = "users"\n[message_store]\n`,
  );
  await Deno.writeTextFile(`${folder.path}/users`, "", { mode: 0o600 });
  for (
    const [args, input] of [
      [["user", "add", "alice"], RIGHT],
      [["user", "verify", "alice"], RIGHT],
      [["user", "verify", "alice"], WRONG],
      [["user", "add", "alice"], WRONG],
      [["user", "add", "al/ice"], WRONG],
      [["user", "list"], ""],
    ] as const
  ) {
    const { stdout, stderr } = await runProgram(args, { cwd: folder.path, input: `${input}\n` });
    assertClean(new TextDecoder().decode(stdout) + stderr, args.join(" "));
  }
  assertClean(await Deno.readTextFile(`${folder.path}/users`), "the users file");
});
