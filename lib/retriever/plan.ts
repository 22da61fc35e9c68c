/**
 * What a session will do with each message that the server lists, and what the journal may forget.
 *
 * @module
 */
import type { JournalEntry } from "./journal_lines.ts";
import type { Listed, Listing } from "./listing.ts";

/** What is to be done with a message. */
export interface Job extends Listed {
  /** Fetch and deliver it, or only delete it because it was delivered before. */
  readonly action: "fetch" | "delete";
  /**
   * What the journal knows under this unique id, although the size is another: only the contents
   * can tell whether it is the same message.
   */
  readonly doubt?: JournalEntry;
}

/** What {@linkcode planSession} goes by. */
export interface PlanOptions {
  /** Whether messages stay on the server. */
  readonly preserve: boolean;
  /** With `preserve`: whether known messages are not fetched again. */
  readonly trackSeen: boolean;
  /** The largest message to fetch, in octets. */
  readonly maxSize?: number;
}

/** A session's work. */
export interface Plan {
  /** What is to be done, in the order of the messages. */
  readonly jobs: readonly Job[];
  /** Messages that are left alone because they are too large. */
  readonly tooLarge: readonly Listed[];
  /** How many messages are left alone because they were fetched before. */
  readonly seen: number;
  /**
   * Journal entries whose messages the server does not list (any more): forgotten after the
   * session, and until then a message with the same contents is the same message.
   */
  readonly unlisted: readonly JournalEntry[];
  /** The unique ids that the server lists. */
  readonly listed: ReadonlySet<string>;
}

/**
 * Plans a session.
 *
 * @param known the journal's entries for the session's destination
 */
export function planSession(
  listing: Listing,
  known: ReadonlyMap<string, JournalEntry>,
  options: PlanOptions,
): Plan {
  const { preserve, trackSeen, maxSize } = options;
  const useJournal = tracks(options);
  const jobs: Job[] = [];
  const tooLarge: Listed[] = [];
  const listed = new Set<string>();
  let seen = 0;
  for (const message of listing.messages) {
    const { uid, size } = message;
    if (uid !== undefined) listed.add(uid);
    const entry = uid !== undefined && useJournal ? known.get(uid) : undefined;
    const same = entry !== undefined && sameSize(entry.size, size);
    if (same && preserve && trackSeen) seen++;
    else if (same) jobs.push({ ...message, action: "delete" });
    else if (maxSize !== undefined && size !== undefined && size > maxSize) tooLarge.push(message);
    else {jobs.push({
        ...message,
        action: "fetch",
        ...(entry === undefined ? {} : { doubt: entry }),
      });}
  }
  const unlisted = [...known.values()].filter(({ uid }) => !listed.has(uid));
  return { jobs, tooLarge, seen, unlisted, listed };
}

/** Whether the journal has a say: without it everything is fetched in every run, as configured. */
export function tracks({ preserve, trackSeen }: PlanOptions): boolean {
  return !preserve || trackSeen;
}

function sameSize(known: number | undefined, listed: number | undefined): boolean {
  return known === undefined || listed === undefined || known === listed;
}
