/**
 * Dear hashes computed on the calling thread, for command-line use and tests.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { HashesUnavailableError, type HashPool } from "./hash_pool.ts";
import { runHashJob } from "./slow_hash.ts";

/** A pool without threads. */
export function createLocalHashPool(): HashPool {
  return {
    async check(job) {
      try {
        return await runHashJob(job);
      } catch (error) {
        throw new HashesUnavailableError(reasonOf(error), { cause: error });
      }
    },
  };
}
