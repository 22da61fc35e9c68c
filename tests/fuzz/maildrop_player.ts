/**
 * Plays a story to a server and to the model, and compares what the two say, and what is left in
 * the Maildir.
 *
 * @module
 */
import assert from "node:assert/strict";
import { baseName, bytesOf, listMailbox, wireForm } from "../support/mailbox.ts";
import type { Reply } from "../support/pop_client.ts";
import { type Line, ScriptClient, type Wire } from "./maildrop_client.ts";
import { ModelMaildrop, type ModelMessage, ModelSession, type Verdict } from "./maildrop_model.ts";
import type { Step, Story, StoryMessage } from "./maildrop_story.ts";

/** A server with a maildrop of one user. */
export interface Host {
  /** Who has the maildrop; the password is `secret`. */
  readonly user: string;
  /** The Maildir, with its three folders, and empty. */
  readonly maildir: string;
  /**
   * Whether the server only promises what RFC 1939 decides. It is then not asked anything else, and
   * no other program touches its Maildir, of which that RFC knows nothing.
   */
  readonly strict: boolean;
  /** How messages lie in the Maildir: as they are, or with CRLF line ends and dot-stuffed. */
  readonly form: "plain" | "wire";
  /** Opens a connection. */
  connect(): Promise<Wire>;
  /** Called when files were put into the Maildir. */
  delivered?(): void;
  /** Waits until a session whose client hung up has let go of the maildrop. */
  released(): Promise<void>;
}

/** Plays a whole story, and throws at the first difference. */
export async function playStory(story: Story, host: Host): Promise<void> {
  const player = new Player(host);
  for (const message of story.messages) player.deliver(message);
  try {
    for (const [index, step] of story.steps.entries()) {
      try {
        await player.step(step);
      } catch (error) {
        const { message } = error as Error;
        throw new Error(`Step ${index + 1}, ${JSON.stringify(step)}: ${message}`, { cause: error });
      }
    }
    await player.end();
  } finally {
    player.close();
  }
  player.compareMailbox();
}

/** A client's two ends: one at the server, one in the model. */
interface Pair {
  readonly client: ScriptClient;
  readonly session: ModelSession;
  /** How many bad commands came before a login. */
  bad: number;
}

/** So many bad commands are borne before a login by every server: Dovecot ends with the third. */
const BAD_BORNE = 2;

class Player {
  readonly #host: Host;
  readonly #model: ModelMaildrop;
  readonly #pairs = new Map<number, Pair>();
  /** The unique id of each message, by its name. */
  readonly #ids = new Map<string, string>();
  #made = 0;
  #rests = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#model = new ModelMaildrop(host.user, "secret");
  }

  async step(step: Step): Promise<void> {
    if ("says" in step) return await this.#say(step.client, [...step.says]);
    if ("hangsUp" in step) return await this.#hangUp(step.client);
    if ("arrives" in step) return await this.#arrive(step.arrives);
    if (this.#host.strict) return;
    if ("removed" in step) return this.#remove(step.removed);
    if ("flagged" in step) return this.#flag(step.flagged);
    this.#rest();
  }

  /** All clients go without QUIT. */
  async end(): Promise<void> {
    for (const client of [...this.#pairs.keys()]) await this.#hangUp(client);
  }

  /** Frees what a story that failed has left. */
  close(): void {
    for (const { client } of this.#pairs.values()) client.close();
  }

  // What clients do -----------------------------------------------------------

  /** As many lines as can be sent before an answer is needed go together. */
  async #say(client: number, says: string[]): Promise<void> {
    for (let rest = says; rest.length > 0;) {
      const pair = this.#pairs.get(client) ?? await this.#connect(client);
      const lines: Line[] = [];
      const verdicts: Verdict[] = [];
      while (rest.length > 0 && !pair.session.over) {
        const text = rest[0]!.replaceAll("{user}", this.#host.user);
        // Made from the challenge, which must have come.
        if (text.includes("{cram") && lines.length > 0) break;
        rest = rest.slice(1);
        const answer = pair.session.answering;
        const verdict = pair.session.answer(text);
        if (this.#host.strict && (verdict.undecided || isUnbearable(pair, verdict, answer))) {
          continue;
        }
        lines.push({ text, answer });
        verdicts.push(verdict);
      }
      const replies = await pair.client.say(lines);
      for (const [i, { text }] of lines.entries()) this.#compare(text, verdicts[i]!, replies[i]!);
      if (!pair.session.over) continue;
      await pair.client.ended();
      this.#pairs.delete(client);
    }
  }

  async #connect(client: number): Promise<Pair> {
    const pair = {
      client: await ScriptClient.greeted(await this.#host.connect()),
      session: new ModelSession(this.#model, this.#host.strict),
      bad: 0,
    };
    this.#pairs.set(client, pair);
    return pair;
  }

  async #hangUp(client: number): Promise<void> {
    const pair = this.#pairs.get(client);
    if (pair === undefined) return;
    this.#pairs.delete(client);
    const held = this.#model.holder === pair.session;
    pair.session.hangUp();
    pair.client.close();
    if (held) await this.#host.released();
  }

  // What happens in the Maildir ------------------------------------------------

  /** Dovecot says +OK to a login before it has looked what there is. */
  async #arrive(text: string): Promise<void> {
    for (const { client, session } of this.#pairs.values()) {
      if (this.#host.strict && session.loggedIn) {
        await client.say([{ text: "NOOP", answer: false }]);
      }
    }
    this.deliver({ text, sized: false, seen: false });
  }

  deliver({ text, sized, seen }: StoryMessage): void {
    const number = ++this.#made;
    const plain = bytesOf(text);
    const disk = this.#host.form === "plain" ? plain : bytesOf(stuffed(latin1(wireForm(plain))));
    // W does not count the line end that the last line may lack.
    const counted = wireForm(plain).length - (text === "" || text.endsWith("\n") ? 0 : 2);
    const name = `${1_700_000_000 + number}.M${number}P1.host` +
      (sized ? `,S=${disk.length},W=${counted}` : "");
    const { maildir } = this.#host;
    Deno.writeFileSync(`${maildir}/tmp/${name}`, disk, { mode: 0o600 });
    Deno.renameSync(
      `${maildir}/tmp/${name}`,
      `${maildir}/${seen ? `cur/${name}:2,S` : `new/${name}`}`,
    );
    this.#host.delivered?.();
    this.#model.deliver(name, plain, seen);
  }

  #remove(index: number): void {
    const message = this.#model.messages.filter(({ removed }) => !removed)[index];
    if (message === undefined) return;
    Deno.removeSync(`${this.#host.maildir}/${this.#fileOf(message)}`);
    message.removed = true;
  }

  #flag(index: number): void {
    const message = this.#model.messages.filter(({ removed }) => !removed)[index];
    if (message === undefined) return;
    const { maildir } = this.#host;
    const file = this.#fileOf(message);
    const flags = new Set(/:2,(.*)$/.exec(file)?.[1] ?? "");
    // The flag comes and goes.
    if (!flags.delete("F")) flags.add("F");
    const name = `${message.name}:2,${[...flags].sort().join("")}`;
    Deno.renameSync(`${maildir}/${file}`, `${maildir}/cur/${name}`);
  }

  #fileOf(message: ModelMessage): string {
    for (const folder of ["new", "cur"] as const) {
      const found = listMailbox(this.#host.maildir)[folder]
        .find((name) => baseName(name) === message.name);
      if (found !== undefined) return `${folder}/${found}`;
    }
    throw new Error(`${message.name} is not in the Maildir`);
  }

  /** No two states of a folder may bear one time, if that is long ago. */
  #rest(): void {
    const time = 1_600_000_000 + 10 * ++this.#rests;
    for (const folder of ["new", "cur"]) {
      Deno.utimeSync(`${this.#host.maildir}/${folder}`, time, time);
    }
  }

  // What is compared -----------------------------------------------------------

  #compare(line: string, verdict: Verdict, { status, data }: Reply): void {
    const asked = `The reply to ${JSON.stringify(line)}`;
    // RFC 5034 wants the space behind "+", RFC 1939 none behind the others.
    assert.match(status, verdict.status === "+" ? /^\+ / : /^(\+OK|-ERR)( |$)/, asked);
    assert.equal(status.split(" ")[0], verdict.status, `${asked}, ${status}`);
    if (verdict.values !== undefined) {
      // Text may follow the numbers (section 5, LIST and STAT).
      assert.equal(
        `${status} `.slice(0, verdict.values.length + 5),
        `+OK ${verdict.values} `,
        asked,
      );
    }
    if (verdict.data !== undefined) assert.equal(latin1(data), verdict.data, asked);
    if (verdict.ids !== undefined) this.#compareIds(asked, verdict.ids, status, data);
    if (this.#host.strict) return;
    // What follows is text to RFC 1939, and a promise of this server.
    const code = /^-ERR \[([^\]]*)\]/.exec(status)?.[1];
    assert.equal(code, verdict.code, `The response code in ${status}, ${asked}`);
    if (verdict.announces !== undefined) assert.equal(status, `+OK ${verdict.announces} octets`);
  }

  /** Section 7: what an id is, is the server's to say; but it is unique, and stays. */
  #compareIds(
    asked: string,
    expected: ReadonlyMap<number, ModelMessage>,
    status: string,
    data: Uint8Array | undefined,
  ): void {
    const lines = data === undefined ? [status.slice(4)] : latin1(data).split("\r\n").slice(0, -1);
    assert.deepEqual(lines.map((line) => Number(line.split(" ")[0])), [...expected.keys()], asked);
    for (const line of lines) {
      const [, number, id = ""] = /^(\d+) ([\x21-\x7e]{1,70})$/.exec(line) ?? [];
      assert(number !== undefined, `${asked}: "${line}" is no number and unique id`);
      const { name } = expected.get(Number(number))!;
      const before = this.#ids.get(name);
      if (before !== undefined) assert.equal(id, before, `${asked}: another id of ${name}`);
      else assert(![...this.#ids.values()].includes(id), `${asked}: ${id} is not unique`);
      this.#ids.set(name, id);
    }
  }

  /** What is left, and what it holds; what is seen, where that is promised. */
  compareMailbox(): void {
    const { maildir, strict, form } = this.#host;
    const files = listMailbox(maildir);
    const found = [...files.new.map((name) => `new/${name}`), ...files.cur.map((it) => `cur/${it}`)]
      .sort((a, b) => baseName(a) < baseName(b) ? -1 : 1);
    const left = this.#model.messages.filter(({ removed }) => !removed);
    assert.deepEqual(found.map(baseName), left.map(({ name }) => name), "What is in the Maildir");
    for (const [i, file] of found.entries()) {
      const { wire, seen } = left[i]!;
      const text = latin1(wireForm(Deno.readFileSync(`${maildir}/${file}`)));
      assert.equal(text, form === "plain" ? wire : stuffed(wire), file);
      if (!strict) assert.equal(/:2,.*S/.test(file), seen, `Whether ${file} is seen`);
    }
  }
}

/** How many bad commands a server takes is its own affair. */
function isUnbearable(pair: Pair, verdict: Verdict, answer: boolean): boolean {
  const isBad = verdict.status === "-ERR" && verdict.code === undefined && !answer;
  return isBad && !pair.session.loggedIn && ++pair.bad > BAD_BORNE;
}

/** RFC 1939 section 3. */
function stuffed(wire: string): string {
  return wire.replaceAll(/(^|\n)\./g, "$1..");
}

function latin1(bytes: Uint8Array | undefined): string {
  let text = "";
  for (const byte of bytes ?? []) text += String.fromCharCode(byte);
  return text;
}
