/**
 * Benchmark: measures simmer and other tools on equal projects, with interleaved runs.
 *
 *     deno task bench [--quick] [--sizes=10,100] [--shapes=tree] [--work=process]
 *                     [--tools=simmer,make] [--runs=N] [--output=FILE] [--no-server]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { serveFloor } from "./floor_server.ts";
import { type Action, measureAll, type Measured, type Plan } from "./measure.ts";
import type { Shape, Work } from "./project.ts";
import { median, spread } from "./statistics.ts";
import { measureSmallRuns, type SmallRuns } from "./small_runs.ts";
import { allTools, installQuickClient, type Tool } from "./tools.ts";
import { measureServer, type ServerFigures } from "./server.ts";

/** Content of a results file. */
export interface Results {
  readonly format: 1;
  readonly date: string;
  readonly machine: { readonly os: string; readonly processors: number; readonly deno: string };
  readonly projects: readonly ({
    readonly shape: Shape;
    readonly tasks: number;
    readonly work: Work;
    readonly measured: readonly Measured[];
  })[];
  readonly server: ServerFigures | undefined;
  readonly small?: SmallRuns;
}

const ALL: readonly Action[] = ["no-op", "change", "cold"];

/** Default measurements. They take some minutes. */
const FULL: readonly Plan[] = [
  { shape: "tree", tasks: 10, work: "builtins", actions: ALL, runs: 21 },
  { shape: "tree", tasks: 100, work: "builtins", actions: ALL, runs: 15 },
  { shape: "tree", tasks: 1000, work: "builtins", actions: ALL, runs: 11 },
  { shape: "tree", tasks: 1000, work: "process", actions: ["cold"], runs: 10 },
  { shape: "chain", tasks: 1000, work: "builtins", actions: ["no-op"], runs: 7 },
  { shape: "wide", tasks: 1000, work: "builtins", actions: ["no-op"], runs: 7 },
  { shape: "random", tasks: 1000, work: "builtins", actions: ["no-op"], runs: 7 },
  { shape: "tree", tasks: 5000, work: "builtins", actions: ["no-op", "change"], runs: 7 },
];

const QUICK: readonly Plan[] = [
  { shape: "tree", tasks: 10, work: "builtins", actions: ["no-op", "change"], runs: 7 },
  { shape: "tree", tasks: 100, work: "builtins", actions: ["no-op", "change"], runs: 5 },
];

async function main(words: readonly string[]): Promise<number> {
  const values = parseArgs([...words], {
    string: ["sizes", "shapes", "work", "tools", "runs", "output"],
    boolean: ["quick", "server"],
    default: { server: true },
    negatable: ["server"],
  });
  const folder = await Deno.makeTempDir({ prefix: "simmer_bench_" });
  try {
    const wanted = values.tools?.split(",");
    using _floor = serveFloor(`${folder}/floor.sock`);
    const quick = await installQuickClient(folder);
    const floor = `${folder}/floor.sock`;
    const all = allTools(quick === undefined ? { floor } : { floor, quick });
    const tools = all.filter(({ name }) => wanted?.includes(name) ?? true);
    const results = await measure(plansOf(values), tools, values.server ? { quick } : undefined);
    if (values.output !== undefined) {
      await Deno.writeTextFile(values.output, `${JSON.stringify(results, null, 2)}\n`);
    }
    return 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function plansOf(values: {
  readonly quick: boolean;
  readonly sizes?: string;
  readonly shapes?: string;
  readonly work?: string;
  readonly runs?: string;
}): Plan[] {
  const sizes = values.sizes?.split(",").map(Number);
  const shapes = values.shapes?.split(",");
  return (values.quick ? QUICK : FULL)
    .filter(({ tasks }) => sizes?.includes(tasks) ?? true)
    .filter(({ shape }) => shapes?.includes(shape) ?? true)
    .filter(({ work }) => values.work?.split(",").includes(work) ?? true)
    .map((plan) => values.runs === undefined ? plan : { ...plan, runs: Number(values.runs) });
}

async function measure(
  plans: readonly Plan[],
  tools: readonly Tool[],
  server: { readonly quick: string | undefined } | undefined,
): Promise<Results> {
  const projects: Results["projects"][number][] = [];
  for (const plan of plans) {
    const { shape, tasks, work } = plan;
    const measured = await measureAll(plan, tools);
    projects.push({ shape, tasks, work, measured });
    say(table(`${shape}, ${tasks} tasks, ${work}`, measured));
  }
  const figures = server === undefined ? undefined : await measureServer();
  if (figures !== undefined) say(serverTable(figures));
  const small = server === undefined
    ? undefined
    : await measureSmallRuns(server.quick, { runs: 40, servers: 7 });
  if (small !== undefined) say(smallTable(small));
  const { os } = Deno.build;
  const processors = navigator.hardwareConcurrency;
  return {
    format: 1,
    date: new Date().toISOString(),
    machine: { os, processors, deno: Deno.version.deno },
    projects,
    server: figures,
    ...(small === undefined ? {} : { small }),
  };
}

/** Formats medians with their spread, and each tool's ratio to simmer. */
function table(title: string, measured: readonly Measured[]): string {
  const lines = measured.map(({ tool, action, times, skipped }) => {
    const own = measured.find((each) => each.tool === "simmer" && each.action === action);
    const ratio = own === undefined || times.length === 0
      ? ""
      : `${(median(times) / median(own.times)).toFixed(2)}x`;
    const text = skipped === undefined ? spread(times) : `skipped: ${skipped}`;
    return `  ${action.padEnd(7)} ${tool.padEnd(14)} ${text.padEnd(26)} ${ratio}`.trimEnd();
  });
  return [`${title} (ms: median [least-most], and its ratio to simmer)`, ...lines, ""].join("\n");
}

function serverTable(figures: ServerFigures): string {
  const lines = Object.entries(figures).map(([name, value]) =>
    `  ${name.padEnd(28)} ${typeof value === "number" ? value.toFixed(3) : value}`
  );
  return ["the server", ...lines, ""].join("\n");
}

function smallTable({ inPipe, inTerminal, lines = {}, first, tenth, ratio }: SmallRuns): string {
  const places = [
    ["in a pipe", inPipe],
    ["in a terminal", inTerminal],
    ["200,000 lines", lines],
  ] as const;
  const rows = places
    .flatMap(([place, times]) =>
      Object.entries(times).map(([name, ms]) => {
        const against = (ms / (times["deno task"] ?? NaN)).toFixed(2);
        return `  ${place.padEnd(14)} ${name.padEnd(14)} ${ms.toFixed(1).padStart(6)}  ${against}x`;
      })
    );
  return [
    "ten uncached tasks on a warm server, and 200,000 lines of one task in a terminal " +
    "(ms: median, and its ratio to deno task)",
    ...rows,
    `first run of a fresh server ${first.toFixed(1)} ms, tenth ${tenth.toFixed(1)} ms, ` +
    `median of ratios ${ratio.toFixed(2)}`,
    "",
  ].join("\n");
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
