/**
 * Errors that nobody caught.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";

/** Where they are reported. */
export interface ErrorLog {
  /** Takes a line. */
  error(text: string): void;
}

/**
 * Reports this thread's uncaught errors instead of letting them end it: they concern the session
 * or the task whose code they came from, and all others go on.
 *
 * @returns ends that
 */
export function surviveErrors(log: ErrorLog): () => void {
  const onRejection = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    log.error(`Unexpected error: ${detailed(event.reason)}`);
  };
  const onError = (event: ErrorEvent): void => {
    event.preventDefault();
    log.error(`Unexpected error: ${detailed(event.error)}`);
  };
  addEventListener("unhandledrejection", onRejection);
  addEventListener("error", onError);
  return () => {
    removeEventListener("unhandledrejection", onRejection);
    removeEventListener("error", onError);
  };
}

/** The message and the place in the program, for whoever gets the report; one line. */
function detailed(error: unknown): string {
  return error instanceof Error && error.stack !== undefined
    ? error.stack.replace(/\s*\n\s*/g, " ")
    : reasonOf(error);
}
