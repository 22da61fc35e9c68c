/**
 * A TCP proxy on the loopback that does to connections what networks do to them.
 *
 * @module
 */

/** What befalls a connection. */
export interface Fault {
  readonly kind:
    /** Nothing. */
    | "none"
    /** The connection is closed as soon as it was made. */
    | "refuse"
    /** The connection ends, */
    | "cut"
    /** nothing goes through any more, */
    | "stall"
    /** or one octet is another, */
    | "corrupt";
  /** when so many octets have gone to the client. */
  readonly after: number;
}

/** Nothing happens. */
export const NO_FAULT: Fault = { kind: "none", after: Infinity };

/** The proxy. Its port stays the same, whatever happens. */
export class FaultProxy implements AsyncDisposable {
  /** What befalls the next connection. */
  next: () => Fault = () => NO_FAULT;
  /** Changes what goes to the client, in its memory, keeping the length. */
  rewrite: (bytes: Uint8Array) => void = () => {};
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #running = new Set<Promise<void>>();

  /** Hands connections on to a port of the loopback. */
  constructor(target: number) {
    const accept = async () => {
      for await (const client of this.#listener) this.#run(client, target);
    };
    this.#track(accept().catch(() => {}));
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) this.#close(connection);
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #run(client: Deno.Conn, target: number): void {
    this.#open.add(client);
    const fault = this.next();
    if (fault.kind === "refuse") return this.#close(client);
    this.#track(this.#connect(client, target, fault));
  }

  async #connect(client: Deno.Conn, target: number, fault: Fault): Promise<void> {
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: target });
      this.#open.add(server);
      const end = () => [client, server].forEach((connection) => this.#close(connection));
      await Promise.all([
        handOn(client, server, NO_FAULT, () => {}).finally(end),
        handOn(server, client, fault, this.rewrite).then(
          (stalled) => stalled ? undefined : end(),
          end,
        ),
      ]);
    } catch {
      // The end of connections is what this is about.
    } finally {
      this.#close(client);
    }
  }

  #track(running: Promise<void>): void {
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  #close(connection: Deno.Conn): void {
    if (this.#open.delete(connection)) connection.close();
  }
}

/** @returns whether nothing is handed on although the connection goes on */
async function handOn(
  from: Deno.Conn,
  to: Deno.Conn,
  fault: Fault,
  rewrite: (bytes: Uint8Array) => void,
): Promise<boolean> {
  const buffer = new Uint8Array(16 * 1024);
  let left = fault.after;
  for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
    const reached = count >= left;
    if (reached && fault.kind === "corrupt") buffer[left] = buffer[left]! ^ 0x20;
    rewrite(buffer.subarray(0, count));
    const ends = reached && (fault.kind === "cut" || fault.kind === "stall");
    const bytes = buffer.subarray(0, ends ? left : count);
    for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
    if (ends) return fault.kind === "stall";
    left = reached ? Infinity : left - count;
  }
  return false;
}
