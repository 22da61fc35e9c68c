/**
 * Waiting for a TLS handshake, on either side of it.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import type { CipherStream } from "./tls_stream.ts";

/** A TLS handshake was not complete in time. */
export class HandshakeLateError extends Error {
  /** The error's name. */
  override name = "HandshakeLateError";

  /** Says so. @param timeout the time, in milliseconds */
  constructor(timeout: number) {
    super(`the TLS handshake took longer than ${timeout} ms`);
  }
}

/**
 * Waits for the handshake of a socket over `cipher`.
 *
 * @param event the event of its success
 * @throws if it fails, the peer goes away, or the time (milliseconds) or the signal ends it;
 * the connection is closed then
 */
export async function handshake(
  socket: TLSSocket,
  cipher: CipherStream,
  event: "secure" | "secureConnect",
  limits: { readonly timeout: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = () => reject(new Error("the peer closed the connection during the TLS handshake"));
  const abort = () => reject(limits.signal?.reason);
  const timer = setTimeout(
    () => reject(new HandshakeLateError(limits.timeout)),
    limits.timeout,
  );
  // These listeners stay: whatever is emitted later must never be an uncaught error.
  socket.on("error", reject);
  socket.on("_tlsError", reject);
  cipher.on("error", reject);
  socket.once("close", gone);
  cipher.once("end", gone);
  cipher.once("close", gone);
  socket.once(event, resolve);
  limits.signal?.addEventListener("abort", abort, { once: true });
  try {
    limits.signal?.throwIfAborted();
    await promise;
  } catch (error) {
    socket.destroy();
    cipher.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    limits.signal?.removeEventListener("abort", abort);
    socket.off("close", gone);
    cipher.off("end", gone);
    cipher.off("close", gone);
  }
}
