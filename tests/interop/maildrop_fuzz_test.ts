/**
 * Random stories, told to the running program and to Dovecot: both answer as the model of RFC 1939
 * predicts, wherever that RFC decides, and so as each other.
 */
import { DOVECOT_PEERS, DovecotRemote } from "../support/dovecot_remote.ts";
import { configText, Program } from "../support/program.ts";
import { type Host, playStory } from "../fuzz/maildrop_player.ts";
import { stories, type Story } from "../fuzz/maildrop_story.ts";
import { holds } from "../fuzz/property.ts";
import { PopClient } from "../support/pop_client.ts";

/** Each story has a user of its own, so that nothing of another's is left in any cache. */
const USERS = 500;
/** For a session whose client hung up to end, in milliseconds. */
const RELEASE_LIMIT = 20_000;

const PASSWORDS: Record<string, string> = Object.fromEntries(
  Array.from({ length: USERS }, (_, i) => [`u${i}`, "secret"]),
);

function usersText(): string {
  return Object.entries(PASSWORDS).map(([name, secret]) => `${name}:${secret}\n`).join("");
}

/** A config in which failed logins and bad commands, which stories are full of, have no effect. */
function config(): string {
  return configText({ limits: "bad_commands = 10000" })
    .replace('auth_delay = "100ms"', "auth_delay = 0");
}

/** Maildrops of the running program. */
class OurHosts implements AsyncDisposable {
  readonly #program: Program;
  #next = 0;

  private constructor(program: Program) {
    this.#program = program;
  }

  static async start(): Promise<OurHosts> {
    return new OurHosts(await Program.start({ config: config(), users: usersText() }));
  }

  /** A new user's. */
  host(strict: boolean): Host {
    const user = `u${this.#next++ % USERS}`;
    const maildir = `${this.#program.folder}/ms/${user}/Maildir`;
    const port = this.#program.port("plain");
    makeMaildir(maildir);
    return {
      user,
      maildir,
      strict,
      form: "plain",
      connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
      released: () => logInAndOut(port, user),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}

/** Maildrops of Dovecot. */
class DovecotHosts implements AsyncDisposable {
  readonly #dovecot: DovecotRemote;
  #next = 0;

  private constructor(dovecot: DovecotRemote) {
    this.#dovecot = dovecot;
  }

  static async start(): Promise<DovecotHosts> {
    return new DovecotHosts(await DovecotRemote.start({ users: PASSWORDS, locks: true }));
  }

  host(): Host {
    const dovecot = this.#dovecot;
    const user = `u${this.#next++ % USERS}`;
    makeMaildir(dovecot.maildir(user));
    dovecot.makeMailbox(user);
    return {
      user,
      maildir: dovecot.maildir(user),
      strict: true,
      form: "plain",
      connect: () => Deno.connect({ hostname: "127.0.0.1", port: dovecot.plainPort }),
      delivered: () => dovecot.handOver(user),
      released: () => logInAndOut(dovecot.plainPort, user),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dovecot[Symbol.asyncDispose]();
  }
}

/** An empty Maildir, whatever a story of the same user has left. */
function makeMaildir(maildir: string): void {
  try {
    Deno.removeSync(maildir, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  for (const folder of ["new", "cur", "tmp"]) {
    Deno.mkdirSync(`${maildir}/${folder}`, { recursive: true });
  }
}

/** Only a login tells that the server has noticed the end of another session. */
async function logInAndOut(port: number, user: string): Promise<void> {
  const deadline = performance.now() + RELEASE_LIMIT;
  while (true) {
    using client = await PopClient.connect(port);
    await client.ok(`USER ${user}`);
    const { status } = await client.command("PASS secret");
    if (status.startsWith("+OK")) return void await client.ok("QUIT");
    if (!status.startsWith("-ERR [IN-USE]") || performance.now() > deadline) {
      throw new Error(`The maildrop is not released: ${status}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * A story that RFC 1939 decides wholly. What is left out is where Dovecot 2.3 differs with good
 * right, or is wrong; each of these differences was found by leaving its line out here.
 */
function decided(story: Story): Story {
  return {
    messages: story.messages.map((message) => ({ ...message, text: decidedText(message.text) })),
    steps: story.steps.map((step) =>
      "arrives" in step ? { arrives: decidedText(step.arrives) } : step
    ),
  };
}

function decidedText(text: string): string {
  let decided = text;
  // Section 11: sizes count each line end as two octets; whether one is added, and counted, where
  // the last line has none, is not said. Dovecot adds it, and does not count it.
  if (!decided.endsWith("\n")) decided += "\n";
  // To Dovecot a header line that begins with a CR is the blank one behind the header.
  decided = decided.replaceAll(/\r+(?!\n)/g, "");
  // Dovecot does not stuff a dot that begins a message (section 3 wants it).
  if (decided.startsWith(".")) decided = `Subject: dot\n${decided}`;
  return decided;
}

holds({
  name: "the running program does what the model of RFC 1939 predicts",
  runs: 40,
  input: stories({ clients: 2, steps: 14 }),
  setup: () => OurHosts.start(),
  run: (story, hosts) => playStory(story, hosts.host(false)),
});

holds({
  name: "the program, Dovecot and the model of RFC 1939 agree",
  runs: 40,
  peers: DOVECOT_PEERS,
  // One client: Dovecot, told to lock the maildrop, lets a second session wait instead of refusing it.
  input: stories({ clients: 1, steps: 12 }).map(decided),
  setup: async () => {
    await using stack = new AsyncDisposableStack();
    const ours = stack.use(await OurHosts.start());
    const dovecot = stack.use(await DovecotHosts.start());
    const both = stack.move();
    return { ours, dovecot, [Symbol.asyncDispose]: () => both.disposeAsync() };
  },
  run: async (story, { ours, dovecot }) => {
    await playStory(story, ours.host(true));
    await playStory(story, dovecot.host());
  },
});
