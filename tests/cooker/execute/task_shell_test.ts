/** Tasks on a machine without `deno`, whose shell is then this program itself. */

import { assertEquals, assertMatch } from "@std/assert";
import { ShellExecutor } from "../../../cooker/execute/shell_executor.ts";
import { systemClock } from "../../../system/clock.ts";
import { GroupSpawner } from "../../../system/process/group_spawner.ts";
import { ProcessTags } from "../../../system/process/process_tag.ts";
import { processesIn } from "../../e2e/support.ts";
import { DirectCooker, type DirectRun } from "../direct_cooker.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;

/** An environment whose PATH has no `deno`. The runtime finds its modules in the user's folder. */
const ENV = { PATH: "/usr/bin:/bin", HOME: Deno.env.get("HOME") ?? "/", NO_COLOR: "1" };

const TASKS = {
  words: `echo a "b c" 'd'`,
  logic: "true && false || echo or",
  pipe: "echo b | cat",
  substitution: "echo $(echo in) {x,y}",
  variable: "A=1 sh -c 'echo $A' && export B=2 && sh -c 'echo $B $INIT_CWD'",
  code: "sh -c 'exit 5'",
  missing: "no-such-program",
  signalled: "sh -c 'kill -TERM $$'",
  killedBeforeNext: "sh -c 'kill -KILL $$' && echo never",
  subshell: "(cd sub && pwd)",
  failing: "echo one && false && echo two",
  syntax: "if true; then echo x; fi",
  long: `echo ${"w".repeat(200_000)} > long.txt && sh -c 'wc -c < long.txt'`,
  redirect: "echo x > made.txt && cat made.txt && rm made.txt",
} as const;

/** A project whose cooker is that of a compiled binary. */
class Compiled implements AsyncDisposable {
  readonly root: string;
  readonly cooker: DirectCooker;
  readonly #resources: AsyncDisposableStack;

  private constructor(root: string, cooker: DirectCooker, resources: AsyncDisposableStack) {
    this.root = root;
    this.cooker = cooker;
    this.#resources = resources;
  }

  static async create(tasks: Readonly<Record<string, unknown>>): Promise<Compiled> {
    const root = await Deno.realPath(await Deno.makeTempDir());
    await Deno.writeTextFile(`${root}/deno.json`, JSON.stringify({ tasks }));
    await Deno.writeTextFile(`${root}/package.json`, "{}");
    await Deno.mkdir(`${root}/sub`);
    await Deno.mkdir(`${root}/node_modules/.bin`, { recursive: true });
    await Deno.writeTextFile(`${root}/node_modules/.bin/tool`, '#!/bin/sh\necho tool "$@"\n', {
      mode: 0o755,
    });
    // A compiled binary runs itself again. This one does the same through the runtime's full path.
    const binary = `${root}/binary`;
    const program = `#!/bin/sh\nexec '${Deno.execPath()}' run -A '${MAIN}' "$@"\n`;
    await Deno.writeTextFile(binary, program, { mode: 0o755 });
    const resources = new AsyncDisposableStack();
    const spawner = resources.use(new GroupSpawner());
    const tags = new ProcessTags();
    resources.defer(() => tags.close());
    const host = { standalone: true, execPath: binary, mainModule: "file:///main.ts" };
    const executor = new ShellExecutor({ clock: systemClock, host, spawner, tags });
    return new Compiled(root, new DirectCooker(root, { executor }), resources);
  }

  async run(task: string, args: readonly string[] = []): Promise<DirectRun> {
    return await this.cooker.run([task], { args: [...args], env: ENV });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cooker[Symbol.asyncDispose]();
    await this.#resources.disposeAsync();
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Returns the exit code and stdout of `deno task`, with the syntax error's code for both shells. */
async function byDeno(root: string, task: string, args: readonly string[]): Promise<unknown> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", task, ...args],
    cwd: root,
    clearEnv: true,
    env: ENV,
    stdin: "null",
    stderr: "null",
  }).output();
  return [code, new TextDecoder().decode(stdout)];
}

Deno.test("without deno on the PATH, tasks have the outcome that they have under deno task", async () => {
  await using compiled = await Compiled.create(TASKS);
  const names = Object.keys(TASKS);
  const compare = async (): Promise<void> => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const args = name === "words" ? ["it's", "$HOME", ""] : [];
      // One after the other, because a task may make and remove files.
      const theirs = await byDeno(compiled.root, name, args);
      const { exitCode, stdout } = await compiled.run(name, args);
      assertEquals([exitCode, stdout], theirs, name);
    }
  };
  await Promise.all([compare(), compare()]);
});

Deno.test("without deno on the PATH, programs of npm packages are found", async () => {
  await using compiled = await Compiled.create({ bin: "tool x" });
  assertEquals((await compiled.run("bin", ["y z"])).stdout, "tool x y z\n");
});

Deno.test("without deno on the PATH, Deno's own options are refused with the reason", async () => {
  await using compiled = await Compiled.create({ a: "echo a" });
  const { exitCode, events } = await compiled.cooker.run(["a"], {
    denoFlags: ["--frozen"],
    env: ENV,
  });
  const reasons = events.flatMap((event) => event.type === "TaskFailed" ? event.reason : []);
  assertEquals([exitCode, reasons], [
    127,
    ["Cannot start a: --frozen needs deno, which is not on the PATH"],
  ]);
});

Deno.test("without deno on the PATH, a cancelled task leaves no process", async () => {
  await using compiled = await Compiled.create({
    wait: "sh -c 'echo up; exec sleep 600' && echo never",
  });
  const run = await compiled.cooker.run(["wait"], { env: ENV }, "TaskOutput");
  assertMatch(run.stdout, /^up\n$/);
  assertEquals(await processesIn(compiled.root), []);
});

Deno.test("the program that its runtime's full path starts runs tasks without deno on the PATH", async () => {
  await using compiled = await Compiled.create({ a: "echo a | cat" });
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, "run", "-q", "--no-server", "a"],
    cwd: compiled.root,
    clearEnv: true,
    env: { ...ENV, SIMMER_CACHE_DIR: `${compiled.root}/cache` },
    stderr: "null",
  }).output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "a\n"]);
});
