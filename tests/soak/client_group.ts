/**
 * All soak clients, spread over several processes.
 *
 * @module
 */
import type { ClientJob, Order, Progress, Report } from "./clients/job.ts";
import { HelperProcess } from "./helper_process.ts";

const MOST_FAULTS = 20;
const NONE: Progress = {
  ...{ open: 0, loggedIn: 0, messages: 0, octets: 0, inUse: 0, faultCount: 0, slowest: 0, lag: 0 },
  sessions: {},
  playing: {},
  faults: [],
};

interface Member {
  readonly helper: HelperProcess<Report>;
  progress: Progress;
  /** Who waits for its answer to an order. */
  waiting: PromiseWithResolvers<Report> | undefined;
  following: Promise<void>;
}

/** The clients of one run. */
export class ClientGroup implements AsyncDisposable {
  readonly #members: Member[];

  private constructor(members: Member[]) {
    this.#members = members;
  }

  /** Starts as many processes as there are jobs; their clients begin at once. */
  static start(jobs: readonly ClientJob[]): ClientGroup {
    return new ClientGroup(jobs.map((job) => {
      const args = [JSON.stringify(job)];
      const helper = HelperProcess.start<Report>("clients/main.ts", args, [
        "--allow-net=127.0.0.1",
      ]);
      const member: Member = {
        helper,
        progress: NONE,
        waiting: undefined,
        following: Promise.resolve(),
      };
      member.following = follow(member);
      return member;
    }));
  }

  /** How far all of them are. */
  get progress(): Progress {
    return this.#members.map(({ progress }) => progress).reduce(add, NONE);
  }

  /**
   * Gives an order, and waits until all have carried it out.
   *
   * @throws if a process dies instead
   */
  async order(order: Order): Promise<Report[]> {
    return await Promise.all(this.#members.map(async (member) => {
      member.waiting = Promise.withResolvers<Report>();
      await member.helper.tell(order);
      return await member.waiting.promise;
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { helper, following } of this.#members) {
      await helper[Symbol.asyncDispose]();
      await following;
    }
  }
}

async function follow(member: Member): Promise<void> {
  for await (const report of member.helper.answers) {
    member.progress = report.progress;
    if (report.kind !== "progress") member.waiting?.resolve(report);
  }
  member.waiting?.reject(new Error("A process of soak clients has died"));
}

function add(one: Progress, other: Progress): Progress {
  return {
    open: one.open + other.open,
    loggedIn: one.loggedIn + other.loggedIn,
    messages: one.messages + other.messages,
    octets: one.octets + other.octets,
    inUse: one.inUse + other.inUse,
    slowest: Math.max(one.slowest, other.slowest),
    lag: Math.max(one.lag, other.lag),
    faultCount: one.faultCount + other.faultCount,
    faults: [...one.faults, ...other.faults].slice(0, MOST_FAULTS),
    sessions: addEach(one.sessions, other.sessions),
    playing: addEach(one.playing, other.playing),
  };
}

function addEach(one: Progress["sessions"], other: Progress["sessions"]): Progress["sessions"] {
  const sums: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(other)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
