/**
 * Signals of the operating system.
 *
 * @module
 */

/** What signals ask for. */
export interface SignalHandlers {
  /** SIGTERM or SIGINT. */
  readonly stop: (signal: Deno.Signal) => void;
  /** SIGHUP. */
  readonly reload: () => void;
}

/**
 * Listens for signals; Windows has only some of them.
 *
 * @returns ends it
 */
export function onSignals(handlers: SignalHandlers): () => void {
  const windows = Deno.build.os === "windows";
  const stops: Deno.Signal[] = windows ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
  const pairs: [Deno.Signal, () => void][] = stops.map((name) => [name, () => handlers.stop(name)]);
  if (!windows) pairs.push(["SIGHUP", handlers.reload]);
  for (const [name, handler] of pairs) Deno.addSignalListener(name, handler);
  return () => {
    for (const [name, handler] of pairs) Deno.removeSignalListener(name, handler);
  };
}
