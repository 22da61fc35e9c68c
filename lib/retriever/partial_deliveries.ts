/**
 * Who already has messages that an LMTP server refused for other recipients: kept on disk, so
 * that the next offer goes to the others alone.
 *
 * @module
 */
import { changeFile } from "../directory/replace_file.ts";

/** After this time (milliseconds) an entry is dropped: its message has long left the remote server. */
const KEEP = 90 * 24 * 3600 * 1000;

interface Entry {
  readonly recipients: readonly string[];
  readonly time: number;
}

/** A small file of message ids and recipients. */
export class PartialDeliveries {
  readonly #path: string;
  #entries: Map<string, Entry> | undefined;

  /**
   * Makes a view of the file.
   *
   * @param path the file; made when there is something to remember
   */
  constructor(path: string) {
    this.#path = path;
  }

  /** Who has the message. */
  async recipients(id: string): Promise<readonly string[]> {
    return (await this.#load()).get(id)?.recipients ?? [];
  }

  /**
   * Notes that more recipients have the message.
   *
   * @throws if it cannot be written
   */
  async remember(id: string, recipients: readonly string[]): Promise<void> {
    const entries = await this.#load();
    const all = new Set([...entries.get(id)?.recipients ?? [], ...recipients]);
    entries.set(id, { recipients: [...all], time: Date.now() });
    await this.#save(entries);
  }

  /** Forgets a message that everyone has. */
  async forget(id: string): Promise<void> {
    const entries = await this.#load();
    if (entries.delete(id)) await this.#save(entries);
  }

  /**
   * Forgets the messages that the remote server does not have any more: it may give their ids to
   * new ones.
   *
   * @param uids the unique ids of those that it has, with which the ids here end
   */
  async retain(uids: ReadonlySet<string>): Promise<void> {
    const entries = await this.#load();
    const gone = [...entries.keys()].filter((id) => !uids.has(id.slice(id.lastIndexOf(" ") + 1)));
    for (const id of gone) entries.delete(id);
    if (gone.length > 0) await this.#save(entries);
  }

  async #load(): Promise<Map<string, Entry>> {
    if (this.#entries) return this.#entries;
    const entries = new Map<string, Entry>();
    try {
      const stored = JSON.parse(await Deno.readTextFile(this.#path)) as Record<string, Entry>;
      for (const [id, { recipients, time }] of Object.entries(stored)) {
        if (Array.isArray(recipients) && Date.now() - time < KEEP) {
          entries.set(id, { recipients: recipients.map(String), time });
        }
      }
    } catch {
      // Absent or damaged: the worst is a repetition for some recipients.
    }
    this.#entries = entries;
    return entries;
  }

  async #save(entries: Map<string, Entry>): Promise<void> {
    await changeFile(this.#path, () => JSON.stringify(Object.fromEntries(entries)) + "\n");
  }
}
