import { assert, assertEquals } from "@std/assert";
import { groupAlive, isProcessAlive } from "../../system/process/processes.ts";
import { Project, untilGone } from "../e2e/support.ts";

const SCRIPT = await Deno.readTextFile(new URL("./escape.py", import.meta.url));

/** `escape.py` starts three orphans: in a new session, in a new group, and in the task's group. */
const TASKS = {
  tasks: {
    long: "python3 escape.py wait",
    stubborn: "python3 escape.py wait stubborn",
    brief: "python3 escape.py",
    hello: "echo hello",
  },
};

function create(): Promise<Project> {
  return Project.create({ "deno.json": TASKS, "escape.py": SCRIPT });
}

/** Returns the orphans' process ids: in a new session, in a new group, and in the task's group. */
async function children(project: Project): Promise<[number, number, number]> {
  const pids = (await project.read("pids")).trim().split("\n").map(Number);
  const [first = 0, second = 0, third = 0] = pids;
  assert(pids.length === 3 && pids.every((pid) => pid > 1), `${pids}`);
  return [first, second, third];
}

const ignore = Deno.build.os !== "linux";

Deno.test({
  name:
    "Linux: the processes of a cancelled task end, even if they have left its group and its session",
  ignore,
  fn: async () => {
    await using project = await create();
    const run = project.start(["run", "long"]);
    await run.stdout.until("started");
    const pids = await children(project);
    assertEquals(pids.map(isProcessAlive), [true, true, true]);
    run.kill("SIGINT");
    assertEquals((await run.finished()).code, 130);
    assertEquals(pids.map(isProcessAlive), [false, false, false]);
  },
});

Deno.test({
  name: "Linux: stop --force ends processes that have left their task's group and ignore SIGTERM",
  ignore,
  fn: async () => {
    await using project = await create();
    const run = project.start(["run", "stubborn"]);
    await run.stdout.until("started");
    const pids = await children(project);
    assertEquals((await project.run(["stop", "--force"])).code, 0);
    await run.finished();
    assertEquals(pids.map(isProcessAlive), [false, false, false]);
  },
});

for (const task of ["long", "stubborn"]) {
  Deno.test({
    name:
      `Linux: the warden of a killed server ends processes that have left their task's group: ${task}`,
    ignore,
    fn: async () => {
      await using project = await create();
      const run = project.start(["run", task]);
      await run.stdout.until("started");
      const pids = await children(project);
      Deno.kill(await project.serverPid(), "SIGKILL");
      await run.finished();
      for (const pid of pids) await untilGone(pid, "a task's process");
      const next = await project.run(["run", "hello"]);
      assertEquals([next.code, next.stdout], [0, "hello\n"], next.stderr);
    },
  });
}

Deno.test({
  name: "Linux: daemons of a completed task survive cancelled tasks and a kill of the server",
  ignore,
  fn: async () => {
    await using project = await create();
    const first = await project.run(["run", "brief"]);
    assertEquals(first.code, 0, first.stderr);
    const pids = await children(project);
    const [session, group, child] = pids;
    try {
      assertEquals(pids.map(isProcessAlive), [true, true, false]);
      await Deno.remove(`${project.root}/pids`);
      const run = project.start(["run", "long"]);
      await run.stdout.until("started");
      run.kill("SIGINT");
      await run.finished();
      const again = project.start(["run", "long"]);
      await again.stdout.until("started");
      const warden = await wardenOf(await project.serverPid());
      Deno.kill(await project.serverPid(), "SIGKILL");
      await again.finished();
      await untilGone(warden, "the warden");
      assertEquals(pids.map(isProcessAlive), [true, true, false]);
    } finally {
      for (const pid of [session, group]) if (isProcessAlive(pid)) Deno.kill(pid, "SIGKILL");
    }
    assert(!groupAlive(child));
  },
});

/** Returns the warden's process id: the child that has the server's process id as argument. */
async function wardenOf(server: number): Promise<number> {
  const found = (await Deno.readTextFile(`/proc/${server}/task/${server}/children`))
    .trim().split(" ").map(Number);
  for (const pid of found) {
    const words = (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0");
    if (words.includes(String(server))) return pid;
  }
  throw new Error(`server ${server} has no warden`);
}

Deno.test({
  name: "Linux: a server that another server's task has started survives the cancelled task",
  ignore,
  fn: async () => {
    await using inner = await Project.create({ "deno.json": TASKS });
    const words = [
      Deno.execPath(),
      "run",
      "-A",
      new URL("../../main.ts", import.meta.url).pathname,
    ];
    await using project = await Project.create({
      "deno.json": {
        tasks: { outer: `cd ${inner.root} && ${words.join(" ")} run hello && sleep 600` },
      },
    });
    const env = { SIMMER_CACHE_DIR: `${inner.root}/.simmer/cache` };
    const run = project.start(["run", "outer"], { env });
    await run.stdout.until("hello");
    const server = await inner.serverPid();
    run.kill("SIGINT");
    assertEquals((await run.finished()).code, 130);
    assertEquals((await inner.run(["status"])).code, 0);
    assertEquals(await inner.serverPid(), server);
  },
});
