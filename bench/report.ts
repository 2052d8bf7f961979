/**
 * Writes the benchmark's results into `docs/performance.md`, and draws its chart: `deno task
 * bench:report`.
 *
 * @module
 */

import type { Results } from "./main.ts";
import type { Action, Measured } from "./measure.ts";
import type { SmallRuns } from "./small_runs.ts";
import { median, spread } from "./statistics.ts";

const RESULTS = new URL("./results/", import.meta.url);
const PAGE = new URL("../docs/performance.md", import.meta.url);
const CHART = new URL("../docs/performance.svg", import.meta.url);
const BEGIN = "<!-- results: written by 'deno task bench:report' -->";
const END = "<!-- end of results -->";

/**
 * Merges the results of all files. If two files have the same measurement, the later one counts.
 */
export async function allResults(): Promise<Results> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(RESULTS)) if (name.endsWith(".json")) names.push(name);
  const files = await Promise.all(
    names.sort().map(async (name): Promise<Results> =>
      JSON.parse(await Deno.readTextFile(new URL(name, RESULTS)))
    ),
  );
  const [first] = files;
  if (first === undefined) throw new Error(`there are no results in ${RESULTS.pathname}`);
  const projects = new Map(
    files.flatMap((each) => each.projects).map((each) => [
      `${each.shape} ${each.tasks} ${each.work}`,
      each,
    ]),
  );
  const server = files.findLast((each) => each.server !== undefined)?.server;
  const small = files.findLast((each) => each.small !== undefined)?.small;
  return {
    ...first,
    projects: [...projects.values()],
    server,
    ...(small === undefined ? {} : { small }),
  };
}

/** Returns the page with its tables replaced by those of the results. */
export function pageWith(page: string, results: Results): string {
  const before = page.slice(0, page.indexOf(BEGIN) + BEGIN.length);
  const after = page.slice(page.indexOf(END));
  return `${before}\n\n${tables(results)}\n${after}`;
}

function tables({ date, machine, projects, server, small }: Results): string {
  const { os, processors, deno } = machine;
  const parts = [
    `Measured on ${
      date.slice(0, 10)
    }: ${os}, ${processors} processors, Deno ${deno}. Milliseconds: ` +
    "the median, the least and the most of interleaved runs; in brackets how many times as long as " +
    "simmer a tool takes.",
  ];
  for (const { shape, tasks, work, measured } of projects) {
    const actions = [...new Set(measured.map(({ action }) => action))];
    const tools = [...new Set(measured.map(({ tool }) => tool))];
    const rows = tools.map((
      tool,
    ) => [tool, ...actions.map((action) => cell(tool, action, measured))]);
    parts.push(`### ${shape}, ${tasks} tasks, ${work}`, table([["", ...actions], ...rows]));
  }
  if (small !== undefined) parts.push("### Small runs", ...smallRuns(small));
  if (server !== undefined) {
    const rows = Object.entries(server).map(([name, value]) => [name, rounded(Number(value))]);
    parts.push("### The server", table([["", ""], ...rows]));
  }
  return parts.map((part) => `${part}\n`).join("\n");
}

/** Describes ten uncached tasks on a warm server, and the runs of a fresh server. */
function smallRuns({ inPipe, inTerminal, lines, first, tenth, ratio }: SmallRuns): string[] {
  const timeOf = (times: Readonly<Record<string, number>>, tool: string): string => {
    const [own = NaN, other = NaN] = [times[tool], times["deno task"]];
    return `${own.toFixed(1)} (${(own / other).toFixed(2)})`;
  };
  const rows = Object.keys(inPipe).map((tool) => [
    tool,
    timeOf(inPipe, tool),
    timeOf(inTerminal, tool),
    ...(lines === undefined ? [] : [timeOf(lines, tool)]),
  ]);
  const heads = ["in a pipe", "in a terminal", ...(lines === undefined ? [] : ["200,000 lines"])];
  return [
    "Ten uncached tasks (`echo`) on a warm server" +
    (lines === undefined ? "" : ", and one task that prints 200,000 lines in a terminal") +
    ": the median, and in brackets how many times as long as with `deno task`.",
    table([["", ...heads], ...rows]),
    `The first run of a fresh server takes ${first.toFixed(1)} ms and its tenth ` +
    `${tenth.toFixed(1)} ms, ${ratio.toFixed(1)} times as long (median of the ratios).`,
  ];
}

function cell(tool: string, action: Action, measured: readonly Measured[]): string {
  const of = (name: string): Measured | undefined =>
    measured.find((each) => each.tool === name && each.action === action);
  const own = of(tool);
  if (own === undefined) return "";
  if (own.skipped !== undefined) return own.skipped;
  const simmer = of("simmer");
  const isOther = simmer !== undefined && tool !== "simmer";
  const ratio = isOther ? ` (${(median(own.times) / median(simmer.times)).toFixed(2)})` : "";
  return `${spread(own.times)}${ratio}`;
}

function rounded(value: number): string {
  return value < 10 ? value.toFixed(3) : Math.round(value).toLocaleString("en");
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const WIDTH = 760;
const LEFT = 120;
const ROW = 18;
const SHOWN = ["quick client", "simmer", "deno task", "ninja", "make", "turbo", "wireit"];

/** Draws the times of the no-op runs as bars, by project size, on a logarithmic scale. */
export function chartOf({ projects }: Results): string {
  const groups = projects.filter(({ shape, work }) => shape === "tree" && work === "builtins");
  const lines: string[] = [];
  let y = 30;
  for (const { tasks, measured } of groups) {
    lines.push(text(10, y, `${tasks} tasks, nothing changed`, "bold"));
    y += ROW;
    for (const tool of SHOWN) {
      const times = measured.find((each) => each.tool === tool && each.action === "no-op")?.times;
      if (times === undefined || times.length === 0) continue;
      const ms = median(times);
      const width = Math.log10(Math.max(1, ms)) * (WIDTH - LEFT - 90) / 4;
      const fill = tool === "quick client" || tool === "simmer" ? "#2f6f4f" : "#9aa5b1";
      lines.push(
        text(10, y, tool),
        `<rect x="${LEFT}" y="${y - 11}" width="${width.toFixed(1)}" height="12" fill="${fill}"/>`,
        text(LEFT + width + 6, y, `${ms.toFixed(1)} ms`),
      );
      y += ROW;
    }
    y += ROW / 2;
  }
  const style = "font-family:sans-serif;font-size:12px;fill:#333";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" style="${style}">`,
    `<rect width="${WIDTH}" height="${y}" fill="#fff"/>`,
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}

function text(x: number, y: number, words: string, weight = "normal"): string {
  return `<text x="${x.toFixed(1)}" y="${y}" font-weight="${weight}">${words}</text>`;
}

if (import.meta.main) {
  const results = await allResults();
  const page = pageWith(await Deno.readTextFile(PAGE), results);
  await Deno.writeTextFile(PAGE, page);
  await Deno.writeTextFile(CHART, chartOf(results));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", PAGE.pathname] }).output();
}
