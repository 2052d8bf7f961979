/**
 * Plans runs in a large workspace (`deno task bench:workspace [PACKAGES]`), and prints the times and
 * the memory of the process. The cooker runs in this process, without a server, so that the figures
 * are those of planning alone.
 *
 * @module
 */

import { TaskCooker } from "../cooker/task_cooker.ts";
import { statePaths } from "../project/state.ts";
import { systemClock } from "../system/clock.ts";
import { median } from "./statistics.ts";

/** Number of timed plans of each kind. */
const RUNS = 9;

/** Packages that a package imports, as differences of their numbers. */
const IMPORTS = [1, 7, 31] as const;

async function main(packages: number): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "simmer_bench_" }));
  try {
    await writeWorkspace(root, packages);
    const cooker = new TaskCooker({
      root,
      state: statePaths(root),
      clock: systemClock,
      log: { log: () => {}, flush: () => Promise.resolve() },
    });
    const plan = async (tasks: readonly string[], args: readonly string[]): Promise<number> => {
      const startedAt = performance.now();
      await cooker.runCommand({
        name: "planTasks",
        client: CLIENT,
        params: { ...PARAMS, cwd: root, tasks, args, recursive: tasks.length === 1 },
        emit: (event) => ({ event: { ...event, seq: 0, time: 0 } }),
      });
      return performance.now() - startedAt;
    };
    for (const [what, tasks] of Object.entries(RUNS_OF)) {
      const first = await plan(tasks, []);
      const hot: number[] = [];
      // Other arguments, so that no plan is kept.
      for (let run = 0; run < RUNS; run++) hot.push(await plan(tasks, [String(run)]));
      print(`${what}: first ${first.toFixed(0)} ms, hot ${median(hot).toFixed(1)} ms`);
    }
    const { rss } = Deno.memoryUsage();
    print(`${packages} packages: ${Math.round(rss / 1024 ** 2)} MiB resident`);
    cooker.notifier.stop();
    cooker.configNotifier.stop();
    await cooker.postServe();
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const RUNS_OF: Readonly<Record<string, readonly string[]>> = {
  "one task of all packages": ["lint"],
  "one task of one package": ["@bench/p1#lint", "@bench/p2#lint"],
  "a cached task of all packages": ["test"],
};

const CLIENT = { pid: Deno.pid, command: "bench" };

const PARAMS = {
  env: { PATH: Deno.env.get("PATH") ?? "" },
  members: false,
  eval: false,
  ifPresent: false,
  force: false,
  denoFlags: [],
  keepGoing: false,
  detach: false,
  noPrefix: false,
  replayLogs: "none",
  watched: false,
  client: CLIENT,
} as const;

async function writeWorkspace(root: string, packages: number): Promise<void> {
  const write = async (path: string, content: unknown): Promise<void> => {
    await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, JSON.stringify(content));
  };
  await write("package.json", { name: "bench", workspaces: ["packages/*"] });
  for (let index = 0; index < packages; index++) {
    const imports = IMPORTS.map((each) => index - each).filter((each) => each >= 0);
    await write(`packages/p${index}/package.json`, {
      name: `@bench/p${index}`,
      version: "1.0.0",
      scripts: { build: "cat src/x.json", test: "cat src/x.json", lint: "echo lint" },
      dependencies: Object.fromEntries(imports.map((each) => [`@bench/p${each}`, "workspace:*"])),
      simmer: {
        tasks: {
          build: { files: ["src"], dependencies: ["^build"] },
          test: { files: ["src"], dependencies: ["build"] },
        },
      },
    });
    await write(`packages/p${index}/src/x.json`, index);
  }
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) await main(Number(Deno.args[0] ?? 1000));
