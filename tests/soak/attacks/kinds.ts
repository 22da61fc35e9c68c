/**
 * The attacks whose effect on a polite client is measured.
 *
 * @module
 */
import { type Attacker, closed, pause, say } from "./attacker.ts";

/** Messages of the large mailboxes, and how many there are. */
export const LARGE_MAILBOXES = { users: 4, messages: 10_000 } as const;
/** Mailboxes with one message of so many bytes. */
export const HEAVY_MAILBOXES = { users: 100, bytes: 25 * 2 ** 20 } as const;

/** One attack. */
export interface Attack {
  readonly name: string;
  /** As the table of results shows it. */
  readonly title: string;
  /** Whether passwords are dear hashes. */
  readonly hashes?: true;
  /** Starts it; it goes on until its process ends. */
  readonly start: (attacker: Attacker) => void;
}

/** All attacks. */
export const ATTACKS: readonly Attack[] = [
  {
    name: "slowloris",
    title: "900 connections from 10 addresses send a byte a second and never log in",
    start: (attacker) => times(900, (at) => slowly(attacker, at % 10 + 1)),
  },
  {
    name: "connections",
    title: "9 addresses take all the connections that they get (100 each), and go on trying",
    start: (attacker) => times(18, (at) => hoard(attacker, at % 9 + 1)),
  },
  {
    name: "passwords",
    title: "8 addresses guess passwords on 80 connections; all hashes are argon2id",
    hashes: true,
    start: (attacker) => times(80, (at) => guess(attacker, at)),
  },
  {
    name: "handshakes",
    title: "TLS handshakes that stop in the middle, 50 from each of 9 addresses",
    start: (attacker) => times(450, (at) => stallHandshake(attacker, at % 9 + 1)),
  },
  {
    name: "deaf",
    title: "100 sessions ask for a message of 25 MB and never read",
    start: (attacker) => times(HEAVY_MAILBOXES.users, (at) => neverRead(attacker, at)),
  },
  {
    name: "listings",
    title: "4 sessions ask for LIST and UIDL of 10,000 messages, 100 at a time, without end",
    start: (attacker) => times(LARGE_MAILBOXES.users, (at) => askForListings(attacker, at)),
  },
  {
    name: "endless",
    title: "20 connections send lines of 1 MB, and come again when they are closed",
    start: (attacker) => times(20, (at) => endlessLine(attacker, at % 10 + 1)),
  },
  {
    name: "commands",
    title: "20 connections send CAPA, 20 sessions NOOP, in batches without end",
    start: (attacker) => {
      times(20, (at) => flood(attacker, at % 10 + 1));
      times(20, (at) => noops(attacker, at));
    },
  },
  {
    name: "stls",
    title: "STLS begun and stopped, 50 from each of 9 addresses",
    start: (attacker) => times(450, (at) => stopStls(attacker, at % 9 + 1)),
  },
  {
    name: "reconnect",
    title: "50 clients of 10 addresses connect and close as fast as they can",
    start: (attacker) => times(50, (at) => comeAndGo(attacker, at % 10 + 1)),
  },
];

/** Runs so many at once, without end. */
function times(count: number, turn: (at: number) => Promise<void>): void {
  for (let at = 0; at < count; at++) {
    void (async () => {
      while (true) {
        await turn(at);
        await pause(1);
      }
    })();
  }
}

async function slowly(attacker: Attacker, from: number): Promise<void> {
  const socket = await attacker.openDeaf(from);
  if (socket === undefined) return await pause(1000);
  for (const letter of "USER somebody who takes the time that it takes") {
    await pause(1000);
    if (!await say(socket, letter)) break;
    attacker.count("bytes");
  }
  socket.destroy();
}

async function hoard(attacker: Attacker, from: number): Promise<void> {
  const sockets = await Promise.all(
    Array.from({ length: 100 }, () => attacker.openDeaf(from)),
  );
  await Promise.all(sockets.map((socket) => socket && Promise.race([closed(socket), pause(5000)])));
  for (const socket of sockets) socket?.destroy();
}

async function guess(attacker: Attacker, at: number): Promise<void> {
  const socket = await attacker.openDeaf(at % 8 + 1);
  if (socket === undefined) return await pause(100);
  for (let attempt = 0; attempt < 20; attempt++) {
    // Some guess at users that there are, some at others.
    const user = attempt % 2 === 0 ? `polite${at % 40}` : `nobody${at}`;
    if (!await say(socket, `USER ${user}\r\nPASS guess${attempt}\r\n`)) break;
    attacker.count("guesses");
    await pause(20);
  }
  await Promise.race([closed(socket), pause(3000)]);
  socket.destroy();
}

async function stallHandshake(attacker: Attacker, from: number): Promise<void> {
  const socket = await attacker.openDeaf(from, attacker.target.ports.tls);
  if (socket === undefined) return await pause(100);
  await say(socket, Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3));
  await closed(socket);
}

async function neverRead(attacker: Attacker, at: number): Promise<void> {
  const socket = await attacker.logIn(at % 10 + 1, `heavy${at}`);
  if (socket === undefined) return await pause(500);
  await say(socket, "RETR 1\r\n");
  await closed(socket);
}

async function askForListings(attacker: Attacker, at: number): Promise<void> {
  const socket = await attacker.logIn(at + 1, `large${at}`);
  if (socket === undefined) return await pause(500);
  socket.on("data", (bytes) => attacker.count("bytes read", bytes.length));
  socket.resume();
  const batch = "LIST\r\nUIDL\r\n".repeat(50);
  while (await say(socket, batch)) attacker.count("batches");
}

async function endlessLine(attacker: Attacker, from: number): Promise<void> {
  const socket = await attacker.openDeaf(from);
  if (socket === undefined) return await pause(100);
  const bytes = new Uint8Array(2 ** 16).fill(0x41);
  for (let sent = 0; sent < 2 ** 20 && await say(socket, bytes); sent += bytes.length) {
    attacker.count("bytes", bytes.length);
  }
  socket.destroy();
}

async function flood(attacker: Attacker, from: number): Promise<void> {
  const socket = await attacker.openDeaf(from);
  if (socket === undefined) return await pause(100);
  const batch = "CAPA\r\n".repeat(50);
  while (await say(socket, batch)) attacker.count("CAPA", 50);
}

async function noops(attacker: Attacker, at: number): Promise<void> {
  const socket = await attacker.logIn(at % 10 + 1, `heavy${at}`);
  if (socket === undefined) return await pause(500);
  socket.resume();
  const batch = "NOOP\r\n".repeat(500);
  while (await say(socket, batch)) attacker.count("NOOP", 500);
}

async function stopStls(attacker: Attacker, from: number): Promise<void> {
  const socket = await attacker.openDeaf(from);
  if (socket === undefined) return await pause(100);
  await say(socket, "STLS\r\n");
  await closed(socket);
}

async function comeAndGo(attacker: Attacker, from: number): Promise<void> {
  const socket = await attacker.open(from, attacker.target.ports.plain);
  socket?.destroy();
  if (socket === undefined) await pause(10);
}
