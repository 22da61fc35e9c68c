/**
 * Soak clients as a process of their own: `main.ts JOB`, JOB being JSON. See `job.ts` for what is
 * said in both directions.
 *
 * @module
 */
import type { ClientJob, Order, Report } from "./job.ts";
import { Clients } from "./run.ts";

const clients = new Clients(JSON.parse(Deno.args[0] ?? "{}") as ClientJob);

function report(what: Report): void {
  const bytes = new TextEncoder().encode(`${JSON.stringify(what)}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

async function obey(order: Order): Promise<void> {
  if (order === "finish") {
    clients.finish();
    await running;
    report({ kind: "finished", progress: clients.progress() });
  } else if (order === "verify") {
    const removed = await clients.verify();
    report({ kind: "verified", progress: clients.progress(), removed });
  }
}

const running = clients.run();
const timer = setInterval(
  () => report({ kind: "progress", progress: clients.progress() }),
  1000,
);
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) await obey(line as Order);
}
clearInterval(timer);
Deno.exit(0);
