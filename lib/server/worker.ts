/**
 * The entry of a server worker: a thread with no more permissions than to
 * listen where it is told and to handle the mail folder.
 *
 * @module
 */
import { reasonOf } from "../errors.ts";
import { LogPort } from "../log/log_port.ts";
import { configureTrace, traceLog } from "../log/trace.ts";
import { ServerWorker } from "./server_worker.ts";
import { surviveErrors } from "./survive.ts";
import {
  type FromServerWorker,
  type ToServerWorker,
  TRACE_LOG,
  type WorkerStart,
} from "./worker_messages.ts";

async function run({ setup, port, logPort }: WorkerStart): Promise<void> {
  const logs = new LogPort(logPort);
  configureTrace(setup.trace, logs.log(TRACE_LOG));
  surviveErrors(traceLog("server"));
  const tell = (message: FromServerWorker) => port.postMessage(message);
  try {
    const worker = new ServerWorker(setup, logs);
    port.onmessage = (event: MessageEvent<ToServerWorker>) => {
      worker.handle(event.data);
      if (event.data.kind !== "grace") return;
      void worker.empty().then(() => logs.close()).then(() => tell({ kind: "finished" }));
    };
    await worker.start((problem) => tell({ kind: "failed", problem }));
    tell({ kind: "listening" });
    setInterval(() => tell({ kind: "alive" }), setup.heartbeat);
  } catch (error) {
    tell({ kind: "failed", problem: reasonOf(error) });
  }
}

addEventListener(
  "message",
  (event) => void run((event as MessageEvent<WorkerStart>).data),
  { once: true },
);
