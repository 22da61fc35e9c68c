import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type ClientText, Collector, filesIn } from "../support/collecting.ts";
import { DOVECOT_PEERS, DovecotRemote, TokenJudge } from "../support/dovecot_remote.ts";
import { type Fault, FaultProxy, NO_FAULT } from "../support/fault_proxy.ts";
import { digestOf, randomNumbers, writeMailbox } from "../support/mailbox.ts";
import { MailServer } from "../support/mail_server.ts";
import { peerTest } from "../support/peers.ts";
import { configText, maildirOf, Program, programCommand } from "../support/program.ts";
import { SmallDisk } from "../support/small_disk.ts";

const SEED = Number(Deno.env.get("ENDURANCE_SEED") ?? 5034);
/** How long faults are made, in milliseconds. */
const FAULTS_FOR = Number(Deno.env.get("ENDURANCE_SECONDS") ?? 40) * 1000;
/** How long it may take then until all is where it should be. */
const CALM_LIMIT = 60_000;
const TOKEN = "token.of.account.tokens";
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A remote mailbox and where its mail must arrive. */
interface Place {
  put(name: string, bytes: Uint8Array): void;
  waiting(): number;
  arrived(): Uint8Array[];
}

/** A place, the way to it and what was sent to it. */
interface Account extends Place {
  readonly id: string;
  readonly proxy: FaultProxy;
  /** By the messages' ids: digests of what must arrive. */
  readonly sent: Map<string, string>;
}

/** The ways to all servers. */
type Ways = Record<"own" | "stls" | "certified" | "tokens" | "smtp", FaultProxy>;

interface Remotes {
  readonly own: Program;
  readonly dovecot: DovecotRemote;
  readonly certified: DovecotRemote;
}

async function startRemotes(stack: AsyncDisposableStack): Promise<Remotes> {
  const judge = stack.use(new TokenJudge());
  judge.tokens.set(TOKEN, "tokens");
  const prepare = (folder: string) => writeMailbox(maildirOf(folder, "alice"), []);
  const own = stack.use(await Program.start({ config: configText(), prepare }));
  const dovecot = stack.use(
    await DovecotRemote.start({
      users: { stls: "secret of stls", tokens: "" },
      tokenInfo: judge.address,
      mechanisms: "plain xoauth2",
    }),
  );
  const certified = stack.use(
    await DovecotRemote.start({
      users: { alice: "" },
      certificatesOnly: true,
      mechanisms: "external",
    }),
  );
  return { own, dovecot, certified };
}

/** An account of each kind, and a destination of each kind. */
function clientsOf(ways: Ways): ClientText[] {
  const more = 'freq = "100ms"\nomitreceivedheader = true\n';
  return [
    { id: "own", port: ways.own.port, username: "alice", password: "wonder land", more },
    {
      id: "stls",
      port: ways.stls.port,
      tls: "stls",
      username: "stls",
      password: "secret of stls",
      more: `${more}downloads_directory = "%DIRVAR%/files"`,
    },
    {
      id: "certified",
      recip: "bob",
      port: ways.certified.port,
      tls: "implicit",
      certificate: "alice",
      server: 'authtypes = "SASL_EXTERNAL"',
      more,
    },
    {
      id: "tokens",
      recip: "carol@local.example",
      port: ways.tokens.port,
      tls: "implicit",
      username: "tokens",
      server: 'authtypes = "SASL_XOAUTH2"\ntoken_file = "%DIRTOP%/token"',
      more,
      smtp: `sender = "from@local.example"\nserver = "localhost:${ways.smtp.port}"`,
    },
  ];
}

/** Makes faults, messages and times, the same for the same seed (as far as the machine lets it). */
class Fate {
  readonly random = randomNumbers(SEED);
  readonly counts: Record<string, number> = {};

  count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  below(most: number): number {
    return Math.floor(this.random() * most);
  }

  fault(encrypted: boolean): Fault {
    const kinds = ["cut", "cut", "stall", "refuse", encrypted ? "corrupt" : "cut"] as const;
    const kind = kinds[this.below(kinds.length)]!;
    this.count(kind);
    // Anywhere: in the greeting and the handshake, or behind many messages.
    return { kind, after: Math.floor(10 ** (1 + this.random() * 4.7)) };
  }

  /** A message of its own id; now and then one of many pieces. */
  message(id: string): Uint8Array {
    const size = this.random() < 0.1 ? this.below(300_000) : this.below(6000);
    const lines = [`X-Id: ${id}`, "Subject: endurance", ""];
    for (let length = 0; length < size; length += lines.at(-1)!.length + 2) {
      lines.push(
        this.random() < 0.1 ? "." : `${".".repeat(this.below(3))}${id} `.repeat(this.below(9)),
      );
    }
    return Buffer.from(lines.map((line) => `${line}\n`).join(""));
  }
}

const idOf = (bytes: Uint8Array): string =>
  /^X-Id: (\S+)\r?$/m.exec(Buffer.from(bytes.subarray(0, 1000)).toString("latin1"))![1]!;

const unix = (bytes: Uint8Array): Uint8Array =>
  Buffer.from(Buffer.from(bytes).toString("latin1").replaceAll("\r\n", "\n"), "latin1");

function deliverHere(maildir: string, name: string, bytes: Uint8Array): void {
  Deno.writeFileSync(`${maildir}/tmp/${name}`, bytes);
  Deno.renameSync(`${maildir}/tmp/${name}`, `${maildir}/new/${name}`);
}

const countIn = (maildir: string): number =>
  ["new", "cur"].reduce((sum, part) => sum + [...Deno.readDirSync(`${maildir}/${part}`)].length, 0);

/** The program as a retriever, which is killed and started again. */
class Mortal {
  program: Program | undefined;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async start(): Promise<void> {
    this.program = await Program.start({
      folder: this.#folder,
      listeners: [],
      command: () => Promise.resolve(programCommand(["serve"])),
    });
  }

  async kill(): Promise<void> {
    await this.program?.kill();
  }
}

function putMail(fate: Fate, accounts: readonly Account[]): void {
  for (const { id, sent, put } of accounts) {
    for (let count = fate.below(4); count > 0; count--) {
      const name = `${id}.${sent.size + 1}`;
      const bytes = fate.message(name);
      sent.set(name, digestOf(bytes));
      put(name, bytes);
    }
  }
}

/**
 * What happens beside the faults of connections, each kind in its turn.
 *
 * @returns whether the retriever dies of it
 */
async function misfortune(turn: number, fate: Fate, disk: SmallDisk): Promise<boolean> {
  switch (turn % 3) {
    case 0:
      fate.count(`disk ${disk.method}`);
      disk.fill(fate.below(2) * fate.below(50_000));
      await pause(800 + fate.below(1200));
      disk.free();
      return false;
    default:
      await pause(300 + fate.below(1500));
      fate.count("kill");
      return true;
  }
}

/** Exactly once, each as it was sent; but for what may be twice. */
function assertExactlyOnce(account: Account, mayRepeat: ReadonlySet<string>): void {
  const seen = new Map<string, number>();
  for (const bytes of account.arrived()) {
    const id = idOf(bytes);
    assert.equal(digestOf(unix(bytes)), account.sent.get(id), `${id} (seed ${SEED})`);
    seen.set(id, (seen.get(id) ?? 0) + 1);
  }
  const lost = [...account.sent.keys()].filter((id) => !seen.has(id));
  const repeated = [...seen].filter(([id, count]) => count > (mayRepeat.has(id) ? 2 : 1));
  assert.deepEqual({ lost, repeated }, { lost: [], repeated: [] }, `${account.id} (seed ${SEED})`);
}

/** Waits until the retriever has emptied all mailboxes. */
async function calm(accounts: readonly Account[], program: Program): Promise<void> {
  const end = performance.now() + CALM_LIMIT;
  while (accounts.some((account) => account.waiting() > 0)) {
    const waiting = accounts.map((account) => `${account.id}: ${account.waiting()}`).join(", ");
    assert(performance.now() < end, `Still waiting: ${waiting}\n${program.output.slice(-3000)}`);
    await pause(100);
  }
}

/** The servers, the ways to them, and the retriever's folder. */
class Scene implements AsyncDisposable {
  readonly accounts: Account[] = [];
  readonly collector: Collector;
  readonly disk: SmallDisk;
  readonly #fate: Fate;
  readonly #mailServer: MailServer;
  #stack = new AsyncDisposableStack();
  #trouble = true;

  private constructor(fate: Fate, disk: SmallDisk, collector: Collector, mailServer: MailServer) {
    this.#fate = fate;
    this.disk = disk;
    this.collector = collector;
    this.#mailServer = mailServer;
  }

  static async make(fate: Fate): Promise<Scene> {
    await using stack = new AsyncDisposableStack();
    const remotes = await startRemotes(stack);
    const disk = stack.use(await SmallDisk.make());
    const trouble = { strikes: (_kind: string, _chance: number) => false };
    const strikes = (kind: string) => trouble.strikes(kind, 0.05);
    const mailServer = stack.use(
      await MailServer.start({
        refuseRecipient: () => strikes("451 at RCPT") ? 451 : undefined,
        refuseMessage: () => strikes("451 after DATA") ? 451 : undefined,
        dropAfterData: () => strikes("drop after DATA"),
      }),
    );
    const proxy = (port: number) => stack.use(new FaultProxy(port));
    const ways: Ways = {
      own: proxy(remotes.own.port("plain")),
      stls: proxy(remotes.dovecot.plainPort),
      certified: proxy(remotes.certified.tlsPort),
      tokens: proxy(remotes.dovecot.tlsPort),
      smtp: proxy(mailServer.port),
    };
    const collector = stack.use(
      await Collector.make(clientsOf(ways), {
        settings: 'delay_start = 0\ntimeout = "1s"',
        files: { token: `${TOKEN}\n` },
        var: disk.path,
      }),
    );
    const scene = new Scene(fate, disk, collector, mailServer);
    trouble.strikes = (kind, chance) => scene.strikes(kind, chance);
    scene.#addAccounts(ways, remotes);
    scene.#stack = stack.move();
    return scene;
  }

  /** Whether something happens to the mail server now. */
  strikes(kind: string, chance: number): boolean {
    const struck = this.#trouble && this.#fate.random() < chance;
    if (struck) this.#fate.count(kind);
    return struck;
  }

  /** From now on nothing happens any more. */
  calmDown(): void {
    this.#trouble = false;
    for (const { proxy } of this.accounts) proxy.next = () => NO_FAULT;
  }

  /** What the mail server took last: it may have been too late for the journal. */
  lastAccepted(): string[] {
    return this.#mailServer.accepted.slice(-2).map(({ body }) => idOf(Buffer.from(body)));
  }

  #addAccounts(ways: Ways, { own, dovecot, certified }: Remotes): void {
    const maildir = maildirOf(own.folder, "alice");
    const add = (id: Exclude<keyof Ways, "smtp">, place: Place) => {
      ways[id].next = () => this.#fate.fault(id !== "own");
      this.accounts.push({ id, proxy: ways[id], sent: new Map(), ...place });
    };
    add("own", {
      put: (name, bytes) => deliverHere(maildir, name, bytes),
      waiting: () => countIn(maildir),
      arrived: () => this.collector.mailbox("alice"),
    });
    add("stls", {
      put: (name, bytes) => dovecot.deliver("stls", name, bytes),
      waiting: () => dovecot.count("stls"),
      arrived: () => filesIn(`${this.disk.path}/files`),
    });
    add("certified", {
      put: (name, bytes) => certified.deliver("alice", name, bytes),
      waiting: () => certified.count("alice"),
      arrived: () => this.collector.mailbox("bob"),
    });
    add("tokens", {
      put: (name, bytes) => dovecot.deliver("tokens", name, bytes),
      waiting: () => dovecot.count("tokens"),
      arrived: () => this.#mailServer.accepted.map(({ body }) => Buffer.from(body, "latin1")),
    });
    const down: Fault = { kind: "refuse", after: 0 };
    ways.smtp.next = () => this.strikes("mail server down", 0.2) ? down : NO_FAULT;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Puts mail everywhere, now and then, until it is stopped. */
class Postman {
  #working = true;
  readonly #done: Promise<void>;

  constructor(fate: Fate, accounts: readonly Account[]) {
    const work = async () => {
      while (this.#working) {
        putMail(fate, accounts);
        await pause(200 + fate.below(600));
      }
    };
    this.#done = work();
  }

  async stop(): Promise<void> {
    this.#working = false;
    await this.#done;
  }
}

/** Mail comes in while the retriever meets with one misfortune after the other; then there is peace. */
async function live(fate: Fate, scene: Scene): Promise<Set<string>> {
  const postman = new Postman(fate, scene.accounts);
  const retriever = new Mortal(scene.collector.path);
  const mayRepeat = new Set<string>();
  try {
    const end = performance.now() + FAULTS_FOR;
    await retriever.start();
    for (let turn = 0; performance.now() < end; turn++) {
      if (!await misfortune(turn, fate, scene.disk)) continue;
      await retriever.kill();
      await pause(50);
      for (const id of scene.lastAccepted()) mayRepeat.add(id);
      await retriever.start();
    }
    await postman.stop();
    scene.calmDown();
    await calm(scene.accounts, retriever.program!);
    await retriever.program!.stop();
  } finally {
    await postman.stop();
    await retriever.kill();
  }
  return mayRepeat;
}

peerTest(
  DOVECOT_PEERS,
  "retriever: every message arrives exactly once, whatever happens to it meanwhile",
  async () => {
    const fate = new Fate();
    await using scene = await Scene.make(fate);
    const { accounts, disk } = scene;
    const mayRepeat = await live(fate, scene);
    for (const account of accounts) {
      // Only a mail server cannot be asked afterwards whether it has the message.
      assertExactlyOnce(account, account.id === "tokens" ? mayRepeat : new Set());
    }
    const faults = JSON.stringify(fate.counts);
    for (const kind of ["cut", "stall", "refuse", "corrupt", "kill", `disk ${disk.method}`]) {
      assert((fate.counts[kind] ?? 0) > 0, `No fault "${kind}" among ${faults}`);
    }
    const total = accounts.reduce((sum, { sent }) => sum + sent.size, 0);
    assert(total > 100, `Only ${total} messages`);
  },
);
