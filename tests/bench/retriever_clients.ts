/**
 * The retrievers: how each is configured, and how its result is checked.
 *
 * @module
 */
const launcher = new URL("../../scripts/mailismus", import.meta.url).pathname;

/** What a retriever is to fetch. */
export interface Errand {
  /** A folder of its own; the mail goes somewhere below. */
  readonly folder: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** A retriever. */
export interface RetrieverClient {
  readonly name: string;
  /** What to know when comparing it. */
  readonly note: string;
  /** Whether each message costs it round trips: then a tenth of a long errand tells the rest. */
  readonly waits: boolean;
  /** Writes its config, and says how to run it. */
  prepare(errand: Errand): Promise<{ command: string; args: string[] }>;
  /** Throws unless all messages have arrived. */
  verify(folder: string, messages: number, size: number): void;
}

const ours: RetrieverClient = {
  name: "mailismus",
  note: "Maildir, files and folder synced",
  waits: false,
  async prepare({ folder, port, user, password }) {
    await Deno.writeTextFile(`${folder}/users`, "bench:\n");
    await Deno.writeTextFile(
      `${folder}/config.toml`,
      `
[directory]
users = "${folder}/users"
[message_store]
userpath = "${folder}/ms"
[[pop3download.clients]]
id = "bench"
recip = "bench"
[pop3download.clients.server]
address = "127.0.0.1:${port}"
username = "${user}"
password = "${password}"
`,
    );
    const config = ["--config", `${folder}/config.toml`];
    return { command: "sh", args: [launcher, "retrieve", "--once", ...config] };
  },
  verify: (folder, messages, size) => checkFiles(`${folder}/ms/bench/Maildir/new`, messages, size),
};

const mpop: RetrieverClient = {
  name: "mpop",
  note: "Maildir, files synced; pipelining",
  waits: false,
  async prepare({ folder, port, user, password }) {
    for (const part of ["cur", "new", "tmp"]) {
      await Deno.mkdir(`${folder}/mail/${part}`, { recursive: true });
    }
    const config = `account default
host 127.0.0.1
port ${port}
user ${user}
password "${password}"
auth user
tls off
keep off
pipelining on
uidls_file ${folder}/uidls
delivery maildir ${folder}/mail
`;
    await Deno.writeTextFile(`${folder}/mpoprc`, config, { mode: 0o600 });
    return { command: "mpop", args: ["-q", "-C", `${folder}/mpoprc`] };
  },
  verify: (folder, messages, size) => checkFiles(`${folder}/mail/new`, messages, size),
};

/** With a program for each delivery it would take several times as long. */
const fetchmail: RetrieverClient = {
  name: "fetchmail",
  note: "one BSMTP file, nothing synced",
  waits: true,
  async prepare({ folder, port, user, password }) {
    const config = `set no bouncemail
set invisible
poll 127.0.0.1 service ${port} protocol pop3 auth password
  user "${user}" there with password "${password}" is "root" here
  no rewrite fetchall nokeep sslproto "" bsmtp "${folder}/mail"
`;
    await Deno.writeTextFile(`${folder}/fetchmailrc`, config, { mode: 0o600 });
    const state = ["--idfile", `${folder}/ids`, "--pidfile", `${folder}/pid`];
    const quiet = ["--silent", "--nodetach", "--nosyslog"];
    return { command: "fetchmail", args: ["-f", `${folder}/fetchmailrc`, ...quiet, ...state] };
  },
  verify(folder, messages, size) {
    const { size: all } = Deno.statSync(`${folder}/mail`);
    if (all < messages * size * 0.9) throw new Error(`fetchmail wrote only ${all} bytes`);
  },
};

/** All of them, ours first. */
export const clients: readonly RetrieverClient[] = [ours, mpop, fetchmail];

/** Files have LF line ends, and a Received header more than what was sent. */
function checkFiles(folder: string, messages: number, size: number): void {
  let count = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    const file = Deno.statSync(`${folder}/${name}`);
    if (file.size < size * 0.9 || file.size > size * 1.1) {
      throw new Error(`${folder}/${name} has ${file.size} bytes`);
    }
    count++;
  }
  if (count !== messages) throw new Error(`${folder} has ${count} messages, not ${messages}`);
}
