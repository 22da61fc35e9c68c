/**
 * The attempts of `attempts.ts` in a worker, which is given them in a message and answers with what
 * came of them.
 *
 * @module
 */
import { type Attempts, tryAll } from "./attempts.ts";

const scope = self as unknown as { postMessage(message: unknown): void };

addEventListener("message", (event) => {
  void tryAll((event as MessageEvent<Attempts>).data).then((outcomes) => {
    // A worker can give a worker of its own no more than it has.
    for (const permission of ["read", "net", "run", "env"]) {
      let outcome = "allowed";
      try {
        new Worker("data:text/javascript,", {
          type: "module",
          deno: { permissions: { [permission]: true } },
        }).terminate();
      } catch (error) {
        outcome = (error as Error).name;
      }
      outcomes[`a worker with ${permission}`] = outcome;
    }
    scope.postMessage(outcomes);
  });
}, { once: true });
