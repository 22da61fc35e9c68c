/**
 * What attacks are made of: connections from many addresses, that do what they please.
 *
 * @module
 */
import { connect, type Socket } from "node:net";

/** Where the server is, and who has a mailbox there. */
export interface Target {
  readonly ports: { readonly plain: number; readonly tls: number };
  readonly password: string;
}

/** One attacker. What was done is counted, so that an attack that does nothing is noticed. */
export class Attacker {
  readonly target: Target;
  /** How often each thing happened. */
  readonly counts: Record<string, number> = {};

  /** Does nothing yet. */
  constructor(target: Target) {
    this.target = target;
  }

  /** Counts something. */
  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  /**
   * Connects from one of the many addresses of the loopback.
   *
   * @param from chooses the address, 1 to 250; the polite client's is another one
   * @returns undefined if that failed
   */
  open(from: number, port: number): Promise<Socket | undefined> {
    const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
    const socket = connect({ host: "127.0.0.1", port, localAddress: `127.0.1.${from}` });
    socket.setNoDelay(true);
    socket.once("connect", () => {
      this.count("connections");
      resolve(socket);
    });
    // Being thrown out is what attackers must live with.
    socket.on("error", () => resolve(undefined));
    socket.on("close", () => this.count("closed"));
    return promise;
  }

  /** Connects, and throws away all that the server says. */
  async openDeaf(from: number, port = this.target.ports.plain): Promise<Socket | undefined> {
    const socket = await this.open(from, port);
    socket?.resume();
    return socket;
  }

  /** Connects and logs in; the socket is paused then. */
  async logIn(from: number, user: string): Promise<Socket | undefined> {
    const socket = await this.open(from, this.target.ports.plain);
    if (socket === undefined) return undefined;
    await say(socket, `USER ${user}\r\nPASS ${this.target.password}\r\n`);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    let text = "";
    const take = (bytes: Uint8Array) => {
      text += new TextDecoder().decode(bytes);
      if (text.split("\r\n").length > 3) resolve(text.includes("Logged in"));
    };
    socket.on("data", take);
    socket.once("close", () => resolve(false));
    const success = await promise;
    socket.pause();
    socket.off("data", take);
    this.count(success ? "logins" : "refused logins");
    return success ? socket : undefined;
  }
}

/** Writes, and waits until the kernel has taken it; false if the connection is gone. */
export function say(socket: Socket, data: string | Uint8Array): Promise<boolean> {
  if (socket.destroyed || !socket.writable) return Promise.resolve(false);
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    socket.once("close", gone);
    socket.write(data, (error) => {
      socket.off("close", gone);
      resolve(error === null || error === undefined);
    });
  });
}

/** Waits until the connection is closed. */
export function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
