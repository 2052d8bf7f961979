/**
 * The tools that are compared: how each is told of a project, run, and made to forget.
 *
 * @module
 */

import { type BenchTask, INPUTS } from "./project.ts";

/** A tool. */
export interface Tool {
  readonly name: string;
  /** Whether it does nothing but what every client on Deno does: it is measured with no-ops only. */
  readonly isFloor?: boolean;
  /** Tasks in a project that it is not measured with any more, as that would take minutes. */
  readonly limit?: number;
  /** Writes its config into a project. */
  configure(root: string, tasks: readonly BenchTask[]): Promise<void>;
  /** The words that run the first task. */
  readonly run: readonly string[];
  /** What it has to forget for a cold run, below the root; outputs are removed for every tool. */
  readonly memory: readonly string[];
  /** Variables that it is given beside the usual ones; `ROOT` stands for the project's folder. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends what it has left running. */
  readonly stop?: readonly string[];
}

const MAIN = new URL("../main.ts", import.meta.url).pathname;

const FLOOR = new URL("./floor.ts", import.meta.url).pathname;

/** The words that run simmer itself. */
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

/** A workspace of npm packages, one a task, as these tools want it. */
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

/** Where things are that tools need. */
export interface ToolPlaces {
  /** The socket of the floor's server. */
  readonly floor: string;
  /** The quick client; absent: there is none, for want of Perl. */
  readonly quick?: string;
}

/** Installs the quick client in a folder. @returns its path; `undefined` if there is no Perl */
export async function installQuickClient(folder: string): Promise<string | undefined> {
  const [command = "", ...args] = [...SIMMER, "install", "--dir", folder];
  const { stdout } = await new Deno.Command(command, { args }).output();
  const isQuick = new TextDecoder().decode(stdout).includes("the quick client");
  return isQuick ? `${folder}/simmer` : undefined;
}

/** All tools; those that are not installed are left out by whoever runs them. */
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
