/**
 * How long whatever runs may take to end.
 *
 * @module
 */
import type { Config } from "../config/config.ts";

/** What the retriever alone is given, in milliseconds: the server's default. */
const RETRIEVER_GRACE = 5000;

/** The time from a signal to the end, in milliseconds: the server's `grace`, if there is a server. */
export function graceOf({ pop3server }: Config): number {
  return pop3server?.grace ?? RETRIEVER_GRACE;
}
