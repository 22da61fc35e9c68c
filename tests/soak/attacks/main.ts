/**
 * An attack as a process of its own: `main.ts NAME TARGET`, TARGET being JSON. It goes on until the
 * end of its standard input, and then writes a line of JSON: how often it did what.
 *
 * @module
 */
import { Attacker, type Target } from "./attacker.ts";
import { ATTACKS } from "./kinds.ts";

const [name, target] = Deno.args;
const attack = ATTACKS.find((known) => known.name === name);
if (attack === undefined) throw new RangeError(`No attack is called "${name}"`);
const attacker = new Attacker(JSON.parse(target ?? "{}") as Target);
attack.start(attacker);
for await (const _ of Deno.stdin.readable) { /* only its end matters */ }
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(attacker.counts)}\n`));
Deno.exit(0);
