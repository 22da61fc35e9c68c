/**
 * Failures that end in a sentence for the person who runs the program.
 *
 * @module
 */

/** The exit status of a run that failed while running. */
export const EXIT_FAILED = 1;
/** The exit status of a wrong command line or config. */
export const EXIT_USAGE = 2;

/**
 * A failure whose message is meant for the user as it stands: it says what was
 * attempted, with which value, and what to do. The command line prints it
 * without a stack trace and exits with {@linkcode UserError.status}.
 */
export class UserError extends Error {
  /** The class's name. */
  override name = "UserError";
  /** The exit status that the program ends with. */
  readonly status: number;

  /**
   * Makes a failure of this message.
   *
   * @param status the exit status, {@linkcode EXIT_FAILED} by default
   */
  constructor(message: string, status: number = EXIT_FAILED, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The message of anything thrown, for a sentence that names the cause. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
