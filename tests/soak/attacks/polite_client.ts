/**
 * The polite client whose patience is measured: a whole short session every so often, whether the
 * one before has ended or not.
 *
 * @module
 */
import { PopClient } from "../../support/pop_client.ts";

/** Mailboxes for polite sessions: so many may overlap. */
export const POLITE_USERS = 40;
/** Octets of the one message in each. */
export const POLITE_OCTETS = 4096;
/** A session that takes longer, in milliseconds, has failed. */
const GIVEN_UP = 30_000;

/** How long whole sessions took, in milliseconds. */
export interface Latency {
  readonly sessions: number;
  /** Refused, cut or given up. */
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Why the first that failed did. */
  readonly reason?: string;
}

/** What is measured. */
export interface PoliteJob {
  readonly port: number;
  readonly password: string;
  /** Time between the beginnings of two sessions, in milliseconds. */
  readonly interval: number;
  /** How long sessions begin, in seconds. */
  readonly seconds: number;
}

/** Plays polite sessions, and waits for the last of them. */
export async function measureLatency(job: PoliteJob): Promise<Latency> {
  const times: number[] = [];
  const reasons: string[] = [];
  const running: Promise<void>[] = [];
  const start = performance.now();
  const count = Math.floor(1000 * job.seconds / job.interval);
  for (let session = 0; session < count; session++) {
    // From when it should have begun: a late timer is no excuse for a late answer.
    const due = start + session * job.interval;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    running.push(
      play(job, `polite${session % POLITE_USERS}`).then(
        () => void times.push(performance.now() - due),
        (error: unknown) => void reasons.push(error instanceof Error ? error.message : `${error}`),
      ),
    );
  }
  await Promise.all(running);
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))];
  return {
    sessions: count,
    failed: reasons.length,
    p50: at(0.5) ?? NaN,
    p99: at(0.99) ?? NaN,
    max: times.at(-1) ?? NaN,
    ...(reasons.length > 0 ? { reason: reasons[0]! } : {}),
  };
}

async function play({ port, password }: PoliteJob, user: string): Promise<void> {
  using client = await PopClient.connect(port);
  const timer = setTimeout(() => client.close(), GIVEN_UP);
  try {
    if (!client.greeting.startsWith("+OK")) throw new Error(client.greeting);
    await client.ok(`USER ${user}`);
    await client.ok(`PASS ${password}`);
    await client.ok("STAT");
    const { data } = await client.ok("RETR 1");
    if (data?.length !== POLITE_OCTETS) throw new Error(`RETR: ${data?.length} octets`);
    await client.ok("QUIT");
    if (await client.line() !== null) throw new Error("QUIT: bytes came behind the answer");
  } finally {
    clearTimeout(timer);
  }
}
