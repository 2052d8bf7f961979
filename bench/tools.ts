/**
 * The tools that the benchmark compares: the config that each needs, the command that runs it, and
 * the files in which it stores results.
 *
 * @module
 */

import { type BenchTask, INPUTS } from "./project.ts";

/** A tool of the benchmark. */
export interface Tool {
  readonly name: string;
  /** True for the minimum of a client on Deno. It is measured with no-op runs only. */
  readonly isFloor?: boolean;
  /** Limit of tasks in a project. Larger projects would take the tool minutes. */
  readonly limit?: number;
  /** Writes the tool's config into a project. */
  configure(root: string, tasks: readonly BenchTask[]): Promise<void>;
  /** Command that runs the first task. */
  readonly run: readonly string[];
  /**
   * Paths of stored results, below the root. They are deleted before a cold run, like the outputs
   * of every tool.
   */
  readonly memory: readonly string[];
  /** Additional environment variables. `ROOT` is replaced by the project's folder. */
  readonly env?: Readonly<Record<string, string>>;
  /** Command that ends the tool's server. */
  readonly stop?: readonly string[];
}

const MAIN = new URL("../main.ts", import.meta.url).pathname;

const FLOOR = new URL("./floor.ts", import.meta.url).pathname;

/** Command that runs simmer. */
export const SIMMER: readonly string[] = [Deno.execPath(), "run", "-A", MAIN];

/** Writes a `deno.json` with a project's tasks. */
export const denoConfig = async (root: string, tasks: readonly BenchTask[]): Promise<void> => {
  const rows = tasks.map(({ name, folder, command, dependencies }) => [name, {
    command,
    files: [`${folder}/src/*.txt`],
    output: [`${folder}/out.txt`],
    dependencies: dependencies.map((index) => `t${index}`),
  }]);
  await Deno.writeTextFile(
    `${root}/deno.json`,
    JSON.stringify({ tasks: Object.fromEntries(rows) }),
  );
};

const inputsOf = (folder: string): string =>
  Array.from({ length: INPUTS }, (_, file) => `${folder}/src/${file}.txt`).join(" ");

const outputsOf = (tasks: readonly BenchTask[], task: BenchTask): string =>
  task.dependencies.map((index) => `${tasks[index]?.folder}/out.txt`).join(" ");

const makefile = async (root: string, tasks: readonly BenchTask[]): Promise<void> => {
  const rules = tasks.map((task) =>
    `${task.folder}/out.txt: ${inputsOf(task.folder)} | ${outputsOf(tasks, task)}\n` +
    `\t@${task.command}\n`
  );
  await Deno.writeTextFile(`${root}/Makefile`, rules.join("\n"));
};

const ninja = async (root: string, tasks: readonly BenchTask[]): Promise<void> => {
  const rules = tasks.map((task) =>
    `build ${task.folder}/out.txt: run ${inputsOf(task.folder)} || ${outputsOf(tasks, task)}\n` +
    `  command = ${task.command}\n`
  );
  await Deno.writeTextFile(
    `${root}/build.ninja`,
    `rule run\n  command = $command\n  description = $out\n\n${rules.join("\n")}`,
  );
};

/** Writes a workspace of npm packages, one for each task, as these tools require. */
const workspace = async (
  root: string,
  tasks: readonly BenchTask[],
  more: (task: BenchTask) => Readonly<Record<string, unknown>>,
): Promise<void> => {
  await Deno.writeTextFile(
    `${root}/package.json`,
    JSON.stringify({
      name: "root",
      private: true,
      packageManager: "npm@10.0.0",
      workspaces: ["p*"],
    }),
  );
  await Deno.writeTextFile(
    `${root}/package-lock.json`,
    JSON.stringify({ name: "root", lockfileVersion: 3, packages: {} }),
  );
  for (const task of tasks) {
    const inside = task.command.replaceAll(`${task.folder}/`, "");
    await Deno.writeTextFile(
      `${root}/${task.folder}/package.json`,
      JSON.stringify({
        name: task.folder,
        version: "1.0.0",
        scripts: { build: inside },
        dependencies: Object.fromEntries(task.dependencies.map((index) => [`p${index}`, "*"])),
        ...more(task),
      }),
    );
  }
};

const turbo = async (root: string, tasks: readonly BenchTask[]): Promise<void> => {
  await workspace(root, tasks, () => ({}));
  await Deno.writeTextFile(
    `${root}/turbo.json`,
    JSON.stringify({
      tasks: { build: { dependsOn: ["^build"], inputs: ["src/**"], outputs: ["out.txt"] } },
    }),
  );
};

const wireit = async (root: string, tasks: readonly BenchTask[]): Promise<void> => {
  await workspace(root, tasks, (task) => ({
    scripts: { build: "wireit" },
    wireit: {
      build: {
        command: task.command.replaceAll(`${task.folder}/`, ""),
        files: ["src/*.txt"],
        output: ["out.txt"],
        dependencies: task.dependencies.map((index) => `../p${index}:build`),
      },
    },
  }));
};

/** Paths that tools need. */
export interface ToolPlaces {
  /** Socket of the server for the floor client. */
  readonly floor: string;
  /** Quick client; absent: it could not be installed without Perl. */
  readonly quick?: string;
}

/**
 * Installs the quick client in a folder.
 *
 * @returns its path; `undefined` if there is no Perl
 */
export async function installQuickClient(folder: string): Promise<string | undefined> {
  const [command = "", ...args] = [...SIMMER, "install", "--dir", folder];
  const { stdout } = await new Deno.Command(command, { args }).output();
  const isQuick = new TextDecoder().decode(stdout).includes("the quick client");
  return isQuick ? `${folder}/simmer` : undefined;
}

/** Returns all tools, whether installed or not. `measureAll` skips missing ones. */
export function allTools({ floor, quick }: ToolPlaces): Tool[] {
  const stop = [...SIMMER, "stop", "--force"];
  const memory = [".simmer/results.jsonl", ".simmer/durations.json", "cache"];
  return [
    { name: "simmer", configure: denoConfig, run: [...SIMMER, "run", "t0"], memory, stop },
    ...(quick === undefined
      ? []
      : [{ name: "quick client", configure: denoConfig, run: [quick, "run", "t0"], memory, stop }]),
    {
      name: "floor",
      isFloor: true,
      configure: () => Promise.resolve(),
      run: [Deno.execPath(), "run", "-A", FLOOR, floor],
      memory: [],
    },
    {
      name: "deno task",
      configure: denoConfig,
      run: [Deno.execPath(), "task", "t0"],
      env: { DENO_DIR: "ROOT/deno-dir" },
      memory: ["", "-shm", "-wal"].map((end) => `deno-dir/task_cache_v1${end}`),
    },
    { name: "make", configure: makefile, run: ["make", "-rs", "-j2", "p0/out.txt"], memory: [] },
    {
      name: "ninja",
      configure: ninja,
      run: ["ninja", "--quiet", "-j2", "p0/out.txt"],
      memory: [".ninja_log", ".ninja_deps"],
    },
    {
      name: "turbo",
      limit: 100,
      configure: turbo,
      run: ["turbo", "run", "build", "--concurrency=2", "--filter=p0..."],
      memory: ["node_modules/.cache/turbo", ".turbo"],
    },
    {
      name: "wireit",
      limit: 100,
      configure: wireit,
      run: ["npm", "run", "build", "--workspace", "p0"],
      memory: ["*/.wireit"],
    },
  ];
}
