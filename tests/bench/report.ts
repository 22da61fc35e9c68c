/**
 * The tables.
 *
 * @module
 */
import type { Figures } from "./measure.ts";
import type { RetrieverResult } from "./retriever.ts";
import type { ScenarioResult } from "./rounds.ts";
import { median, medianRatio } from "./statistics.ts";

/** Our name in the results. */
export const OURS = "mailismus";

type Column = readonly [title: string, cell: (figures: Figures[], ours: Figures[]) => string];

function value(pick: (figures: Figures) => number, digits: number): Column[1] {
  return (figures) => number(median(figures.map(pick)), digits);
}

/** Ours by theirs, as the targets are given. */
function ratio(pick: (figures: Figures) => number): Column[1] {
  return (figures, ours) =>
    figures === ours ? "" : medianRatio(ours.map(pick), figures.map(pick)).toFixed(2);
}

function columnsFor({ scenario }: ScenarioResult): Column[] {
  const bytes = scenario.unit === "octets";
  const common: Column[] = [
    [bytes ? "MB/s" : "sessions/s", value((f) => f.rate, 1)],
    ["ratio", ratio((f) => f.rate)],
    [bytes ? "CPU s/GB" : "CPU ms/session", value((f) => f.cpuPerUnit, 3)],
    ["ratio", ratio((f) => f.cpuPerUnit)],
    ["peak MB", value((f) => f.memory / 1e6, 0)],
    ["ratio", ratio((f) => f.memory)],
  ];
  const times = (title: string, pick: (figures: Figures) => number): Column[] => [
    [title, value(pick, 2)],
  ];
  if (scenario.kind === "idle") {
    return [
      ...common,
      ["kB/session", value((f) => f.perSession!.rss / 1000, 1)],
      ["PSS kB/session", value((f) => f.perSession!.pss / 1000, 1)],
      ["ratio", ratio((f) => f.perSession!.pss)],
      ["idle CPU %", value((f) => f.idleCpu! * 100, 2)],
    ];
  }
  if (scenario.kind === "storm") {
    return [
      ...common,
      ["logins/s", value((f) => f.storm!.logins, 1)],
      ...times("RETR p50 ms", (f) => f.load.retr.p50),
      ...times("p99 ms", (f) => f.load.retr.p99),
      ...times("without: p50", (f) => f.storm!.undisturbed.retr.p50),
      ...times("p99", (f) => f.storm!.undisturbed.retr.p99),
    ];
  }
  return [
    ...common,
    ...times("p50 ms", (f) => f.load.session.p50),
    ...times("p99 ms", (f) => f.load.session.p99),
  ];
}

/** A table in Markdown: a row a server. Ratios are ours by theirs, medians over rounds. */
export function scenarioTable(result: ScenarioResult): string {
  const columns = columnsFor(result);
  const ours = result.rounds[OURS] ?? [];
  const rows = Object.entries(result.rounds).filter(([, figures]) => figures.length > 0).map(
    ([name, figures]) => [name, ...columns.map(([, cell]) => cell(figures, ours))],
  );
  const errors = Object.values(result.rounds).flat().reduce((sum, f) => sum + f.load.errors, 0);
  return `### ${result.scenario.name}: ${result.scenario.text}\n\n` +
    table(["server", ...columns.map(([title]) => title)], rows) +
    (errors > 0 ? `\n${errors} ERRORS\n` : "");
}

/** A table of the retrievers. */
export function retrieverTable(result: RetrieverResult): string {
  const ours = result.rounds[OURS] ?? [];
  const rows = Object.entries(result.rounds).map(([name, runs]) => [
    name,
    number(median(runs.map((run) => run.seconds)), 2),
    runs === ours
      ? ""
      : medianRatio(runs.map((run) => run.seconds), ours.map((run) => run.seconds)).toFixed(2),
    number(result.messages / median(runs.map((run) => run.seconds)), 0),
    number(median(runs.map((run) => run.cpu)), 2),
    number(median(runs.map((run) => run.memory)) / 1e6, 0),
    result.notes[name] ?? "",
  ]);
  return `### ${result.name}: ${result.text}\n\n` +
    table(
      ["retriever", "seconds", "ours is faster by", "messages/s", "CPU s", "peak MB", ""],
      rows,
    );
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, at) =>
    Math.max(title.length, ...rows.map((row) => row[at]!.length))
  );
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, at) => at === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[at]!))
        .join(" | ")
    } |\n`;
  const rule = `| ${
    widths.map((width, at) => at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)
      .join(" | ")
  } |\n`;
  return line(titles) + rule + rows.map(line).join("");
}

function number(value: number, digits: number): string {
  if (!Number.isFinite(value)) return "-";
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
