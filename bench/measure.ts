/**
 * Measures tools on copies of a project, with interleaved runs. After each run, it checks that
 * exactly the expected tasks have run.
 *
 * @module
 */

import { type BenchTask, outputStamps, type ProjectSpec, tasksOf, writeInputs } from "./project.ts";
import { SIMMER, type Tool } from "./tools.ts";

/** Preparation before a timed run. */
export type Action = "no-op" | "change" | "cold";

/** Project, actions and number of runs of a measurement. */
export interface Plan extends ProjectSpec {
  readonly actions: readonly Action[];
  readonly runs: number;
}

/** Times of one tool, in milliseconds. */
export interface Measured {
  readonly tool: string;
  readonly action: Action;
  readonly times: readonly number[];
  /** Reason if the tool was not measured. */
  readonly skipped?: string;
}

/** A tool with its own copy of a project. */
class Contestant implements AsyncDisposable {
  readonly tool: Tool;
  readonly #root: string;
  readonly #tasks: readonly BenchTask[];
  #changes = 0;

  private constructor(tool: Tool, root: string, tasks: readonly BenchTask[]) {
    this.tool = tool;
    this.#root = root;
    this.#tasks = tasks;
  }

  static async create(tool: Tool, tasks: readonly BenchTask[]): Promise<Contestant> {
    const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "simmer_bench_" }));
    await writeInputs(root, tasks);
    await tool.configure(root, tasks);
    const contestant = new Contestant(tool, root, tasks);
    // Two runs: the second one checks the files that the first one has created.
    for (let count = 0; count < 2; count++) await contestant.#run();
    return contestant;
  }

  /** Measures one run, in milliseconds. */
  async measure(action: Action): Promise<number> {
    if (action === "cold") await this.#forget();
    if (action === "change") {
      const path = `${this.#root}/p0/src/0.txt`;
      await Deno.writeTextFile(path, `changed ${++this.#changes}\n`, { append: true });
    }
    const before = outputStamps(this.#root, this.#tasks);
    const ms = await this.#run();
    const after = outputStamps(this.#root, this.#tasks);
    const written = after.filter((stamp, index) => stamp !== before[index]).length;
    const expected = { "no-op": 0, change: 1, cold: this.#tasks.length }[action];
    if (written !== expected) {
      throw new Error(`${this.tool.name}, ${action}: ${written} outputs written, not ${expected}`);
    }
    // An untimed run: work that a tool postpones must not slow down the next tool's run.
    if (action !== "no-op") await this.#run();
    return ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.tool.stop !== undefined) await execute(this.tool.stop, this.#root);
    await Deno.remove(this.#root, { recursive: true });
  }

  /**
   * Deletes outputs and everything that the tool has stored. Then it starts a fresh server for
   * simmer, like the servers of BitBake and Nx.
   */
  async #forget(): Promise<void> {
    if (this.tool.stop !== undefined) await execute(this.tool.stop, this.#root);
    const outputs = this.#tasks.map(({ folder }) => `${folder}/out.txt`);
    const memory = this.tool.memory.flatMap((path) =>
      path.startsWith("*/") ? this.#tasks.map(({ folder }) => folder + path.slice(1)) : [path]
    );
    for (const path of [...outputs, ...memory]) {
      try {
        await Deno.remove(`${this.#root}/${path}`, { recursive: true });
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    if (this.tool.stop !== undefined) await execute([...SIMMER, "serve", "--detach"], this.#root);
  }

  async #run(): Promise<number> {
    const begun = performance.now();
    await execute(this.tool.run, this.#root, this.tool.env);
    return performance.now() - begun;
  }
}

/**
 * Returns the variables with which every tool is measured. `CI` is cleared, because with it simmer
 * starts no server.
 */
export function environmentOf(root: string): Record<string, string> {
  return { CI: "", NO_COLOR: "1", SIMMER_CACHE_DIR: `${root}/cache` };
}

/** Runs a command in a folder. Throws if it fails. */
export async function execute(
  words: readonly string[],
  root: string,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const [command = "", ...args] = words;
  const { code, stderr } = await new Deno.Command(command, {
    args,
    cwd: root,
    env: {
      ...environmentOf(root),
      TURBO_TELEMETRY_DISABLED: "1",
      ...Object.fromEntries(
        Object.entries(more).map(([name, value]) => [name, value.replace("ROOT", root)]),
      ),
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return;
  const text = new TextDecoder().decode(stderr);
  throw new Error(`'${words.join(" ")}' failed with ${code}: ${text.slice(0, 500)}`);
}

/**
 * Measures tools with interleaved runs. A tool that is not installed is skipped with the reason.
 */
export async function measureAll(plan: Plan, tools: readonly Tool[]): Promise<Measured[]> {
  const tasks = tasksOf(plan);
  await using stack = new AsyncDisposableStack();
  const contestants: Contestant[] = [];
  const measured: Measured[] = [];
  for (const tool of tools) {
    const skipped = tool.limit !== undefined && plan.tasks > tool.limit
      ? `more than ${tool.limit} tasks take it minutes`
      : await isThere(tool)
      ? undefined
      : "not installed";
    if (skipped === undefined) {
      contestants.push(stack.use(await Contestant.create(tool, tasks)));
      continue;
    }
    for (const action of plan.actions) {
      measured.push({ tool: tool.name, action, times: [], skipped });
    }
  }
  for (const action of plan.actions) {
    const able = contestants.filter(({ tool }) => tool.isFloor !== true || action === "no-op");
    const times = new Map(able.map((each): [Contestant, number[]] => [each, []]));
    // Cold runs of many tasks take long, and vary less.
    const runs = action === "cold" ? Math.max(2, Math.ceil(plan.runs / 5)) : plan.runs;
    for (let run = 0; run < runs; run++) {
      for (const contestant of able) {
        times.get(contestant)?.push(await contestant.measure(action));
      }
    }
    for (const [{ tool }, each] of times) measured.push({ tool: tool.name, action, times: each });
  }
  return measured;
}

async function isThere({ run: [command = ""], name }: Tool): Promise<boolean> {
  const program = name === "wireit" ? "wireit" : command;
  const words = program.includes("/") ? ["-x", program] : undefined;
  const { success } = await new Deno.Command("sh", {
    args: words === undefined ? ["-c", 'command -v "$0"', program] : ["-c", '[ -x "$0" ]', program],
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}
