/**
 * What must be true of one mailbox, as its only client knows it.
 *
 * @module
 */

/** The model of a mailbox: which messages it holds, and which were removed from it. */
export class MailboxModel {
  /** Of what was listed and not removed: the serial number, once the message or its header was read. */
  readonly #present = new Map<string, number | undefined>();
  readonly #removed = new Map<string, number>();
  /** Deleted in a session whose QUIT was sent but not answered: removed or not. */
  readonly #unclear = new Set<string>();
  readonly #uidOf = new Map<number, string>();

  /**
   * Compares a session's UIDL with all that is known.
   *
   * @throws if a message is lost, came back, or is listed twice
   */
  listed(uids: readonly string[]): void {
    const now = new Set(uids);
    if (now.size !== uids.length) throw new Error("UIDL lists an id twice");
    for (const uid of uids) {
      if (this.#removed.has(uid)) throw new Error(`Message "${uid}" came back`);
      if (!this.#present.has(uid)) this.#present.set(uid, undefined);
    }
    for (const [uid, serial] of this.#present) {
      if (now.has(uid)) continue;
      if (!this.#unclear.has(uid)) throw new Error(`Message "${uid}" is lost`);
      this.#take(uid, serial);
    }
    // What is listed was not removed, and is again like any other.
    this.#unclear.clear();
  }

  /** Whether it is known which message has this id. */
  knows(uid: string): boolean {
    return this.#present.get(uid) !== undefined;
  }

  /**
   * The message with this id was read.
   *
   * @throws if the id was another message's, or the message had another id
   */
  read(uid: string, serial: number): void {
    const before = this.#present.get(uid);
    if (before !== undefined && before !== serial) {
      throw new Error(`The id "${uid}" was message ${before}'s and is now ${serial}'s`);
    }
    const known = this.#uidOf.get(serial);
    if (known !== undefined && known !== uid) {
      throw new Error(`Message ${serial} had the id "${known}" and has now "${uid}"`);
    }
    this.#present.set(uid, serial);
    this.#uidOf.set(serial, uid);
  }

  /** QUIT got its +OK after these were deleted. Their serial numbers must be known. */
  removed(uids: Iterable<string>): void {
    for (const uid of uids) this.#take(uid, this.#present.get(uid));
  }

  /** QUIT was sent after these were deleted, and nobody waited for the answer. */
  maybeRemoved(uids: Iterable<string>): void {
    for (const uid of uids) this.#unclear.add(uid);
  }

  /** The serial numbers of all messages that were removed. */
  get removedSerials(): number[] {
    return [...this.#removed.values()];
  }

  #take(uid: string, serial: number | undefined): void {
    if (serial === undefined) throw new Error(`Message "${uid}" was deleted unread`);
    this.#present.delete(uid);
    this.#removed.set(uid, serial);
  }
}
