/**
 * The sessions of one worker, for the sake of ending them together.
 *
 * @module
 */

/** How far a shutdown has come. */
export type ShutdownStage =
  /** None is under way. */
  | "running"
  /** Sessions that are logged in may still end by themselves. */
  | "grace"
  /** Nobody may go on. */
  | "ended";

/** A session that can be told to stop. */
export interface Stoppable {
  /** The stage changed; the session decides what it means for it. Never throws. */
  shutdown(stage: ShutdownStage): void;
}

/**
 * The running sessions. {@linkcode SessionGroup.beginGrace} ends those that are not logged in,
 * {@linkcode SessionGroup.endGrace} all others; neither enters the UPDATE state for them.
 */
export class SessionGroup {
  readonly #sessions = new Set<Stoppable>();
  #stage: ShutdownStage = "running";
  #whenEmpty: (() => void)[] = [];

  /** How far a shutdown has come; a session that starts during one is told so at once. */
  get stage(): ShutdownStage {
    return this.#stage;
  }

  /** How many sessions are running. */
  get size(): number {
    return this.#sessions.size;
  }

  /** A session begins. */
  add(session: Stoppable): void {
    this.#sessions.add(session);
  }

  /** A session has ended. */
  delete(session: Stoppable): void {
    this.#sessions.delete(session);
    if (this.#sessions.size > 0) return;
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  /** Ends the sessions that are not logged in and those to come. */
  beginGrace(): void {
    this.#enter("grace");
  }

  /** Ends all sessions. One that is deleting messages at that moment still finishes. */
  endGrace(): void {
    this.#enter("ended");
  }

  /** Settles when no session is running, which may be at once. */
  empty(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  #enter(stage: ShutdownStage): void {
    this.#stage = stage;
    for (const session of [...this.#sessions]) session.shutdown(stage);
  }
}
