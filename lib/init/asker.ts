/**
 * Asking for what the flags did not say.
 *
 * @module
 */
import { EXIT_USAGE, UserError } from "../errors.ts";

/** The person at the terminal, if there is one. */
export interface Asker {
  /** Whether somebody can be asked. */
  readonly interactive: boolean;
  /** Asks for a line; null if no more will come. */
  line(question: string): Promise<string | null>;
  /** Asks for a line that is not shown. */
  secret(question: string): Promise<string | null>;
  /** Shows a line. */
  tell(line: string): void;
}

/** A question. */
export interface Question<T> {
  /** The flag that answers it too, such as `--port N`. */
  readonly flag: string;
  /** The question. */
  readonly text: string;
  /** The answer if none is given. */
  readonly fallback?: string;
  /** The answer of a person who gives none; where nobody is there, one is needed. */
  readonly suggested?: string;
  /** Whether the answer must not be seen. */
  readonly secret?: true;
  /** Makes the value of an answer; throws a `UserError` that says what is wrong with it. */
  readonly parse: (answer: string) => T | Promise<T>;
}

/** Puts questions, and notes which of them nobody was there to answer. */
export class Questions {
  readonly #asker: Asker;
  readonly #missing = new Set<string>();

  /** Asks this person. */
  constructor(asker: Asker) {
    this.#asker = asker;
  }

  /** Whether somebody can be asked. */
  get interactive(): boolean {
    return this.#asker.interactive;
  }

  /** Shows a line to who is asked. */
  tell(line: string): void {
    if (this.#asker.interactive) this.#asker.tell(line);
  }

  /** Notes an answer that is missing. */
  miss(flag: string): void {
    this.#missing.add(flag);
  }

  /**
   * The answer to a question: as given by a flag, else by the person, else the fallback.
   *
   * @param given what a flag says
   * @returns undefined if there is none; {@linkcode Questions.finish} will then tell
   * @throws {UserError} if the flag's value is wrong, or the person leaves
   */
  async ask<T>(question: Question<T>, given?: string): Promise<T | undefined> {
    if (given !== undefined) return await parseGiven(question, given);
    if (!this.#asker.interactive) {
      if (question.fallback !== undefined) return await question.parse(question.fallback);
      this.miss(question.flag);
      return undefined;
    }
    return await this.#askPerson(question);
  }

  async #askPerson<T>(question: Question<T>): Promise<T> {
    const { text, secret, parse } = question;
    const fallback = question.fallback ?? question.suggested;
    const prompt = fallback ? `${text} [${fallback}]:` : `${text}:`;
    while (true) {
      const answer = secret ? await this.#asker.secret(prompt) : await this.#asker.line(prompt);
      if (answer === null) throw new UserError("Stopped before the end: nothing was written");
      const line = secret ? answer : answer.trim();
      try {
        return await parse(line === "" ? fallback ?? "" : line);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        this.#asker.tell(`  ${error.message}`);
      }
    }
  }

  /**
   * Ends the questions.
   *
   * @throws {UserError} with status 2 if answers are missing
   */
  finish(): void {
    if (this.#missing.size === 0) return;
    throw new UserError(
      "There is no terminal to ask on, so flags must give all answers. Missing: " +
        [...this.#missing].join("; "),
      EXIT_USAGE,
    );
  }
}

async function parseGiven<T>(question: Question<T>, given: string): Promise<T> {
  try {
    return await question.parse(given);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${question.flag}: ${error.message}`, EXIT_USAGE);
  }
}
