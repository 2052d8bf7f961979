/** Many builds at once on one server, and builds inside tasks. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pathExists } from "../../system/files/path_exists.ts";
import { type Finished, PLACES, Project, type Running, SIMMER, untilGone } from "./support.ts";

const RUN = `${SIMMER.join(" ")} run`;

/** Number of clients in a crowd. */
const CROWD = 20;

/**
 * Notes that it has begun, prints its input, and waits until the test lets it go. Exits with the code
 * in `code`, if there is one.
 */
const WAIT = `echo "$1" >> runs.txt
echo "$1 begun with $(cat in.txt)"
until [ -e "go-$1" ]; do sleep 0.02; done
seq 1 2000
echo "$1 ended" >&2
exit "$(cat code 2>/dev/null || echo 0)"
`;

/** Waits until the named task has begun, and then runs it. */
const MEET = `echo "$1" >> runs.txt
until grep -qx "$2" runs.txt; do sleep 0.02; done
${RUN} -q "$2"
`;

const CHILD = `const [program, ...args] = ${JSON.stringify([...SIMMER, "run", "-q", "part"])};
const { code } = await new Deno.Command(program, { args }).spawn().status;
Deno.exit(code);
`;

const FILES = {
  "deno.json": {
    tasks: {
      dev: "sh wait.sh dev",
      slow: { command: "sh wait.sh slow", files: ["in.txt"] },
      free: "sh wait.sh free",
      part: { command: "cat in.txt", files: ["in.txt"] },
      test: { command: "sh -c 'echo tested'", dependencies: ["part"] },
      watched: { command: "cat watched.txt", files: ["watched.txt"] },
      "by-sh": `sh -c '${RUN} -q part && echo after'`,
      "by-npm": "npm run --silent inner",
      "by-deno": `${Deno.execPath()} run -A child.ts`,
      twice: `sh -c '${RUN} -q by-sh && ${RUN} -q part'`,
      "self-files": { command: `sh -c '${RUN} -q self-files'`, files: ["in.txt"] },
      self: `sh -c '${RUN} -q self'`,
      one: { command: "sh meet.sh one other", files: ["in.txt"] },
      other: { command: "sh meet.sh other one", files: ["in.txt"] },
      late: `sh -c 'sh wait.sh late && ${RUN} -q part'`,
    },
  },
  "package.json": { scripts: { inner: `${RUN} -q part` } },
  "wait.sh": WAIT,
  "meet.sh": MEET,
  "child.ts": CHILD,
  "in.txt": "input\n",
  "watched.txt": "first\n",
};

const NUMBERS = Array.from({ length: 2000 }, (_, index) => `${index + 1}\n`).join("");

/** Options that run tasks on a server, one at a time on it, and without a server. */
const WAYS = PLACES.flatMap((place) => [place, [...place, "-j1"]]);

/** Creates the project and starts its server, so that clients send their command lines to it. */
async function create(): Promise<Project> {
  const project = await Project.create(FILES);
  assertEquals((await project.run(["run", "-q", "--eval", "echo begun"])).code, 0);
  return project;
}

function hasNpm(): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => pathExists(`${folder}/npm`));
}

/** Returns how often a task of {@linkcode WAIT} has run. */
async function runsOf(project: Project, task: string): Promise<number> {
  return (await project.read("runs.txt")).split("\n").filter((each) => each === task).length;
}

async function letGo(project: Project, task: string): Promise<void> {
  await project.write(`go-${task}`, "");
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

async function ends(clients: readonly Running[]): Promise<Finished[]> {
  return await Promise.all(clients.map((client) => client.finished()));
}

/** The state of the server's builds. */
async function builds(project: Project): Promise<{ state: string; waitsFor: string[] }[]> {
  return JSON.parse((await project.run(["status", "--json"])).stdout).builds;
}

const WHOLE: Finished = {
  code: 0,
  stdout: `slow begun with input\n${NUMBERS}`,
  stderr: "slow ended\n",
};

Deno.test("a dev server, a test run, a watch and a nested run go on at once", async () => {
  await using project = await create();
  const dev = project.start(["run", "-q", "-j4", "dev"], { terminal: true });
  await dev.stdout.until("dev begun");
  const watch = project.start(["watch", "watched"]);
  await watch.stdout.until("first\n");
  const [test, nested] = await Promise.all([
    project.run(["run", "-q", "test"]),
    project.run(["run", "-q", "by-sh"]),
  ]);
  assertEquals([test.code, test.stdout.endsWith("tested\n")], [0, true], test.stderr);
  assertEquals([nested.code, nested.stdout.endsWith("after\n")], [0, true], nested.stderr);
  await project.write("watched.txt", "second\n");
  await watch.stdout.until("second\n");
  assertEquals((await builds(project)).length, 1);
  watch.kill("SIGINT");
  assertEquals((await watch.finished()).code, 130);
  await dev.type("\x03");
  assertEquals((await dev.finished()).code, 130);
});

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

Deno.test("a run inside a task ends with its own result, with one job and without a server, too", async () => {
  await using project = await create();
  const tasks = ["by-sh", "by-deno", "twice", ...(hasNpm() ? ["by-npm"] : [])];
  for (const task of tasks) {
    for (const way of WAYS) {
      await project.write("in.txt", `${task} ${way.join(" ")}\n`);
      const { code, stdout, stderr } = await project.run(["run", "-q", ...way, task]);
      assertEquals(code, 0, `${task} ${way}: ${stderr}`);
      assertStringIncludes(stdout, `${task} ${way.join(" ")}\n`, `${task} ${way}: ${stderr}`);
    }
  }
});

Deno.test("a run inside a task goes on although a dev server has the only slot", async () => {
  await using project = await create();
  const late = project.start(["run", "-q", "-j1", "late"]);
  await late.stdout.until("late begun");
  const dev = project.start(["run", "-q", "-j1", "dev"]);
  while ((await builds(project)).length < 2);
  await letGo(project, "late");
  // While the late task waits for its own build, the dev server gets its slot.
  const { code, stdout, stderr } = await late.finished();
  assertEquals([code, stdout.endsWith("input\n")], [0, true], stderr);
  await dev.stdout.until("dev begun");
  dev.kill("SIGINT");
  assertEquals((await dev.finished()).code, 130);
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

Deno.test("tasks that run themselves or each other fail with the cycle, exit code 5", async () => {
  await using project = await create();
  for (const way of [[], ["-j1"]]) {
    const byFiles = await project.run(["run", ...way, "self-files"]);
    assertEquals(byFiles.code, 5, byFiles.stderr);
    assertStringIncludes(byFiles.stderr, "self-files → self-files");
    const endless = await project.run(["run", ...way, "self"]);
    assertEquals(endless.code, 5, endless.stderr);
    assertStringIncludes(endless.stderr, "self → self");
  }
  const both = ["one", "other"].map((task) => project.start(["run", "-j4", task]));
  const finished = await ends(both);
  assertEquals(finished.map(({ code }) => code), [5, 5], JSON.stringify(finished));
  const said = finished.map(({ stderr }) => stderr).join("");
  assert(/one → other → one|other → one → other/.test(said), said);
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

Deno.test("a nested run is served by a server for one client at a time, too", async () => {
  await using project = await Project.create(FILES);
  const server = project.start(["serve", "--single"]);
  await server.stderr.until("Socket: ");
  for (const task of ["by-sh", "twice"]) {
    const { code, stdout, stderr } = await project.run(["run", "-q", task]);
    assertEquals([code, stdout.includes("after\n")], [0, true], stderr);
  }
  await project.run(["stop"]);
  await server.finished();
});
