/**
 * The entry of the retriever's worker: a thread with no more permissions than to reach the
 * configured servers and to write where their mail goes.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { LogPort } from "../log/log_port.ts";
import { configureTrace } from "../log/trace.ts";
import { Transcript } from "../log/transcript.ts";
import { Retriever, type RetrieverTools } from "./retriever.ts";
import type { Progress } from "./run.ts";
import {
  type FromRetriever,
  type RetrieverSetup,
  type RetrieverStart,
  type ToRetriever,
  TRACE_LOG,
} from "./worker_messages.ts";

/** How often progress is told, in milliseconds. */
const PROGRESS_EVERY = 100;

async function run({ setup, port, logPort }: RetrieverStart): Promise<void> {
  const logs = new LogPort(logPort);
  configureTrace(setup.trace, logs.log(TRACE_LOG));
  const tell = (message: FromRetriever) => port.postMessage(message);
  try {
    const retriever = new Retriever(setup.options, setup.mode, toolsOf(setup, logs, tell));
    port.onmessage = ({ data }: MessageEvent<ToRetriever>) => {
      if (data.kind === "clients") retriever.update(data.clients);
      else retriever.stop();
    };
    const well = await retriever.run();
    await logs.close();
    tell({ kind: "finished", well });
  } catch (error) {
    tell({ kind: "failed", problem: reasonOf(error) });
  }
}

function toolsOf(
  setup: RetrieverSetup,
  logs: LogPort,
  tell: (message: FromRetriever) => void,
): RetrieverTools {
  const { audit, transcript, progress } = setup;
  return {
    onReport: (report) => tell({ kind: "report", report }),
    ...(audit === undefined ? {} : { audit: logs.log(audit) }),
    ...(transcript === undefined ? {} : { transcript: new Transcript(logs.log(transcript)) }),
    ...(progress
      ? { onProgress: throttled((now) => tell({ kind: "progress", progress: now })) }
      : {}),
  };
}

/** Lets through what comes at least so long after what was let through before, for each client. */
function throttled(tell: (progress: Progress) => void): (progress: Progress) => void {
  const last = new Map<string, number>();
  return (progress) => {
    const now = performance.now();
    if (now - (last.get(progress.client) ?? -Infinity) < PROGRESS_EVERY) return;
    last.set(progress.client, now);
    tell(progress);
  };
}

addEventListener(
  "message",
  (event) => void run((event as MessageEvent<RetrieverStart>).data),
  { once: true },
);
