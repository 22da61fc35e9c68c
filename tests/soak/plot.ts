/**
 * Draws memory and open files of a soak run: `plot.ts FIGURES.json PICTURE.svg`, the figures being
 * those of `deno task soak --json`.
 *
 * @module
 */
import type { Sample } from "./verdict.ts";

const WIDTH = 760;
const PANEL = { left: 70, right: 20, height: 150, gap: 56, top: 40 } as const;
const TICKS = 4;

/** One of the diagrams, which stand below each other. */
interface Panel {
  readonly title: string;
  readonly lines: readonly { readonly style: string; readonly values: readonly number[] }[];
}

/** Draws a run as SVG, in colours that can be read on light and dark ground. */
export function plot(samples: readonly Sample[]): string {
  const panels: Panel[] = [
    {
      title: "Memory (PSS), MB",
      lines: [{ style: "memory", values: samples.map(({ pss }) => pss / 2 ** 20) }],
    },
    {
      title: "Open files of the server, and connections of the clients (dashed)",
      lines: [
        { style: "files", values: samples.map(({ files }) => files) },
        { style: "open", values: samples.map(({ open }) => open) },
      ],
    },
    {
      title: "Sessions that ended, thousands",
      lines: [{ style: "sessions", values: samples.map(({ sessions }) => sessions / 1000) }],
    },
  ];
  const height = PANEL.top + panels.length * (PANEL.height + PANEL.gap);
  const times = samples.map(({ time }) => time);
  const drawn = panels.map((panel, at) =>
    drawPanel(panel, times, PANEL.top + at * (PANEL.height + PANEL.gap))
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" \
width="${WIDTH}" height="${height}" role="img" aria-label="Memory and open files during a soak run">
<style>
text { font: 12px sans-serif; fill: #777 }
.title { font-weight: bold }
.grid { stroke: #999; stroke-opacity: 0.35 }
.half { stroke: #999; stroke-dasharray: 2 4 }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round }
.memory { stroke: #c2571a }
.files { stroke: #2f7fc1 }
.open { stroke: #888; stroke-dasharray: 5 3 }
.sessions { stroke: #3c9a5f }
</style>
${drawn.join("\n")}
</svg>
`;
}

function drawPanel({ title, lines }: Panel, times: readonly number[], top: number): string {
  const end = times.at(-1) ?? 1;
  const step = niceStep(Math.max(...lines.flatMap(({ values }) => values)) / TICKS);
  const most = step * Math.ceil(Math.max(...lines.flatMap(({ values }) => values)) / step);
  const bottom = top + PANEL.height;
  const x = (time: number) => PANEL.left + time / end * (WIDTH - PANEL.left - PANEL.right);
  const y = (value: number) => bottom - value / most * PANEL.height;
  const parts = [`<text class="title" x="${PANEL.left}" y="${top - 10}">${title}</text>`];
  for (let value = 0; value <= most; value += step) {
    const at = y(value).toFixed(1);
    const label = value.toLocaleString("en-GB");
    parts.push(
      `<line class="grid" x1="${PANEL.left}" x2="${WIDTH - PANEL.right}" y1="${at}" y2="${at}"/>`,
      `<text x="${PANEL.left - 8}" y="${Number(at) + 4}" text-anchor="end">${label}</text>`,
    );
  }
  const middle = x(end / 2).toFixed(1);
  parts.push(`<line class="half" x1="${middle}" x2="${middle}" y1="${top}" y2="${bottom}"/>`);
  const unit = end > 180 ? { seconds: 60, name: "min" } : { seconds: 1, name: "s" };
  const wide = niceStep(end / unit.seconds / 6);
  for (let tick = 0; tick * unit.seconds <= end + 1; tick += wide) {
    const at = Math.min(x(tick * unit.seconds), WIDTH - PANEL.right).toFixed(1);
    parts.push(
      `<text x="${at}" y="${bottom + 17}" text-anchor="middle">${tick} ${unit.name}</text>`,
    );
  }
  for (const { style, values } of lines) {
    const points = values.map((value, at) => `${x(times[at]!).toFixed(1)},${y(value).toFixed(1)}`);
    parts.push(`<polyline class="line ${style}" points="${points.join(" ")}"/>`);
  }
  return parts.join("\n");
}

/** The next step from 1, 2, 5, 10, 20, … */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) ?? 1;
}

if (import.meta.main) {
  const [figures, picture] = Deno.args;
  const { samples } = JSON.parse(await Deno.readTextFile(figures!)) as { samples: Sample[] };
  await Deno.writeTextFile(picture!, plot(samples));
}
