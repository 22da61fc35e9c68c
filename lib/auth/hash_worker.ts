/**
 * The entry of a worker thread that computes dear hashes. It needs no
 * permission at all. The supervisor posts it a {@linkcode HashWorkerMessage} for each
 * thread that may ask.
 *
 * @module
 */
import { serveHashes } from "./hash_service.ts";

/** What the supervisor posts to a hash worker. */
export interface HashWorkerMessage {
  /** One end of a channel; the other end belongs to a pool. */
  readonly port: MessagePort;
}

addEventListener("message", (event) => {
  serveHashes((event as MessageEvent<HashWorkerMessage>).data.port);
});
