/**
 * Small runs, in which a tool's own start counts most: ten uncached tasks on a warm server, in a
 * pipe and in a terminal, and the first run of a fresh server against its tenth. And a task that
 * prints much in a terminal.
 *
 * @module
 */

import { environmentOf, execute } from "./measure.ts";
import { median } from "./statistics.ts";
import { SIMMER } from "./tools.ts";

/** Results of small runs, in milliseconds. */
export interface SmallRuns {
  /** Medians of ten uncached tasks, by tool. */
  readonly inPipe: Readonly<Record<string, number>>;
  readonly inTerminal: Readonly<Record<string, number>>;
  /** Medians of one task that prints 200,000 lines in a terminal, by tool. */
  readonly lines?: Readonly<Record<string, number>>;
  /** First and tenth run of a fresh server, and the median of their ratios. */
  readonly first: number;
  readonly tenth: number;
  readonly ratio: number;
}

const TASKS = 10;
/** Lines of the task that prints much. */
const LINES = 200_000;
/** Timed runs of a task that prints much. Each takes long. */
const MOST_LONG_RUNS = 9;
const HELPER = new URL("./time_runs.py", import.meta.url).pathname;
const CLI = new URL("../cli.ts", import.meta.url).pathname;

/** Words of commands by name. */
type Commands = Readonly<Record<string, readonly string[]>>;

/**
 * Measures small runs.
 *
 * @param quick path of the quick client; absent: `main.ts` takes its place
 * @param runs number of timed runs of each command, at least 1
 * @param servers number of fresh servers, at least 1
 * @returns `undefined` if there is no Python to measure them
 */
export async function measureSmallRuns(
  quick: string | undefined,
  { runs, servers }: { readonly runs: number; readonly servers: number },
): Promise<SmallRuns | undefined> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "simmer_bench_" }));
  try {
    await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify({ tasks: echoes() }));
    const fresh = await timesOf("fresh", root, servers, {
      stop: [...SIMMER, "stop", "--force"],
      start: [...SIMMER, "serve", "--detach"],
      run: [...(quick === undefined ? SIMMER : [quick]), "run", "all"],
    });
    if (fresh === undefined) return undefined;
    const commands = commandsOf("all", quick);
    const { first = [], tenth = [] } = fresh;
    return {
      first: median(first),
      tenth: median(tenth),
      ratio: median(first.map((ms, index) => ms / (tenth[index] ?? NaN))),
      inPipe: medians(await timesOf("pipe", root, runs, commands)),
      inTerminal: medians(await timesOf("terminal", root, runs, commands)),
      lines: medians(
        await timesOf("terminal", root, Math.min(runs, MOST_LONG_RUNS), commandsOf("lines", quick)),
      ),
    };
  } finally {
    await execute([...SIMMER, "stop", "--force"], root);
    await Deno.remove(root, { recursive: true });
  }
}

/** Returns the words that run a task, by tool. */
function commandsOf(task: string, quick: string | undefined): Commands {
  return {
    "deno task": [Deno.execPath(), "task", task],
    ...(quick === undefined ? {} : { "quick client": [quick, "run", task] }),
    "main.ts": [...SIMMER, "run", task],
    "whole client": [Deno.execPath(), "run", "-A", CLI, "run", task],
  };
}

/** Returns nine tasks, and one that depends on them. They have no `files`, so none is cached. */
function echoes(): Record<string, unknown> {
  const names = Array.from({ length: TASKS - 1 }, (_, index) => `t${index}`);
  return {
    ...Object.fromEntries(names.map((name) => [name, `echo ${name}`])),
    all: { command: "echo all", dependencies: names },
    lines: `seq ${LINES}`,
  };
}

function medians(times: Readonly<Record<string, readonly number[]>> = {}): Record<string, number> {
  return Object.fromEntries(Object.entries(times).map(([name, each]) => [name, median(each)]));
}

/** Runs the helper. Returns `undefined` if there is no Python. */
async function timesOf(
  place: "pipe" | "terminal" | "fresh",
  root: string,
  count: number,
  commands: Commands,
): Promise<Readonly<Record<string, readonly number[]>> | undefined> {
  const python = new Deno.Command("python3", {
    args: [HELPER, place, root, String(count)],
    env: environmentOf(root),
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
  return JSON.parse(new TextDecoder().decode(stdout));
}
