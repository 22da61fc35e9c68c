/**
 * The answering end of the channel between sessions and a hash worker.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import type { HashAnswer, HashQuestion } from "./hash_protocol.ts";
import { runHashJob } from "./slow_hash.ts";

let last: Promise<void> = Promise.resolve();

/**
 * Answers the {@linkcode HashQuestion}s that come by a port. Questions are answered one after
 * the other in the order they came, whichever port they came by; as a pool asks one
 * at a time, no thread that serves many logins can crowd out another.
 */
export function serveHashes(port: MessagePort): void {
  port.onmessage = (event: MessageEvent<HashQuestion>) => {
    const question = event.data;
    // One at a time: two of argon2's memories at once would double what the thread takes.
    last = last.then(async () => port.postMessage(await answer(question)));
  };
}

async function answer(question: HashQuestion): Promise<HashAnswer> {
  const { id } = question;
  try {
    return { id, ok: await runHashJob(question) };
  } catch (error) {
    return { id, failure: reasonOf(error) };
  }
}
