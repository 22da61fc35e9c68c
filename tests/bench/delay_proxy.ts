/**
 * A proxy that hands on everything a while after it came: `delay_proxy.ts PORT MS`. Prints the port
 * on which it listens. The connection is made at once; all else takes its time, in both directions.
 *
 * @module
 */
const [target, delay] = Deno.args.map(Number) as [number, number];
/** How much may be on its way in one direction: the bandwidth is not to be what limits. */
const MOST_UNDER_WAY = 64 * 1024 * 1024;

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
Deno.stdout.writeSync(new TextEncoder().encode(`${listener.addr.port}\n`));
for await (const client of listener) {
  void Deno.connect({ hostname: "127.0.0.1", port: target }).then((server) => {
    client.setNoDelay(true);
    server.setNoDelay(true);
    const ends = [handOn(client, server), handOn(server, client)];
    void Promise.allSettled(ends).then(() => {
      client.close();
      server.close();
    });
  });
}

/** Reading goes on while what came before waits for its time. */
async function handOn(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  let written: Promise<void> = Promise.resolve();
  let underWay = 0;
  for (let count = await read(from, buffer); count !== null; count = await read(from, buffer)) {
    const bytes = buffer.slice(0, count);
    const due = performance.now() + delay;
    underWay += bytes.length;
    written = written.then(async () => {
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
      underWay -= bytes.length;
    });
    written.catch(() => {});
    if (underWay > MOST_UNDER_WAY) await written;
  }
  await written;
  await to.closeWrite();
}

async function read(from: Deno.TcpConn, buffer: Uint8Array): Promise<number | null> {
  try {
    return await from.read(buffer);
  } catch {
    return null;
  }
}
