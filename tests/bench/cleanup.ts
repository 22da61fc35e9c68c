/**
 * What must not be left behind when the benchmark is interrupted: servers, proxies, its folder.
 *
 * @module
 */
const duties = new Set<() => void>();

/**
 * Registers something to do if a signal ends the benchmark.
 *
 * @param duty synchronous; called once
 * @returns takes it back
 */
export function onInterrupt(duty: () => void): () => void {
  duties.add(duty);
  return () => duties.delete(duty);
}

/** From now on SIGINT and SIGTERM do all duties, and end the program. */
export function watchForInterrupts(): void {
  const end = () => {
    // The folder comes last, as it came first: servers write into it.
    for (const duty of [...duties].reverse()) {
      try {
        duty();
      } catch {
        // The others are still to be done.
      }
    }
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", end);
  Deno.addSignalListener("SIGTERM", end);
}
