/**
 * Measures small runs, in which a tool's own start counts most: ten uncached tasks on a warm
 * server, in a pipe and in a terminal, and the first run of a fresh server against its tenth.
 *
 * @module
 */

import { execute } from "./measure.ts";
import { median } from "./statistics.ts";
import { SIMMER } from "./tools.ts";

/** Results of small runs, in milliseconds. */
export interface SmallRuns {
  /** Medians of ten uncached tasks, by tool. Absent if there is no Python to measure them. */
  readonly inPipe?: Readonly<Record<string, number>>;
  readonly inTerminal?: Readonly<Record<string, number>>;
  /** First and tenth run of a fresh server, and the median of their ratios. */
  readonly first: number;
  readonly tenth: number;
  readonly ratio: number;
}

const TASKS = 10;
/** Runs of a fresh server. */
const RUNS = 10;
const HELPER = new URL("./time_runs.py", import.meta.url).pathname;
const CLI = new URL("../cli.ts", import.meta.url).pathname;
/** Delay before the first run of a fresh server, in milliseconds. Its warm-up ends within it. */
const REST_MS = 800;

/**
 * Measures small runs.
 *
 * @param quick path of the quick client; absent: `main.ts` takes its place
 * @param runs number of timed runs of each command, at least 1
 * @param servers number of fresh servers, at least 1
 */
export async function measureSmallRuns(
  quick: string | undefined,
  { runs, servers }: { readonly runs: number; readonly servers: number },
): Promise<SmallRuns> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "simmer_bench_" }));
  const client = quick === undefined ? SIMMER : [quick];
  try {
    await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify({ tasks: echoes() }));
    const commands = {
      "deno task": [Deno.execPath(), "task", "all"],
      ...(quick === undefined ? {} : { "quick client": [quick, "run", "all"] }),
      "main.ts": [...SIMMER, "run", "all"],
      "whole client": [Deno.execPath(), "run", "-A", CLI, "run", "all"],
    };
    const fresh = await freshServers(root, client, servers);
    const inPipe = await timed("pipe", root, commands, runs);
    const inTerminal = await timed("terminal", root, commands, runs);
    return {
      ...(inPipe === undefined ? {} : { inPipe }),
      ...(inTerminal === undefined ? {} : { inTerminal }),
      ...fresh,
    };
  } finally {
    await execute([...SIMMER, "stop", "--force"], root);
    await Deno.remove(root, { recursive: true });
  }
}

/** Returns nine tasks, and one that depends on them. They have no `files`, so none is cached. */
function echoes(): Record<string, unknown> {
  const names = Array.from({ length: TASKS - 1 }, (_, index) => `t${index}`);
  return {
    ...Object.fromEntries(names.map((name) => [name, `echo ${name}`])),
    all: { command: "echo all", dependencies: names },
  };
}

async function timed(
  place: "pipe" | "terminal",
  root: string,
  commands: Readonly<Record<string, readonly string[]>>,
  runs: number,
): Promise<Record<string, number> | undefined> {
  const python = new Deno.Command("python3", {
    args: [HELPER, place, root, String(runs)],
    stdin: "piped",
    stdout: "piped",
  });
  let child: Deno.ChildProcess;
  try {
    child = python.spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(commands)));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error(`${HELPER} failed`);
  const times: Record<string, number[]> = JSON.parse(new TextDecoder().decode(stdout));
  return Object.fromEntries(Object.entries(times).map(([name, each]) => [name, median(each)]));
}

async function freshServers(
  root: string,
  client: readonly string[],
  servers: number,
): Promise<Pick<SmallRuns, "first" | "tenth" | "ratio">> {
  const firsts: number[] = [];
  const tenths: number[] = [];
  for (let server = 0; server < servers; server++) {
    await execute([...SIMMER, "stop", "--force"], root);
    await execute([...SIMMER, "serve", "--detach"], root);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    for (let run = 1; run <= RUNS; run++) {
      const begun = performance.now();
      await execute([...client, "run", "all"], root);
      const ms = performance.now() - begun;
      if (run === 1) firsts.push(ms);
      if (run === RUNS) tenths.push(ms);
    }
  }
  const ratios = firsts.map((first, index) => first / (tenths[index] ?? NaN));
  return { first: median(firsts), tenth: median(tenths), ratio: median(ratios) };
}
