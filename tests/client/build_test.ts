import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ServerEndedError } from "../../client/errors.ts";
import { command as run } from "../../client/commands/run.ts";
import type { RunTasksInput } from "../../wire/commands.ts";
import { macrotask } from "../../system/macrotask.ts";
import { signalExitCode } from "../../system/process/signals.ts";
import { REPEAT_MS } from "../../wire/signals.ts";
import { projectError, WireError } from "../../wire/errors.ts";
import type { EventBody } from "../../wire/events.ts";
import type { HelloParams } from "../../wire/hello.ts";
import { notification, type Request } from "../../wire/messages.ts";
import {
  type FakePeer,
  FakeServer,
  greeting,
  type Handler,
  temporaryProject,
} from "./fake_server.ts";
import { FakeProcess, oneTask } from "./support.ts";

interface Setup extends AsyncDisposable {
  readonly root: string;
  readonly server: FakeServer;
  readonly process: FakeProcess;
  /** Runs `simmer run` with the server's address. */
  simmer(args?: readonly string[], env?: Record<string, string>): Promise<number>;
}

async function setUp(handler: Handler): Promise<Setup> {
  const project = await temporaryProject();
  const socket = `${project.root}/test.sock`;
  const server = new FakeServer(socket, handler);
  const process = new FakeProcess();
  return {
    root: project.root,
    server,
    process,
    simmer: (args = ["hello"], env = {}) =>
      run.run(process.invocation(project.root, ["--server", `unix:${socket}`, ...args], env)),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await project[Symbol.asyncDispose]();
    },
  };
}

/** Returns a handler that emits `events` for each build. */
function building(events: readonly EventBody[]): Handler {
  return greeting(({ method }, peer) => {
    if (method !== "runTasks") return null;
    // The events follow right after the reply.
    queueMicrotask(() => queueMicrotask(() => events.forEach((event) => peer.emit(event))));
    return { build: "b1" };
  });
}

/**
 * Returns a handler whose build runs until it is cancelled.
 *
 * @param onCancel answers each later request; `undefined` counts as true
 */
function endless(onCancel: (request: Request, peer: FakePeer) => unknown): Handler {
  return greeting((request, peer) => {
    if (request.method === "runTasks") {
      queueMicrotask(() =>
        queueMicrotask(() => oneTask().slice(0, 4).forEach((event) => peer.emit(event)))
      );
      return { build: "b1" };
    }
    return onCancel(request, peer) ?? true;
  });
}

function cancelled(peer: FakePeer, exitCode = 130): void {
  const build = "b1";
  const counts = { total: 1, succeeded: 0, cached: 0, failed: 0, cancelled: 1, skipped: 0 };
  peer.emit({ type: "TaskCancelled", build, task: "hello", wasRunning: true });
  peer.emit({
    type: "BuildCompleted",
    build,
    outcome: "cancelled",
    exitCode,
    counts,
    durationMs: 9,
    failures: [],
  });
  peer.emit({ type: "CommandExit", command: "runTasks", build, exitCode });
}

async function inputOf(setup: Setup): Promise<RunTasksInput> {
  const peer = await setup.server.peer();
  return (await peer.asked("runTasks")).params as RunTasksInput;
}

Deno.test("simmer run shows the build and exits with 0", async () => {
  await using setup = await setUp(building(oneTask()));
  assertEquals(await setup.simmer(), 0);
  const { recorder } = setup.process;
  await recorder.output.settled;
  assertEquals(recorder.text("stdout"), "hello\n");
  assertEquals(
    recorder.text("stderr"),
    "Task hello echo hello\nsimmer: 1 task run in 6 ms\n",
  );
});

Deno.test("simmer run exits with the failing task's code", async () => {
  await using setup = await setUp(building(oneTask(7)));
  assertEquals(await setup.simmer(), 7);
});

Deno.test("simmer run sends hello and command in one write", async () => {
  await using setup = await setUp(building(oneTask()));
  await setup.simmer(["--log-level", "debug", "hello"]);
  const peer = await setup.server.peer();
  assertEquals(peer.requests.map((request) => request.method), [
    "hello",
    "setEventMask",
    "runTasks",
  ]);
  assertEquals(peer.pieces.length, 1);
  const hello = peer.requests[0]?.params as HelloParams;
  assertEquals([hello.role, hello.whenBusy, hello.features], [
    "controller",
    "wait",
    ["queueCommands"],
  ]);
});

Deno.test("simmer run sends its arguments, options and environment", async () => {
  await using setup = await setUp(building(oneTask()));
  const env = { DENO_JOBS: "3", HOME: "/h" };
  await setup.simmer(["a", "b", "-k", "--force", "--if-present", "--", "-x", "y z"], env);
  const { root } = setup;
  assertEquals(await inputOf(setup), {
    tasks: ["a", "b"],
    args: ["-x", "y z"],
    cwd: root,
    env,
    jobs: 3,
    eval: false,
    ifPresent: true,
    force: true,
    keepGoing: true,
    noPrefix: false,
    detach: false,
    stdinPid: 100,
    client: {
      pid: 100,
      command: `simmer run --server unix:${root}/test.sock a b -k --force --if-present -- -x y z`,
    },
  });
});

Deno.test("simmer run --eval sends one command line, and ignores an invalid DENO_JOBS", async () => {
  await using setup = await setUp(building(oneTask()));
  await setup.simmer(["--eval", "echo", "hi"], { DENO_JOBS: "many" });
  const { tasks, eval: isEval, jobs } = await inputOf(setup);
  assertEquals([tasks, isEval, jobs], [["echo hi"], true, undefined]);
});

Deno.test("env files set only unset variables, the last file wins, and a missing file is reported", async () => {
  await using setup = await setUp(building(oneTask()));
  await Deno.writeTextFile(`${setup.root}/.env`, "A=1\nB=1\nC=1\n");
  await Deno.writeTextFile(`${setup.root}/two.env`, 'B="2"\n');
  const files = ["--env-file", "--env-file=two.env", "--env-file=none.env"];
  await setup.simmer([...files, "hello"], { C: "3" });
  assertEquals((await inputOf(setup)).env, { A: "1", B: "2", C: "3" });
  assertMatch(
    setup.process.recorder.text("stderr"),
    /warning: there is no env file 'none\.env' in /,
  );
});

Deno.test("simmer run --detach prints the build's id and exits", async () => {
  await using setup = await setUp(building(oneTask().slice(0, 2)));
  assertEquals(await setup.simmer(["--detach", "hello"]), 0);
  await setup.process.recorder.output.settled;
  assertEquals(setup.process.recorder.text("stdout"), "b1\n");
  const { detach, stdinPid } = await inputOf(setup);
  assertEquals([detach, stdinPid], [true, undefined]);
});

Deno.test("simmer run throws the project error that the server answers", async () => {
  await using setup = await setUp(greeting(() => {
    throw projectError("Task not found: helo", { kind: "unknown-task", nearest: "hello" });
  }));
  const error = await assertRejects(() => setup.simmer(["helo"]), WireError);
  assertEquals(error.is("projectError"), true);
});

Deno.test("events of other builds are not shown", async () => {
  const other = oneTask(1, 200).map((event) => ({ ...event, build: "other" }));
  await using setup = await setUp(building([...other, ...oneTask()]));
  assertEquals(await setup.simmer(), 0);
});

Deno.test("simmer run waits in the queue, names the client that holds the server, and says once how not to wait", async () => {
  await using setup = await setUp(greeting(() => undefined, { role: "waiting" }));
  const code = setup.simmer();
  const peer = await setup.server.peer();
  const { id } = await peer.asked("runTasks");
  const holder = { pid: 7, command: "simmer run slow", busyWith: "runTasks" };
  peer.send(notification("queue", { position: 2, holder }));
  const { recorder } = setup.process;
  await recorder.until("stderr", "number 2");
  peer.send(notification("queue", { position: 1, holder }));
  await recorder.until("stderr", "next in");
  const waiting = "simmer: waiting for 'simmer run slow' (pid 7, busy with runTasks)";
  assertEquals(recorder.text("stderr").split("\n"), [
    `${waiting}: number 2 in the queue`,
    "simmer: instead of waiting: Ctrl-C gives up, 'simmer run --no-server' runs without the server, " +
    "'simmer stop --force' cancels the other build",
    `${waiting}: next in the queue`,
    "",
  ]);
  peer.send(notification("role", { role: "controller" }));
  peer.send({ jsonrpc: "2.0", id, result: { build: "b1" } });
  for (const event of oneTask()) peer.emit(event);
  assertEquals(await code, 0);
});

Deno.test("simmer run that waits behind a detached build says after 30 s how not to wait", async () => {
  await using setup = await setUp(
    greeting(({ method }) => method === "signalTasks" ? false : undefined),
  );
  const code = setup.simmer();
  const peer = await setup.server.peer();
  await peer.asked("runTasks");
  const { recorder, clock } = setup.process;
  // When the client has read the reply to its hello, it waits only for that to its command.
  while (clock.sleeping > 1) await macrotask();
  await clock.advance(30_000);
  await recorder.until("stderr", "no reply");
  assertEquals(
    recorder.text("stderr").split("\n")[0],
    "simmer: no reply to runTasks for 30 s; still waiting, perhaps for another build: Ctrl-C gives " +
      "up, 'simmer run --no-server' runs without the server, 'simmer stop --force' cancels the " +
      "other build",
  );
  setup.process.signal("SIGINT");
  assertEquals(await code, 130);
});

Deno.test("R25 Ctrl-C in the queue ends the client at once with 130", async () => {
  await using setup = await setUp(greeting(() => undefined, { role: "waiting" }));
  const code = setup.simmer();
  const peer = await setup.server.peer();
  await peer.asked("runTasks");
  setup.process.signal("SIGINT");
  assertEquals(await code, 130);
  assertEquals(peer.requests.length, 2);
});

Deno.test("R25 Ctrl-C cancels the build over the same connection, waits for its end, and exits with its code", async () => {
  await using setup = await setUp(endless((_, peer) => queueMicrotask(() => cancelled(peer, 7))));
  const code = setup.simmer();
  const { recorder } = setup.process;
  await recorder.until("stdout", "hello");
  setup.process.signal("SIGINT");
  assertEquals(await code, 7);
  const peer = await setup.server.peer();
  const { method, params } = await peer.asked("signalTasks");
  assertEquals([method, params], ["signalTasks", { signal: "SIGINT", cancel: true }]);
  assertMatch(recorder.text("stderr"), /Ctrl-C again[^]*1 cancelled/);
});

Deno.test("R25 the second Ctrl-C sends SIGTERM, the third SIGKILL, and the fourth ends the client", async () => {
  await using setup = await setUp(endless(() => {}));
  const code = setup.simmer();
  const { recorder, exits } = setup.process;
  await recorder.until("stdout", "hello");
  const peer = await setup.server.peer();
  for (let count = 1; count <= 3; count++) {
    setup.process.signal("SIGINT");
    await peer.asked("signalTasks", count);
    await setup.process.clock.advance(REPEAT_MS);
  }
  const signals = peer.requests.filter(({ method }) => method === "signalTasks");
  assertEquals(
    signals.map(({ params }) => (params as { signal: string }).signal),
    ["SIGINT", "SIGTERM", "SIGKILL"],
  );
  assertEquals(exits, []);
  setup.process.signal("SIGINT");
  assertEquals(exits, [130]);
  cancelled(peer);
  assertEquals(await code, 130);
});

Deno.test("SIGUSR1 is forwarded, and the build runs to its end", async () => {
  await using setup = await setUp(endless((_, peer) => {
    queueMicrotask(() => oneTask(7).slice(4).forEach((event) => peer.emit(event)));
  }));
  const code = setup.simmer();
  await setup.process.recorder.until("stdout", "hello");
  setup.process.signal("SIGUSR1");
  assertEquals(await code, 7);
  const { params } = await (await setup.server.peer()).asked("signalTasks");
  assertEquals(params, { signal: "SIGUSR1", cancel: false });
});

Deno.test("a signal that no task receives ends the client with the signal's exit code, except SIGWINCH", async () => {
  await using setup = await setUp(endless(() => false));
  const code = setup.simmer();
  await setup.process.recorder.until("stdout", "hello");
  setup.process.signal("SIGWINCH");
  const peer = await setup.server.peer();
  await peer.asked("signalTasks");
  setup.process.signal("SIGALRM");
  assertEquals(await code, 142);
  assertEquals(peer.requests.filter(({ method }) => method === "signalTasks").length, 2);
});

Deno.test("R25 Ctrl-C before the server has started the build ends the client and cancels no other build", async () => {
  await using setup = await setUp(endless(() => false));
  const code = setup.simmer();
  await setup.process.recorder.until("stdout", "hello");
  setup.process.signal("SIGINT");
  assertEquals(await code, 130);
  const { requests } = await setup.server.peer();
  assertEquals(requests.filter(({ method }) => method.startsWith("state")), []);
});

Deno.test("a signal to an observer ends only the observer, and SIGWINCH does not", async () => {
  for (const [signal, expected] of [["SIGINT", 130], ["SIGUSR1", 138], ["SIGHUP", 129]] as const) {
    const answers: Handler = () => ({ builds: [], clients: [] });
    await using setup = await setUp(greeting(answers, { role: "observer" }));
    const code = setup.simmer(["--busy", "observe", "hello"]);
    await setup.process.recorder.until("stderr", "watching the build");
    setup.process.signal("SIGWINCH");
    setup.process.signal(signal);
    assertEquals(await code, Deno.build.os === "linux" ? expected : signalExitCode(signal));
    const { requests } = await setup.server.peer();
    assertEquals(requests.filter(({ method }) => method === "signalTasks"), []);
  }
});

Deno.test("a build that another client cancels is reported as cancelled", async () => {
  await using setup = await setUp(endless(() => {}));
  const code = setup.simmer();
  await setup.process.recorder.until("stdout", "hello");
  cancelled(await setup.server.peer());
  assertEquals(await code, 130);
  await setup.process.recorder.output.settled;
  assertMatch(setup.process.recorder.text("stderr"), /simmer: the build was cancelled\n$/);
});

Deno.test("R23 a server that is killed during a build is reported as perhaps killed", async () => {
  await using setup = await setUp(endless(() => {}));
  const code = assertRejects(() => setup.simmer(), ServerEndedError, "perhaps killed");
  await setup.process.recorder.until("stdout", "hello");
  await (await setup.server.peer()).close();
  assertEquals((await code).exitCode, 3);
});

Deno.test("simmer run exits with 141 if the reader of stdout has gone", async () => {
  await using setup = await setUp(building(oneTask().slice(0, 4)));
  setup.process.recorder.breakStdout();
  assertEquals(await setup.simmer(), 141);
});

Deno.test("simmer run --busy observe shows the build in progress, and exits with its code", async () => {
  const handler = greeting(({ method }) => {
    if (method !== "status") throw new WireError("readOnly", "An observer only looks on");
    return { builds: [{ build: "b1", client: { pid: 7, command: "simmer run hello" } }] };
  }, { role: "observer" });
  await using setup = await setUp(handler);
  const code = setup.simmer(["--busy", "observe", "hello"]);
  const { recorder } = setup.process;
  await recorder.until("stderr", "simmer: watching the build of 'simmer run hello' (pid 7)\n");
  const peer = await setup.server.peer();
  for (const event of oneTask(7, 200).slice(2)) peer.emit(event);
  assertEquals(await code, 7);
});

Deno.test("simmer run --busy observe runs its own build if there is none to observe, and Ctrl-C cancels it", async () => {
  await using setup = await setUp(endless(({ method }, peer) => {
    if (method === "signalTasks") queueMicrotask(() => cancelled(peer, 7));
  }));
  const code = setup.simmer(["--busy", "observe", "hello"]);
  await setup.process.recorder.until("stdout", "hello");
  setup.process.signal("SIGINT");
  assertEquals(await code, 7);
  const peer = await setup.server.peer();
  assertEquals((await peer.asked("setEventMask")).params, { builds: "own" });
  assertEquals((await peer.asked("signalTasks")).params, { signal: "SIGINT", cancel: true });
});

Deno.test("simmer run --busy refuse fails with the error busy", async () => {
  await using setup = await setUp(() => {
    throw new WireError("busy", "Busy: simmer run slow (pid 7) holds the server");
  });
  const error = await assertRejects(() => setup.simmer(["--busy", "refuse", "x"]), WireError);
  assertEquals(error.is("busy"), true);
});
