/**
 * What main and the retriever's worker say to each other. All of it is plain data: the worker
 * reads neither config nor certificates from disk.
 *
 * @module
 */
import type { TraceSettings } from "../log/trace.ts";
import type { ClientOptions, RetrieverOptions } from "./options.ts";
import type { RunReport } from "./report.ts";
import type { RetrieverMode } from "./retriever.ts";
import type { Progress } from "./run.ts";

/** All that the worker needs. */
export interface RetrieverSetup {
  /** How much is traced. */
  readonly trace: TraceSettings;
  /** The clients, and what they share. */
  readonly options: RetrieverOptions;
  /** By the schedule or once, for real or not. */
  readonly mode: RetrieverMode;
  /** The key of the audit log at main, if there is one. */
  readonly audit?: string;
  /** The key of the transcript at main, if there is one. */
  readonly transcript?: string;
  /** Whether to tell how far runs are. */
  readonly progress: boolean;
}

/** The key of the trace log at main. */
export const TRACE_LOG = "trace";

/** The first message to the worker, the only one that does not come by its port. */
export interface RetrieverStart {
  /** What it needs. */
  readonly setup: RetrieverSetup;
  /** The way to main, for all further messages. */
  readonly port: MessagePort;
  /** The way of its log lines. */
  readonly logPort: MessagePort;
}

/** From main to the worker. */
export type ToRetriever =
  /** Options of clients have changed, such as the recipients behind an alias. */
  | { readonly kind: "clients"; readonly clients: readonly ClientOptions[] }
  /** End running sessions between two messages; `finished` follows. */
  | { readonly kind: "grace" };

/** From the worker to main. */
export type FromRetriever =
  /** A run is over. */
  | { readonly kind: "report"; readonly report: RunReport }
  /** How far a run is; some ten times a second at most. */
  | { readonly kind: "progress"; readonly progress: Progress }
  /**
   * No client is left, or all sessions have ended after `grace`; the log lines are with main.
   * `well`: whether every client's last run went well.
   */
  | { readonly kind: "finished"; readonly well: boolean }
  /** It cannot work; `problem` is a sentence. */
  | { readonly kind: "failed"; readonly problem: string };
