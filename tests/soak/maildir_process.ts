/**
 * Another program at work in the Maildirs, as a process of its own:
 * `maildir_process.ts deliver|move ROOT MAILBOXES RATE FIRST`. It works until the end of its
 * standard input, and then writes a line of JSON: how many messages it delivered or moved.
 *
 * @module
 */
import { Maildirs } from "./maildirs.ts";

const [role, root, mailboxes, rate, first] = Deno.args;
const maildirs = new Maildirs(root!, Number(mailboxes));
const perSecond = Number(rate);
const start = performance.now();
let turns = 0;
let count = 0;

function work(): void {
  // Late timers are made up for, so that the rate is kept on a busy machine.
  const due = (performance.now() - start) / 1000 * perSecond;
  for (; turns < due; turns++) {
    if (role === "deliver") {
      maildirs.deliver(Number(first) + turns);
      count++;
    } else count += maildirs.moveToCur(turns * 7919 % Number(mailboxes));
  }
}

const timer = setInterval(work, 20);
for await (const _ of Deno.stdin.readable) { /* only its end matters */ }
clearInterval(timer);
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify({ count })}\n`));
