/**
 * Measuring: tools side by side, in turn, each checked to have really run what it had to.
 *
 * @module
 */

import { type BenchTask, outputStamps, type ProjectSpec, tasksOf, writeInputs } from "./project.ts";
import { SIMMER, type Tool } from "./tools.ts";

/** What is done before a run is timed. */
export type Action = "no-op" | "change" | "cold";

/** What is measured. */
export interface Plan extends ProjectSpec {
  readonly actions: readonly Action[];
  readonly runs: number;
}

/** What was measured of one tool, in milliseconds. */
export interface Measured {
  readonly tool: string;
  readonly action: Action;
  readonly times: readonly number[];
  /** Why there are none. */
  readonly skipped?: string;
}

/** A tool's copy of a project. */
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
    // Twice: what was made by the first run is looked at by the second.
    for (let count = 0; count < 2; count++) await contestant.#run();
    return contestant;
  }

  /** Milliseconds of one run. */
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
    // What a tool does after a run is its own affair, and no other one's.
    if (action !== "no-op") await this.#run();
    return ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.tool.stop !== undefined) await execute(this.tool.stop, this.#root);
    await Deno.remove(this.#root, { recursive: true });
  }

  /** A server that knows nothing yet is there for simmer, as BitBake's and Nx's would be. */
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

/** Runs words in a folder, and throws where that fails. */
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
      CI: "",
      NO_COLOR: "1",
      SIMMER_CACHE_DIR: `${root}/cache`,
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

/** Measures tools, interleaved; those that are not there are skipped with the reason. */
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
