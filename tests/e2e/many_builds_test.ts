/** Many builds at once on one server. */

import { assert, assertEquals } from "@std/assert";
import { builds, create, ends, letGo } from "./many_builds_project.ts";
import { type Finished, type Project, type Running, untilGone } from "./support.ts";

/** Number of clients in a crowd. */
const CROWD = 20;

const NUMBERS = Array.from({ length: 2000 }, (_, index) => `${index + 1}\n`).join("");

/** Returns how often a task of {@linkcode FILES} has run. */
async function runsOf(project: Project, task: string): Promise<number> {
  return (await project.read("runs.txt")).split("\n").filter((each) => each === task).length;
}

/** Starts clients of a task, and waits until each of them has output. */
async function crowd(project: Project, count: number, task: string): Promise<Running[]> {
  const clients = Array.from(
    { length: count },
    () => project.start(["run", "-q", `-j${CROWD}`, task]),
  );
  await Promise.all(clients.map(({ stdout }) => stdout.until("begun with")));
  return clients;
}

const WHOLE: Finished = {
  code: 0,
  stdout: `slow begun with input\n${NUMBERS}`,
  stderr: "slow ended\n",
};

for (const code of [0, 7]) {
  Deno.test(`${CROWD} clients of one slow task with files share one execution that exits with ${code}`, async () => {
    await using project = await create();
    if (code !== 0) await project.write("code", String(code));
    const clients = await crowd(project, CROWD, "slow");
    await letGo(project, "slow");
    for (const finished of await ends(clients)) {
      const stderr = finished.stderr.replace(/^simmer: slow failed.*\n/m, "");
      assertEquals({ ...finished, stderr }, { ...WHOLE, code });
    }
    assertEquals(await runsOf(project, "slow"), 1);
    assertEquals(await builds(project), []);
  });
}

Deno.test(`${CROWD} clients of one slow task without files run it ${CROWD} times`, async () => {
  await using project = await create();
  const clients = await crowd(project, CROWD, "free");
  await letGo(project, "free");
  for (const { code, stdout } of await ends(clients)) {
    assertEquals([code, stdout], [0, `free begun with input\n${NUMBERS}`]);
  }
  assertEquals(await runsOf(project, "free"), CROWD);
});

Deno.test("Ctrl-C of a client that has joined leaves the execution to the others, and exits with 130", async () => {
  await using project = await create();
  const others = await crowd(project, 2, "slow");
  const joined = project.start(["run", "-q", "slow"], { terminal: true });
  await joined.stdout.until("slow begun");
  await joined.type("\x03");
  assertEquals((await joined.finished()).code, 130);
  await letGo(project, "slow");
  assertEquals(await ends(others), [WHOLE, WHOLE]);
  assertEquals(await runsOf(project, "slow"), 1);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  Deno.test(`the others get the whole output of a task if the client that has started it leaves by ${signal}`, async () => {
    await using project = await create();
    const starter = project.start(["run", "-q", "slow"]);
    await starter.stdout.until("slow begun");
    const others = await crowd(project, 2, "slow");
    starter.kill(signal);
    const { code } = await starter.finished();
    assertEquals(code, { SIGINT: 130, SIGTERM: 143, SIGKILL: 137 }[signal]);
    await letGo(project, "slow");
    assertEquals(await ends(others), [WHOLE, WHOLE]);
    assertEquals(await runsOf(project, "slow"), 1);
  });
}

Deno.test("a task ends when the last of its clients has left", async () => {
  await using project = await create();
  const clients = await crowd(project, 3, "slow");
  for (const client of clients) client.kill("SIGINT");
  assertEquals((await ends(clients)).map(({ code }) => code), [130, 130, 130]);
  assertEquals(await builds(project), []);
  assert(!(await project.processes()).some((words) => words.includes("wait.sh")));
});

Deno.test("a build that comes after an edit waits for the running task, and runs it with the new content", async () => {
  await using project = await create();
  const [first] = await crowd(project, 1, "slow");
  await project.write("in.txt", "edited\n");
  const second = project.start(["run", "-q", "slow"]);
  for (let all = await builds(project); all.length < 2 || all[1]?.waitsFor.length === 0;) {
    all = await builds(project);
  }
  assertEquals(await runsOf(project, "slow"), 1);
  await letGo(project, "slow");
  assertEquals(await first?.finished(), WHOLE);
  const { code, stdout } = await second.finished();
  assertEquals([code, stdout], [0, `slow begun with edited\n${NUMBERS}`]);
  assertEquals(await runsOf(project, "slow"), 2);
});

Deno.test("a build soon goes on although dev servers have all slots", async () => {
  await using project = await create();
  const dev = project.start(["run", "-q", "-j1", "dev"]);
  await dev.stdout.until("dev begun");
  const { code, stdout, stderr } = await project.run(["run", "-q", "-j1", "part"]);
  assertEquals([code, stdout], [0, "input\n"], stderr);
  dev.kill("SIGINT");
  assertEquals((await dev.finished()).code, 130);
});

Deno.test("a detached build shares its task with clients, and goes on after them", async () => {
  await using project = await create();
  const detached = await project.run(["run", "-q", "--detach", "slow"]);
  assertEquals(detached.code, 0, detached.stderr);
  const [leaving, staying] = await crowd(project, 2, "slow");
  assert(leaving !== undefined && staying !== undefined);
  leaving.kill("SIGINT");
  assertEquals((await leaving.finished()).code, 130);
  assertEquals((await project.run(["run", "-q", "part"])).stdout, "input\n");
  await letGo(project, "slow");
  assertEquals(await staying.finished(), WHOLE);
  assertEquals(await runsOf(project, "slow"), 1);
});

Deno.test("simmer stop waits for all builds and for the builds inside their tasks", async () => {
  await using project = await create();
  const pid = await project.serverPid();
  const [slow] = await crowd(project, 1, "slow");
  const [late] = await crowd(project, 1, "late");
  const stop = project.start(["stop"]);
  await stop.stderr.until("\n");
  await letGo(project, "late");
  const ended = await late?.finished();
  assertEquals(ended?.code, 0, ended?.stderr);
  await letGo(project, "slow");
  assertEquals(await slow?.finished(), WHOLE);
  assertEquals((await stop.finished()).code, 0);
  await untilGone(pid, "the stopped server");
});

Deno.test("simmer stop --force ends all builds and their tasks", async () => {
  await using project = await create();
  const pid = await project.serverPid();
  const shared = await crowd(project, 3, "slow");
  const others = [...await crowd(project, 1, "dev"), ...await crowd(project, 2, "free")];
  assertEquals((await project.run(["stop", "--force"])).code, 0);
  for (const { code } of await ends([...shared, ...others])) assert(code !== 0, String(code));
  await untilGone(pid, "the stopped server");
  assertEquals(await project.processes(), []);
});
