import { assert, assertEquals } from "@std/assert";
import { IS_SIMMER, processesIn, Project, type Running } from "../e2e/support.ts";
import { effort, Random, seed } from "./random.ts";

const KILLS = effort(12);

/** Milliseconds of a run within which somebody is killed. */
const MOMENTS = 250;

/** Milliseconds that what a killed run has left has at the most: the grace time, and some more. */
const GONE_MS = 10_000;

const CONFIG = {
  tasks: {
    part: { command: "sh part.sh", files: ["in.txt", "part.sh"], output: ["part.txt"] },
    whole: {
      command: "cat part.txt part.txt > whole.txt",
      dependencies: ["part"],
      files: ["part.txt"],
      output: ["whole.txt"],
    },
  },
};

/** Has a grandchild that ignores SIGTERM, and writes its output in two pieces. */
const PART = `(trap '' TERM; sleep 0.05) &
head -c 3 in.txt > part.txt
sleep 0.03
tail -c +4 in.txt >> part.txt
wait
`;

/** The processes of tasks that run in a project's folder. */
async function tasksOf(project: Project): Promise<{ readonly pid: number }[]> {
  return (await processesIn(project.root)).filter(({ words }) => !IS_SIMMER.test(`${words} `));
}

/** Kills the server, the client, or a process of a task, where there is one. */
async function killSomebody(project: Project, client: Running, random: Random): Promise<string> {
  const victim = random.pick(["server", "client", "task"]);
  try {
    if (victim === "client") client.kill("SIGKILL");
    if (victim === "server") Deno.kill(await project.serverPid(), "SIGKILL");
    const [task] = victim === "task" ? await tasksOf(project) : [];
    if (task !== undefined) Deno.kill(task.pid, "SIGKILL");
  } catch (error) {
    // Gone by itself, or not there yet.
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
  return victim;
}

/** Resolves when no task is left; nothing tells when a process of somebody else has ended. */
async function untilNoTask(project: Project): Promise<void> {
  const deadline = performance.now() + GONE_MS;
  while ((await tasksOf(project)).length > 0) {
    const left = (await project.processes()).join("\n");
    assert(performance.now() < deadline, `these outlived their run:\n${left}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("whoever is killed at whatever moment, the next run is right and nothing is left running", async () => {
  const random = new Random(seed());
  await using project = await Project.create({
    "deno.json": CONFIG,
    "part.sh": PART,
    "in.txt": "",
  });
  for (let kill = 0; kill < KILLS; kill++) {
    const content = `${kill % 7} are written in pieces\n`;
    await project.write("in.txt", content);
    const client = project.start(["run", "whole"]);
    const moment = random.below(MOMENTS);
    await new Promise((resolve) => setTimeout(resolve, moment));
    const victim = await killSomebody(project, client, random);
    await client.finished();
    const where = `after kill ${kill} (${victim}, ${moment} ms), seed ${seed()}`;
    const { code, stderr } = await project.run(["run", "whole"]);
    assertEquals(code, 0, `${where}: ${stderr}`);
    const whole = await project.read("whole.txt").catch((error: Error) => error.message);
    assertEquals(whole, content + content, `${where}: ${stderr}`);
    await untilNoTask(project);
  }
});
