/** Ctrl-Z, `fg`, `bg` and `kill` in an interactive shell: tasks are suspended with their client. */

import { assert, assertEquals, assertNotMatch } from "@std/assert";
import { GATED } from "./gated_task.ts";
import { InteractiveShell, KEYS, LATE_MS, shellLine } from "./interactive_shell.ts";
import { IS_SIMMER, PLACES, processesIn, Project, SIMMER, untilGone } from "./support.ts";

/**
 * Counts, and uses the processor all the time. Exits with 7 when the file `over` exists. At SIGTERM
 * creates the file `terminated`.
 */
const COUNT = `import os, signal, sys, time
def leave(*_):
    open("terminated", "w").close()
    os._exit(9)
signal.signal(signal.SIGTERM, leave)
number = 0
while not os.path.exists("over"):
    number += 1
    print("count", number, flush=True)
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        pass
sys.exit(7)
`;

const FILES = {
  "deno.json": {
    tasks: {
      hello: "echo hello",
      count: "python3 count.py",
      pipeline: "python3 count.py | cat",
      nested: `${shellLine(SIMMER)} run -q count`,
      deeper: `true && ${shellLine(SIMMER)} run -q nested`,
      unseen: `${shellLine(SIMMER)} run -q count < /dev/null`,
      inside: `${shellLine(SIMMER)} run -q --no-server count < /dev/null`,
      shell: "bash --norc --noprofile --noediting -i",
      shared: { command: "python3 count.py", files: ["count.py"] },
      gated: { command: "python3 gated.py", files: ["input"] },
    },
  },
  "count.py": COUNT,
  "gated.py": GATED,
  "input": "1",
};

/** Command lines that run tasks with a server and without one. */
const WAYS = {
  server: shellLine([...SIMMER, "run", "-q"]),
  alone: shellLine([...SIMMER, "run", "-q", "--no-server"]),
} as const;

/**
 * Tasks that run `count` in a nested build, with and without the keyboard. A build on a further server
 * is not suspended.
 */
const NESTED = ["nested", "deeper", "unseen", "inside"] as const;

/** Creates a project and starts its server. */
async function served(): Promise<Project> {
  const project = await Project.create(FILES);
  await project.run(["tasks"]);
  return project;
}

/** The processes of a project's tasks, without simmer's own. */
async function taskPids(project: Project): Promise<number[]> {
  const found = await processesIn(project.root);
  return found.filter(({ words }) => !IS_SIMMER.test(words) && !/^bash |terminal\.py/.test(words))
    .map(({ pid }) => pid);
}

/** Fields of `/proc/PID/stat` after the name: state, parent and so on. */
async function statOf(pid: number): Promise<string[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Resolves when all processes are stopped. The kernel does not report this to others. */
async function untilStopped(pids: readonly number[]): Promise<void> {
  assert(pids.length > 0);
  const deadline = performance.now() + LATE_MS;
  for (const pid of pids) {
    while ((await statOf(pid))[0] !== "T") {
      assert(performance.now() < deadline, `process ${pid} is not stopped`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Index of the fields with the processor time in user and kernel mode, see proc(5). */
const [USER_TIME, KERNEL_TIME] = [11, 12];

/** Processor time of processes, in clock ticks. */
async function timeOf(pids: readonly number[]): Promise<number> {
  const stats = await Promise.all(pids.map(statOf));
  return stats.reduce((sum, s) => sum + Number(s[USER_TIME]) + Number(s[KERNEL_TIME]), 0);
}

/** Returns the process id of the job that was suspended last. */
async function jobPid(shell: InteractiveShell): Promise<number> {
  return parseInt(await shell.run("jobs -p %%"));
}

/** Suspends the job in the foreground, and waits until it and its tasks are stopped. */
async function suspend(shell: InteractiveShell, project: Project): Promise<number[]> {
  await shell.type(KEYS.suspend);
  await shell.until("Stopped");
  await shell.prompt();
  const pids = await taskPids(project);
  await untilStopped([...pids, await jobPid(shell)]);
  return pids;
}

/** Suspends the job, and continues it by `fg`. Nothing of it runs in between. Returns its tasks. */
async function suspendAndContinue(shell: InteractiveShell, project: Project): Promise<number[]> {
  const pids = await suspend(shell, project);
  const used = await timeOf(pids);
  assertNotMatch(await shell.run("jobs"), /count \d/);
  assertEquals(await timeOf(pids), used, "a suspended task uses the processor");
  await shell.type("fg\n");
  await shell.until("count ");
  return pids;
}

for (const [way, run] of Object.entries(WAYS).slice(0, PLACES.length)) {
  Deno.test(`Ctrl-Z suspends the tasks with their client, and fg and bg continue both: ${way}`, async () => {
    await using project = await served();
    await using shell = await InteractiveShell.start(project);
    for (const task of ["count", "pipeline"]) {
      await shell.type(`${run} ${task}\n`);
      await shell.until("count 2");
      await suspendAndContinue(shell, project);
      await suspend(shell, project);
      await shell.type("bg\n");
      await shell.until("count ");
      await shell.type("fg\n");
      await shell.until("count ");
      await project.write("over", "");
      await shell.prompt();
      assertEquals(await shell.exitCode(), task === "count" ? 7 : 0);
      await Deno.remove(`${project.root}/over`);
    }
  });

  Deno.test(`a suspended run ends by 'kill', and its tasks end if its client is killed: ${way}`, async () => {
    await using project = await served();
    for (const end of ["kill %%", "kill -KILL %%"]) {
      await using shell = await InteractiveShell.start(project);
      await shell.type(`${run} count\n`);
      await shell.until("count 2");
      const pids = await suspend(shell, project);
      await shell.run(end);
      for (const pid of pids) await untilGone(pid, "a task's process", LATE_MS);
      // If a client without a server is killed, the task's terminal ends, so that it gets SIGHUP.
      if (way === "alone" && end === "kill -KILL %%") continue;
      // The task's handler for SIGTERM has run.
      await Deno.remove(`${project.root}/terminated`);
    }
  });

  Deno.test(`Ctrl-Z is ignored if no shell could continue the run: ${way}`, async () => {
    await using project = await served();
    // The client leads the terminal's session, as in a new terminal window or in 'docker run -it'.
    const words = ["bash", "-c", `exec ${run} count`];
    const client = project.startProgram(words, { terminal: true });
    const seen = await client.stdout.after("count 2", 0);
    await client.type(KEYS.suspend);
    await client.stdout.after("count ", await client.stdout.after("count ", seen));
    await project.write("over", "");
    assertEquals((await client.finished()).code, 7);
  });
}

Deno.test("Ctrl-Z suspends nested builds, and fg continues them", async () => {
  await using project = await served();
  await using shell = await InteractiveShell.start(project);
  for (const task of NESTED) {
    await shell.type(`${WAYS.server} ${task}\n`);
    await shell.until("count 2");
    const pids = await suspendAndContinue(shell, project);
    await suspend(shell, project);
    await shell.run("kill %%");
    for (const pid of pids) await untilGone(pid, "a task's process", LATE_MS);
  }
});

Deno.test("Ctrl-Z suspends only the nested run if it is the job of a shell in the task", async () => {
  await using project = await served();
  await using outer = await InteractiveShell.start(project);
  await outer.type(`${WAYS.server} shell\n`);
  await outer.type("PS1='inner''> '\n");
  await outer.until("inner> ");
  await outer.type(`${WAYS.server} count\n`);
  await outer.until("count 2");
  await outer.type(KEYS.suspend);
  await outer.until("Stopped");
  await outer.until("inner> ");
  await outer.type("fg\n");
  await outer.until("count ");
  await project.write("over", "");
  await outer.until("inner> ");
  await outer.type("exit 5\n");
  await outer.prompt();
  assertEquals(await outer.exitCode(), 5);
});

Deno.test("Ctrl-Z suspends a client that waits for another build, and its task starts only after fg", async () => {
  await using project = await served();
  await using first = await InteractiveShell.start(project);
  await using second = await InteractiveShell.start(project);
  await first.type(`${WAYS.server} gated\n`);
  await first.until("waiting");
  // The second run has other inputs, so it waits for the end of the first one.
  await project.write("input", "2");
  await second.type(`${WAYS.server} gated\n`);
  await untilWaiting(project);
  await second.type(KEYS.suspend);
  await second.until("Stopped");
  await second.prompt();
  const waiting = await jobPid(second);
  await untilStopped([waiting]);
  await project.write("open", "");
  await first.until("passed");
  await first.prompt();
  // The server has handled everything before this run.
  assertEquals((await project.run(["run", "-q", "hello"])).stdout, "hello\n");
  assertEquals(await project.read("begun"), "begun\n");
  await second.type("fg\n");
  await second.until("passed");
  await second.prompt();
  assertEquals(await project.read("begun"), "begun\nbegun\n");
});

Deno.test("an execution is suspended only if all builds that need it are", async () => {
  await using project = await served();
  await using first = await InteractiveShell.start(project);
  await using second = await InteractiveShell.start(project);
  await first.type(`${WAYS.server} shared\n`);
  await first.until("count 2");
  await second.type(`${WAYS.server} shared\n`);
  await second.until("count 2");
  await first.type(KEYS.suspend);
  await first.until("Stopped");
  await first.prompt();
  await untilStopped([await jobPid(first)]);
  // The other build still gets output.
  await second.until("count 4");
  await second.until("count ");
  await second.type(KEYS.suspend);
  await second.until("Stopped");
  await second.prompt();
  const pids = await taskPids(project);
  await untilStopped(pids);
  // A third build joins.
  const third = project.start(["run", "-q", "shared"]);
  await third.stdout.until("count 2");
  for (const pid of pids) while ((await statOf(pid))[0] === "T") await third.stdout.until("count ");
  third.kill("SIGINT");
  assertEquals((await third.finished()).code, 130);
  await untilStopped(pids);
  await first.type("fg\n");
  await first.until("count ");
  await project.write("over", "");
  await first.prompt();
  assertEquals(await first.exitCode(), 7);
  await second.type("fg\n");
  await second.prompt();
  assertEquals(await second.exitCode(), 7);
});

Deno.test("a suspended build lends its job slots to other builds", async () => {
  await using project = await served();
  await using shell = await InteractiveShell.start(project);
  await shell.type(`${WAYS.server} -j1 count\n`);
  await shell.until("count 2");
  await suspend(shell, project);
  const { code, stdout } = await project.run(["run", "-q", "-j1", "hello"]);
  assertEquals([code, stdout], [0, "hello\n"]);
  await shell.type("fg\n");
  await shell.until("count ");
  await project.write("over", "");
  await shell.prompt();
  assertEquals(await shell.exitCode(), 7);
});

/** Resolves when a build of the project's server waits for another one. */
async function untilWaiting(project: Project): Promise<void> {
  let shown = "";
  while (!shown.includes('"state":"waiting"')) {
    shown = (await project.run(["status", "--json"])).stdout;
  }
}
