/**
 * What a server says it has: STAT, UIDL and LIST, none of which is believed blindly.
 *
 * @module
 */
import type { Pop3Client } from "./pop3_client.ts";

/** A message on the server. */
export interface Listed {
  /** Its number in this session. */
  readonly number: number;
  /** Its unique id (RFC 1939 section 7), absent if the server gives none that can be used. */
  readonly uid?: string;
  /** Its size in octets, if the server says so. */
  readonly size?: number;
}

/** The messages of a session. */
export interface Listing {
  /** In the order of their numbers. */
  readonly messages: readonly Listed[];
  /** Whether a message that is not listed is really gone from the server. */
  readonly complete: boolean;
  /** Sentences about what is wrong with the lists. */
  readonly warnings: readonly string[];
}

/** More messages than this are left for the next run, so that memory stays bounded. */
const MOST_MESSAGES = 200_000;
/** The longest unique id (RFC 1939 section 7). */
export const LONGEST_UID = 70;

/** Asks the server. */
export async function readListing(client: Pop3Client, pipelining: boolean): Promise<Listing> {
  // All three at once where the server takes that: a distant one costs one round trip.
  if (pipelining) await client.send("STAT", "UIDL", "LIST");
  const ask = async (command: string) =>
    pipelining ? await client.status() : await client.command(command);
  const stat = await ask("STAT");
  const count = stat.ok ? Number(/^(\d{1,9})(?: |$)/.exec(stat.text)?.[1] ?? 0) : 0;
  const uids = await readList(client, await ask("UIDL"), /^(\d{1,9})[ \t]+(.*?)[ \t]*$/);
  const sizes = await readList(client, await ask("LIST"), /^(\d{1,9})[ \t]+(\d{1,15})/);
  return combine(count, uids, sizes);
}

/** One list: number and value, or undefined if the server has no such list. */
interface NumberedList {
  readonly values: Map<number, string>;
  /** Whether more lines came than are remembered. */
  readonly cut: boolean;
}

async function readList(
  client: Pop3Client,
  status: { ok: boolean },
  pattern: RegExp,
): Promise<NumberedList | undefined> {
  if (!status.ok) return undefined;
  const values = new Map<number, string>();
  let cut = false;
  await client.lines((line) => {
    const match = pattern.exec(line);
    const number = Number(match?.[1] ?? 0);
    if (number < 1 || values.has(number)) return;
    if (values.size < MOST_MESSAGES) values.set(number, match![2]!);
    else cut = true;
  });
  return { values, cut };
}

function combine(
  count: number,
  uids: NumberedList | undefined,
  sizes: NumberedList | undefined,
): Listing {
  const numbers = new Set([...uids?.values.keys() ?? [], ...sizes?.values.keys() ?? []]);
  // STAT is believed only where LIST does not speak: a number too many would be an error each.
  if (numbers.size === 0 && sizes === undefined) {
    for (let number = 1; number <= Math.min(count, MOST_MESSAGES); number++) numbers.add(number);
  }
  const ordered = [...numbers].sort((a, b) => a - b).slice(0, MOST_MESSAGES);
  const unusable = new Unusable();
  const repeated = repeatedValues(uids?.values);
  const messages = ordered.map((number): Listed => {
    const uid = unusable.check(uids?.values.get(number), repeated);
    const size = sizes?.values.get(number);
    return {
      number,
      ...(uid === undefined ? {} : { uid }),
      ...(size === undefined ? {} : { size: Number(size) }),
    };
  });
  const cut = uids?.cut === true || sizes?.cut === true;
  const warnings = unusable.warnings(uids !== undefined);
  if (cut) {
    warnings.push(
      `it lists more than ${MOST_MESSAGES} messages; those beyond are left for the next run`,
    );
  }
  // Fewer messages than STAT counts: the lists may have ended too early.
  const whole = uids !== undefined && !cut && numbers.size >= count;
  return { messages, complete: whole && unusable.none, warnings };
}

function repeatedValues(values: Map<number, string> | undefined): Set<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const value of values?.values() ?? []) {
    if (seen.has(value)) repeated.add(value);
    else seen.add(value);
  }
  return repeated;
}

/** Counts the unique ids that cannot be used, by what is wrong with them. */
class Unusable {
  #missing = 0;
  #overlong = 0;
  #malformed = 0;
  #repeated = 0;

  get none(): boolean {
    return this.#missing + this.#overlong + this.#malformed + this.#repeated === 0;
  }

  /** @returns the id if it can be used */
  check(uid: string | undefined, repeated: ReadonlySet<string>): string | undefined {
    if (uid === undefined || uid === "") this.#missing++;
    else if (uid.length > LONGEST_UID) this.#overlong++;
    else if (!/^[\x21-\x7e]+$/.test(uid)) this.#malformed++;
    else if (repeated.has(uid)) this.#repeated++;
    else return uid;
    return undefined;
  }

  warnings(hasList: boolean): string[] {
    if (this.none) return [];
    const kinds = [
      hasList ? counted(this.#missing, "without a unique id") : "",
      counted(this.#overlong, `with a unique id of more than ${LONGEST_UID} characters`),
      counted(this.#malformed, "with a unique id of impossible characters"),
      counted(this.#repeated, "whose unique id others have too"),
    ].filter((text) => text !== "");
    const what = hasList
      ? `it lists ${kinds.join(", ")}`
      : "it has no unique ids for its messages (UIDL)";
    return [
      `${what}: after a broken session they are known by their contents alone, and are fetched to be compared`,
    ];
  }
}

function counted(count: number, what: string): string {
  return count === 0 ? "" : `${count} ${count === 1 ? "message" : "messages"} ${what}`;
}
