/**
 * A worker that logs as the program's workers do; see log_port_test.ts.
 *
 * @module
 */
import { LogPort } from "../../lib/log/log_port.ts";
import { configureTrace, traceLog } from "../../lib/log/trace.ts";
import { Transcript } from "../../lib/log/transcript.ts";

globalThis.addEventListener("message", async (event: Event) => {
  const port = new LogPort((event as MessageEvent<MessagePort>).data);
  configureTrace({ level: "TRC" }, port.log("trace"));
  traceLog("server").info("Listening");
  new Transcript(port.log("transcript")).session("w-1").client("PASS secret");
  await port.close();
  (globalThis as unknown as { postMessage(message: string): void }).postMessage("closed");
});
