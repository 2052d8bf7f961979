import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { pathExists } from "../../system/files/path_exists.ts";
import { GATED } from "./gated_task.ts";
import { InteractiveShell, KEYS, shellLine } from "./interactive_shell.ts";
import { IS_SIMMER, nextKeyPress, PLACES, Project, SIMMER } from "./support.ts";

const CTRL_C = "\x03";

const TASKS = {
  tasks: {
    hello: "echo hello",
    long: "echo started && sleep 600",
    // By its path: the shell of `deno task` now and then returns SIGINT's code instead of its child's.
    polite: "/usr/bin/env python3 polite.py",
    stubborn: `python3 stubborn.py`,
    slow: "python3 stages.py 6",
    stages: "python3 stages.py 600",
    gated: { command: "python3 gated.py", files: ["input"] },
  },
};

/** The command lines that run tasks with a server and without one. */
const WAYS = PLACES.map((options) => ["run", ...options]);

const POLITE = `import signal, sys, time
def leave(*_):
    print("cleaned up", flush=True)
    sys.exit(9)
signal.signal(signal.SIGINT, leave)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", flush=True)
time.sleep(600)
`;

const STUBBORN = `import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
if os.fork() == 0:
    time.sleep(600)
print("started", flush=True)
time.sleep(600)
`;

/** Exits with 9 after a clean-up that SIGINT starts, and with 8 at SIGTERM. */
const STAGES = `import signal, sys, time
def leave(*_):
    print("cleaning up", flush=True)
    time.sleep(float(sys.argv[1]))
    print("cleaned up", flush=True)
    sys.exit(9)
signal.signal(signal.SIGINT, leave)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(8))
print("started", flush=True)
time.sleep(600)
`;

const FILES = {
  "deno.json": TASKS,
  "polite.py": POLITE,
  "stubborn.py": STUBBORN,
  "stages.py": STAGES,
  "gated.py": GATED,
  "input": "1",
};

/** Returns the project's processes that are not simmer's own. */
async function taskProcesses(project: Project): Promise<string[]> {
  return (await project.processes()).filter((words) => !IS_SIMMER.test(words));
}

Deno.test("R25 one Ctrl-C cancels the build, the client exits with the task's code, and the server keeps running", async () => {
  await using project = await Project.create(FILES);
  const run = project.start(["run", "polite"], { terminal: true });
  await run.stdout.until("started");
  await run.type(CTRL_C);
  const { code, stdout } = await run.finished();
  assertEquals(code, 9, stdout);
  assertStringIncludes(stdout, "cleaned up");
  assertEquals(await taskProcesses(project), []);
  assertEquals((await project.run(["status"])).code, 0);
});

Deno.test("R25 a clean-up after Ctrl-C takes as long as it needs", async () => {
  const ends = WAYS.map(async (words) => {
    await using project = await Project.create(FILES);
    const run = project.start([...words, "slow"], { terminal: true });
    await run.stdout.until("started");
    await run.type(CTRL_C);
    const { code, stdout } = await run.finished();
    assertEquals(code, 9, stdout);
    assertStringIncludes(stdout, "cleaned up");
  });
  await Promise.all(ends);
});

Deno.test("R25 a second Ctrl-C sends SIGTERM, and the client exits with the code of the task's handler", async () => {
  await using project = await Project.create(FILES);
  for (const words of WAYS) {
    const run = project.start([...words, "stages"], { terminal: true });
    await run.stdout.until("started");
    await run.type(CTRL_C);
    await run.stdout.until("Ctrl-C again sends SIGTERM, then SIGKILL");
    await run.stdout.until("cleaning up");
    await nextKeyPress();
    await run.type(CTRL_C);
    const { code, stdout } = await run.finished();
    assertEquals(code, 8, stdout);
    assertStringIncludes(stdout, "after SIGTERM; Ctrl-C again kills them");
  }
});

Deno.test("R25 a fourth Ctrl-C ends the client although the server does not react", async () => {
  await using project = await Project.create(FILES);
  // The tasks keep the terminal open, so a shell in it reports the end of the client.
  await using shell = await InteractiveShell.start(project);
  await shell.type(`${shellLine([...SIMMER, "run", "stages"])}\n`);
  await shell.until("started");
  const server = await project.serverPid();
  Deno.kill(server, "SIGSTOP");
  for (let press = 1; press <= 4; press++) {
    await shell.type(KEYS.interrupt);
    await nextKeyPress();
  }
  await shell.prompt();
  assertEquals(await shell.exitCode(), 130);
  Deno.kill(server, "SIGCONT");
  assertEquals((await project.run(["run", "-q", "hello"])).stdout, "hello\n");
});

Deno.test("R25 Ctrl-C ends a client that waits for another build, and its task does not run", async () => {
  for (const mode of ["many", "single"]) {
    await using project = await Project.create(FILES);
    if (mode === "single") await project.run(["serve", "--detach", "--single"]);
    const first = await project.run(["run", "--detach", "gated"]);
    assertEquals(first.code, 0, first.stderr);
    const begun = `${project.root}/begun`;
    while (!pathExists(begun)) await new Promise((resolve) => setTimeout(resolve, 10));
    await project.write("input", "2");
    const run = project.start(["run", "gated"], { terminal: true });
    const isThere = mode === "single" ? /"role":"controller"/ : /"state":"waiting"/;
    while (!isThere.test((await project.run(["status", "--json"])).stdout));
    await run.type(CTRL_C);
    assertEquals((await run.finished()).code, 130, mode);
    await project.write("open", "");
    const { code, stdout } = await project.run(["run", "-q", "hello"]);
    assertEquals([code, stdout], [0, "hello\n"]);
    assertEquals(await project.read("begun"), "begun\n", mode);
  }
});

Deno.test("R25 a third Ctrl-C ends tasks that ignore signals, grandchildren included", async () => {
  await using project = await Project.create(FILES);
  const run = project.start(["run", "stubborn"], { terminal: true });
  await run.stdout.until("started");
  await run.type(CTRL_C);
  await run.stdout.until("Ctrl-C again sends SIGTERM");
  await nextKeyPress();
  await run.type(CTRL_C);
  await run.stdout.until("after SIGTERM");
  await nextKeyPress();
  await run.type(CTRL_C);
  const { code, stdout } = await run.finished();
  assertEquals(code, 130, stdout);
  assertEquals(await taskProcesses(project), []);
  assertEquals((await project.run(["status"])).code, 0);
});

Deno.test("a client that gets SIGTERM cancels its build and exits with 143", async () => {
  await using project = await Project.create(FILES);
  const run = project.start(["run", "long"]);
  await run.stdout.until("started");
  run.kill("SIGTERM");
  assertEquals((await run.finished()).code, 143);
  assertEquals(await taskProcesses(project), []);
});

Deno.test("R7 the build of a killed client is cancelled, and the next run works", async () => {
  await using project = await Project.create(FILES);
  const run = project.start(["run", "long"]);
  await run.stdout.until("started");
  run.kill("SIGKILL");
  await run.finished();
  const next = await project.run(["run", "hello"]);
  assertEquals([next.code, next.stdout], [0, "hello\n"], next.stderr);
  assertEquals(await taskProcesses(project), []);
});

Deno.test("a closed terminal cancels the build, and the next run works", async () => {
  await using project = await Project.create(FILES);
  const run = project.start(["run", "long"], { terminal: true });
  await run.stdout.until("started");
  await run.type("\0hangup");
  await run.finished();
  const next = await project.run(["run", "hello"]);
  assertEquals([next.code, next.stdout], [0, "hello\n"], next.stderr);
  assertEquals(await taskProcesses(project), []);
});

Deno.test("simmer stop waits for the build in progress", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { gated: "echo started && cat gate && echo done" } },
  });
  await new Deno.Command("mkfifo", { args: [`${project.root}/gate`] }).output();
  const run = project.start(["run", "gated"]);
  await run.stdout.until("started");
  const stop = project.start(["stop"]);
  await stop.stderr.until("\n");
  await Deno.writeTextFile(`${project.root}/gate`, "open\n");
  const finished = await run.finished();
  assertEquals([finished.code, finished.stdout], [0, "started\nopen\ndone\n"], finished.stderr);
  assertEquals((await stop.finished()).code, 0);
  assertEquals((await project.run(["status"])).code, 3);
});

Deno.test("simmer stop --force cancels the build, and its client says so", async () => {
  await using project = await Project.create(FILES);
  const run = project.start(["run", "long"]);
  await run.stdout.until("started");
  assertEquals((await project.run(["stop", "--force"])).code, 0);
  const { code, stderr } = await run.finished();
  assert(code !== 0);
  assertMatch(stderr, /cancelled|ended/);
  assertEquals(await project.processes(), []);
});

Deno.test("a client reports that its server was killed during a build, no task is left, and the next run works", async () => {
  await using project = await Project.create(FILES);
  const run = project.start(["run", "long"]);
  await run.stdout.until("started");
  Deno.kill(await project.serverPid(), "SIGKILL");
  const { code, stderr } = await run.finished();
  assertEquals(code, 3, stderr);
  assertStringIncludes(stderr, "the server ended, perhaps killed");
  const next = await project.run(["run", "hello"]);
  assertEquals([next.code, next.stdout], [0, "hello\n"], next.stderr);
  assertEquals(await taskProcesses(project), []);
});

Deno.test("the client runs a command itself if the server ends before it has accepted the command", async () => {
  await using project = await Project.create(FILES);
  await Deno.mkdir(`${project.root}/.simmer`, { mode: 0o700 });
  const path = `${project.root}/.simmer/dying.sock`;
  await project.write(".simmer/lock", `1\nunix:${path}\n`);
  const dying = Deno.listen({ transport: "unix", path });
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const status = project.startProgram([Deno.execPath(), "run", "-A", main, "status"]);
  (await dying.accept()).close();
  dying.close();
  const { code, stdout, stderr } = await status.finished();
  assertEquals([code, stdout, stderr], [3, `No server runs for ${project.root}\n`, ""]);
});
