/** A server that holds its lock and does not answer: stopped, blocked, or without a socket. */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ClientError, EXIT } from "../../client/errors.ts";
import { killServer } from "../../client/connect/silent_server.ts";
import { statePaths } from "../../project/state.ts";
import { systemClock } from "../../system/clock.ts";
import { isProcessAlive } from "../../system/process/processes.ts";
import { Project, type Running, untilGone } from "../e2e/support.ts";

const TASKS = {
  tasks: {
    hello: "echo hello",
    long: "sh -c 'echo $$ > pid; echo started; exec sleep 600'",
  },
};

/** Blocks the event loop of the process that loads it on SIGUSR2, as a defect would. */
const BLOCKER = `Deno.addSignalListener("SIGUSR2", () => {
  Deno.writeTextFileSync("blocked", "");
  for (;;);
});
`;

/** Holds the lock without listening, as a hung server or as another user's process. */
const HOLDER = `import fcntl, os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
if len(sys.argv) > 2: os.setuid(int(sys.argv[2]))
fcntl.flock(fd, fcntl.LOCK_EX)
os.ftruncate(fd, 0)
os.write(fd, b"%d\\n" % os.getpid())
print("held", flush=True)
time.sleep(600)
`;

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Options that select the whole client, which has the rules for hung servers. */
const WHOLE = ["--cwd", "."];

/** Milliseconds that the warden has to end a task: its grace period, and some more. */
const WARDEN_MS = 15_000;

const OTHER = 65534;
const isRoot = Deno.uid() === 0;
const isLinux = Deno.build.os === "linux";

function create(): Promise<Project> {
  return Project.create({ "deno.json": TASKS, "blocker.ts": BLOCKER });
}

/** Starts a run of a task. Returns the run and the task's process id. */
async function running(project: Project): Promise<[Running, number]> {
  const run = project.start(["run", ...WHOLE, "long"]);
  await run.stdout.until("started");
  return [run, Number(await project.read("pid"))];
}

/** Checks that `status` reports a server that does not answer, as text and as JSON. */
async function isReported(project: Project, server: number): Promise<void> {
  const [text, json] = await Promise.all([
    project.run(["status", ...WHOLE]),
    project.run(["status", "--json", ...WHOLE]),
  ]);
  assertEquals([text.code, json.code], [EXIT.noServer, EXIT.noServer], text.stderr);
  assertStringIncludes(text.stdout, `pid ${server}, does not answer`);
  assertMatch(text.stdout, /last sign of life \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(\d+ s ago\)/);
  assertStringIncludes(text.stdout, "'simmer stop --force'");
  const { isRunning, isAnswering, pid, lastSign } = JSON.parse(json.stdout);
  assertEquals([isRunning, isAnswering, pid], [true, false, server]);
  assert(Date.parse(lastSign) <= Date.now());
  assertEquals(isProcessAlive(server), true, "status ends nothing");
}

async function endsByForce(project: Project, server: number): Promise<void> {
  const stop = await project.run(["stop", "--force", ...WHOLE]);
  assertEquals(stop.code, 0, stop.stderr);
  assertMatch(stop.stderr, /does not answer: killing it with SIGTERM\n.*with SIGKILL\n/);
  assertEquals(isProcessAlive(server), false);
}

async function startsAnew(project: Project): Promise<void> {
  const next = await project.run(["run", "hello"]);
  assertEquals([next.code, next.stdout], [0, "hello\n"], next.stderr);
}

Deno.test({
  name:
    "status reports a suspended server, stop --force ends it, and its warden ends the running task" +
    (isLinux ? "" : " (skipped: SIGSTOP is tested on Linux)"),
  ignore: !isLinux,
  fn: async () => {
    await using project = await create();
    const [run, child] = await running(project);
    const server = await project.serverPid();
    Deno.kill(server, "SIGSTOP");
    await isReported(project, server);
    Deno.kill(server, "SIGCONT");
    assertEquals((await project.run(["status"])).code, 0, "it goes on where it was");
    Deno.kill(server, "SIGSTOP");
    await endsByForce(project, server);
    const { code, stderr } = await run.finished();
    assertEquals(code, EXIT.noServer, stderr);
    await untilGone(child, "the task", WARDEN_MS);
    await startsAnew(project);
  },
});

Deno.test("stop --force ends a server whose event loop is blocked, and its warden ends the running task", async () => {
  await using project = await create();
  const serve = project.startProgram([
    ...[Deno.execPath(), "run", "-A", "--preload", `${project.root}/blocker.ts`],
    ...[MAIN, "serve"],
  ]);
  await serve.stderr.until("Entering server connection loop");
  const [run, child] = await running(project);
  serve.kill("SIGUSR2");
  await untilWritten(`${project.root}/blocked`);
  await endsByForce(project, serve.pid);
  assertEquals((await run.finished()).code, EXIT.noServer);
  await serve.finished();
  await untilGone(child, "the task", WARDEN_MS);
  await startsAnew(project);
});

Deno.test("killServer ends a process that holds the lock and never listens with SIGTERM, then SIGKILL", async () => {
  await using project = await create();
  await Deno.mkdir(`${project.root}/.simmer`, { mode: 0o700 });
  const paths = statePaths(project.root);
  const holder = project.startProgram(["python3", "-c", HOLDER, paths.lock]);
  await holder.stdout.until("held");
  const said: string[] = [];
  assertEquals(await killServer(paths, systemClock, (text) => said.push(text)), holder.pid);
  assertEquals(said.map((text) => text.split(" ").at(-1)), ["SIGTERM", "SIGKILL"]);
  await holder.finished();
  assertEquals(await killServer(paths, systemClock, () => {}), undefined, "none is left");
  await startsAnew(project);
});

Deno.test({
  name: "killServer refuses to end a process of another user" +
    (isRoot ? "" : " (skipped: only root can start one)"),
  ignore: !isRoot,
  fn: async () => {
    await using project = await create();
    await Deno.mkdir(`${project.root}/.simmer`, { mode: 0o700 });
    const paths = statePaths(project.root);
    const holder = project.startProgram(["python3", "-c", HOLDER, paths.lock, String(OTHER)]);
    await holder.stdout.until("held");
    const error = await assertRejects(() => killServer(paths, systemClock, () => {}), ClientError);
    assertEquals(error.exitCode, EXIT.refused);
    assertStringIncludes(error.message, `is held by pid ${holder.pid} of user ${OTHER}`);
    assertEquals(isProcessAlive(holder.pid), true);
    holder.kill("SIGKILL");
    await holder.finished();
  },
});

/** Resolves when the file exists. */
async function untilWritten(path: string): Promise<void> {
  const deadline = performance.now() + WARDEN_MS;
  while (true) {
    try {
      await Deno.stat(path);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    assert(performance.now() < deadline, `${path} never came`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
