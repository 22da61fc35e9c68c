/**
 * What the destinations on disk have in common: how their failures are told, and what the absence
 * of an announced message means.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { isDiskFull } from "../maildir/durable_file.ts";
import { DestinationError, type Recovered } from "./destination.ts";

/**
 * Mail programs remove files from `tmp/` that are older than 36 hours. Well before that, an
 * announced message that is in neither `tmp/` nor `new/` nor `cur/` can only have been moved into
 * its place by us and been taken from there by its reader.
 */
const SURE_FOR_MS = 24 * 60 * 60 * 1000;

/** Decides on an announced message that is nowhere to be found. */
export function judgeAbsent(announcedAt: number, now: number): Recovered {
  const age = now - announcedAt;
  // A clock that was set back proves nothing; a repetition is better than a loss.
  return age >= 0 && age < SURE_FOR_MS ? "delivered" : "missing";
}

/** Does things in one folder, and names it in a sentence when one fails. */
export class FolderActions {
  readonly #path: string;

  /**
   * Touches nothing.
   *
   * @param path the folder, for the sentence
   */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Does a step of writing a message.
   *
   * @throws {DestinationError}
   */
  write<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.#failure("write a message into", error);
    }
  }

  /**
   * Does something that must be waited for.
   *
   * @param what the sentence's words before the folder
   * @throws {DestinationError}
   */
  async run<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw this.#failure(what, error);
    }
  }

  #failure(what: string, error: unknown): DestinationError {
    if (error instanceof DestinationError) return error;
    const full = isDiskFull(error);
    const reason = full ? "the disk is full" : reasonOf(error);
    return new DestinationError(`Cannot ${what} ${this.#path}: ${reason}`, { cause: error, full });
  }
}
