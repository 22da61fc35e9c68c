import assert from "node:assert/strict";
import {
  baseName,
  digestOf,
  listMailbox,
  makeMessages,
  type TestMessage,
  writeMailbox,
} from "../support/mailbox.ts";
import { findPeer, peerTest } from "../support/peers.ts";
import { parseReplies, PopClient } from "../support/pop_client.ts";
import { configText, maildirOf, Program, runCommand, TempFolder } from "../support/program.ts";

/** What Dovecot knows of one message. */
interface DovecotMessage {
  readonly uid: number;
  readonly guid: string;
  readonly flags: string[];
}

/** Dovecot's tools on one Maildir, without a server: they need neither a port nor a login. */
class Dovecot {
  readonly #folder: string;
  readonly #maildir: string;

  private constructor(folder: string, maildir: string) {
    this.#folder = folder;
    this.#maildir = maildir;
  }

  /** Dovecot never touches mail as root; it then works as the user "nobody", who gets the Maildir. */
  static async open(folder: string, maildir: string): Promise<Dovecot> {
    const self = Deno.uid()!;
    const uid = self === 0 ? 65534 : self;
    const gid = self === 0 ? 65534 : Deno.gid()!;
    await Deno.writeTextFile(
      `${folder}/dovecot.conf`,
      `base_dir = ${folder}/base
state_dir = ${folder}/state
ssl = no
protocols = pop3
first_valid_uid = 1
first_valid_gid = 1
mail_uid = ${uid}
mail_gid = ${gid}
mail_location = maildir:${maildir}
default_internal_user = root
default_internal_group = root
stats_writer_socket_path =
`,
    );
    if (self === 0) {
      await runCommand("chown", ["-R", `${uid}:${gid}`, `${folder}/ms`]);
      await Deno.chmod(folder, 0o711);
    }
    return new Dovecot(folder, maildir);
  }

  async #run(command: string, args: string[], input = ""): Promise<Uint8Array> {
    const { code, stdout, stderr } = await runCommand(
      command,
      ["-c", `${this.#folder}/dovecot.conf`, ...args],
      { env: { USER: "alice", HOME: this.#maildir }, cwd: this.#maildir, input },
    );
    assert.equal(code, 0, stderr);
    return stdout;
  }

  /** Uid, name and flags of every message. */
  async messages(): Promise<DovecotMessage[]> {
    const text = new TextDecoder().decode(
      await this.#run("doveadm", ["-f", "tab", "fetch", "uid guid flags", "all"]),
    );
    return text.trim().split("\n").slice(1).map((line) => {
      const [uid = "", guid = "", flags = ""] = line.split("\t");
      return { uid: Number(uid), guid, flags: flags.split(" ").filter((flag) => flag !== "") };
    });
  }

  /** The messages as Dovecot's own POP3 server sends them. */
  async download(count: number): Promise<Uint8Array[]> {
    const commands = Array.from({ length: count }, (_, i) => `RETR ${i + 1}`);
    const octets = await this.#run(
      findPeer("dovecotPop3")!,
      [],
      [...commands, "QUIT"].map((command) => `${command}\r\n`).join(""),
    );
    return parseReplies(octets, commands).map(({ status, data }, i) => {
      assert(data !== undefined, `Dovecot's answer to "RETR ${i + 1}": ${status}`);
      return data;
    });
  }
}

function assertSameMail(got: Uint8Array[], messages: readonly TestMessage[]): void {
  assert.equal(got.length, messages.length);
  for (const [i, { number, wire }] of messages.entries()) {
    assert.deepEqual(got[i]!.length, wire.length, `Length of message ${number}`);
    assert.equal(digestOf(got[i]!), digestOf(wire), `Message ${number}`);
  }
}

const flagsOf = ({ file }: TestMessage) => {
  const names: Record<string, string> = { R: "\\Answered", S: "\\Seen", F: "\\Flagged" };
  return [...file.replace(/^.*:2,|^[^:]*$/, "")].map((flag) => names[flag]!);
};

peerTest(["dovecotPop3", "doveadm"], "Dovecot and the program share a Maildir", async () => {
  await using folder = await TempFolder.make();
  // Dovecot 2.3 does not stuff a dot that begins a message, so its POP3 server cannot send these.
  const messages = makeMessages({ without: ["malformed"] });
  const old = messages.slice(0, 120);
  const late = messages.slice(120);
  const maildir = maildirOf(folder.path, "alice");
  writeMailbox(maildir, old);
  const dovecot = await Dovecot.open(folder.path, maildir);

  // Dovecot reads what is there, and moves it to cur/; then more mail comes into new/ and cur/.
  const first = await dovecot.messages();
  assert.equal(first.length, old.length);
  assertSameMail(await dovecot.download(old.length), old);
  writeMailbox(maildir, late);
  await Dovecot.open(folder.path, maildir);

  // Every fifth message is only looked at, every seventh deleted, the others retrieved.
  await using program = await Program.start({
    config: configText({ userpath: `${folder.path}/ms` }),
  });
  const isDeleted = (number: number) => number % 7 === 0;
  const isRetrieved = (number: number) => number % 5 !== 0;
  using client = await PopClient.login(program.port("plain"), "alice", "wonder land");
  for (const { number, wire } of messages) {
    await client.ok(`TOP ${number} 1`);
    if (isRetrieved(number)) {
      assert.deepEqual((await client.ok(`RETR ${number}`)).data, wire);
    }
    if (isDeleted(number)) await client.ok(`DELE ${number}`);
  }
  await client.ok("QUIT");
  await program.stop();

  const kept = messages.filter(({ number }) => !isDeleted(number));
  await Dovecot.open(folder.path, maildir);
  const second = await dovecot.messages();
  const byGuid = new Map(second.map((message) => [message.guid, message]));
  assert.deepEqual(
    second.map(({ guid }) => guid).sort(),
    kept.map(({ file }) => baseName(file)).sort(),
  );
  for (const message of kept) {
    const { flags } = byGuid.get(baseName(message.file))!;
    const expected = new Set(flagsOf(message));
    // Dovecot's own download marked the first ones as seen.
    if (isRetrieved(message.number) || message.number <= old.length) expected.add("\\Seen");
    assert.deepEqual(
      flags.filter((flag) => flag !== "\\Recent").sort(),
      [...expected].sort(),
      `Flags of message ${message.number}`,
    );
  }
  for (const { uid, guid } of first) {
    const now = byGuid.get(guid);
    if (now) assert.equal(now.uid, uid, `The uid of ${guid}`);
  }
  assertSameMail(
    await dovecot.download(kept.length),
    second.map(({ guid }) => kept.find(({ file }) => baseName(file) === guid)!),
  );
  assert.equal(listMailbox(maildir).new.length, 0);
});
