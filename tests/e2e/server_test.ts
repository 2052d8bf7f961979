import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { pathExists } from "../../system/files/path_exists.ts";
import { IS_SIMMER, Project, untilGone } from "./support.ts";

const TASKS = { tasks: { hello: "echo hello", long: "echo started && sleep 600" } };
const MAIN = new URL("../../main.ts", import.meta.url).pathname;

Deno.test("R20 R21 twenty simultaneous clients in an empty project start one server, and all succeed", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const runs = Array.from({ length: 20 }, () => project.run(["run", "hello"]));
  const results = await Promise.all(runs);
  assertEquals(
    results.map(({ code, stdout, stderr }) => code === 0 ? stdout : `${code}: ${stderr}`),
    results.map(() => "hello\n"),
  );
  const servers = (await project.processes()).filter((words) => IS_SIMMER.test(words));
  assertEquals(servers.length, 1, servers.join("\n"));
  const log = await project.read(".simmer/server.log");
  assertEquals(log.match(/Entering server connection loop/g)?.length, 1, log);
});

Deno.test("the server does not inherit descriptors from the client that starts it, so $(simmer run x) ends", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stdout } = await project.runProgram([
    "sh",
    "-c",
    'x=$("$0" run -A "$1" run hello 2>/dev/null 5>&1); echo "got $x"',
    Deno.execPath(),
    MAIN,
  ]);
  assertEquals([code, stdout], [0, "got hello\n"]);
  assertEquals((await project.run(["status"])).code, 0);
});

Deno.test("the server does not inherit the jobserver of make -j", async () => {
  await using project = await Project.create({
    "deno.json": TASKS,
    // The recipe records the pipes that make passes down, and runs the task.
    Makefile: "all: x y\nx y:\n" +
      "\t+@readlink /proc/self/fd/3 /proc/self/fd/4 >> jobserver.txt; " +
      '"$(DENO)" run -A "$(MAIN)" run hello\n',
  });
  const { code, stdout, stderr } = await project.runProgram(["make", "-j2"], {
    env: { DENO: Deno.execPath(), MAIN },
  });
  assertEquals([code, stdout], [0, "hello\nhello\n"], stderr);
  const handedDown = (await project.read("jobserver.txt")).trim().split("\n");
  assertEquals(handedDown.length, 4, "make -j has a jobserver");
  const pid = await project.serverPid();
  const open: string[] = [];
  for await (const entry of Deno.readDir(`/proc/${pid}/fd`)) {
    open.push(await Deno.readLink(`/proc/${pid}/fd/${entry.name}`));
  }
  assertEquals(open.filter((target) => handedDown.includes(target)), []);
});

Deno.test("simmer status describes the server during a build, and exits with 3 without a server", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const none = await project.run(["status"]);
  assertEquals(none.code, 3);
  const run = project.start(["run", "long"]);
  await run.stdout.until("started");
  const { code, stdout } = await project.run(["status", "--json"]);
  assertEquals(code, 0);
  const status = JSON.parse(stdout);
  assertEquals(status.pid, await project.serverPid());
  assertEquals([status.root, status.busyWith], [project.root, "runTasks"]);
  run.kill("SIGINT");
  assertEquals((await run.finished()).code, 130);
});

Deno.test("simmer status names each build, and the execution that a build waits for", async () => {
  await using project = await Project.create({
    "deno.json": {
      tasks: { gen: { command: "sh -c 'echo up && cat gate'", files: ["deno.json"] } },
    },
  });
  await project.runProgram(["mkfifo", "gate"]);
  const first = project.start(["run", "gen"]);
  await first.stdout.until("up");
  const events = project.start(["events", "--json"]);
  await events.stderr.until("\n");
  // With other arguments, the second build cannot share the execution in progress.
  const second = project.start(["run", "gen", "--", "x"]);
  await events.stdout.until("TaskQueued");
  const { builds } = JSON.parse((await project.run(["status", "--json"])).stdout);
  assertEquals(builds.length, 2);
  const { stdout } = await project.run(["status"]);
  const [one, two] = builds.map(({ build }: { readonly build: string }) => build);
  const rows = stdout.split("\n").filter((line) => line.startsWith("build"));
  assertEquals(rows, [
    `build    ${one}: 'simmer run gen' (pid ${first.pid}), running`,
    `build    ${two}: 'simmer run gen -- x' (pid ${second.pid}), ` +
    `waits for gen of build ${one} (simmer run gen)`,
  ]);
  for (const run of [first, second]) {
    await run.stdout.until("up");
    await Deno.writeTextFile(`${project.root}/gate`, "open\n");
    assertEquals((await run.finished()).code, 0);
  }
  events.kill("SIGINT");
  await events.finished();
});

Deno.test("simmer ping, tasks, call and logs work with a running server", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  assertEquals((await project.run(["serve", "--detach"])).code, 0);
  assertStringIncludes((await project.run(["ping"])).stdout, "Still alive!");
  const tasks = await project.run(["tasks", "--json"]);
  assertEquals(JSON.parse(tasks.stdout).map((task: { name: string }) => task.name), [
    "hello",
    "long",
  ]);
  assertStringIncludes((await project.run(["tasks"])).stdout, "hello");
  assertEquals(JSON.parse((await project.run(["call", "ping"])).stdout), "Still alive!");
  const wrong = await project.run(["call", "pnig"]);
  assert(wrong.code !== 0);
  assertStringIncludes(wrong.stderr, "ping");
  assertStringIncludes((await project.run(["logs"])).stdout, "Entering server connection loop");
});

Deno.test("simmer events --json prints the events of another client's build as JSON lines", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  await project.run(["serve", "--detach"]);
  const events = project.start(["events", "--json"]);
  await events.stderr.until("\n");
  await project.run(["run", "hello"]);
  await events.stdout.until("CommandCompleted");
  events.kill("SIGINT");
  const { stdout } = await events.finished();
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  // Consecutive output events count as one, because a pipe may split the output.
  const types = lines.map((event) => event.type)
    .filter((type) => type !== "LogRecord" && type !== "Heartbeat")
    .filter((type, index, all) => type !== "TaskOutput" || all[index - 1] !== type);
  assertEquals(types, [
    "BuildStarted",
    "TaskQueued",
    "TaskStarted",
    "TaskOutput",
    "TaskSucceeded",
    "BuildCompleted",
    "CommandCompleted",
  ]);
  const journal = await project.read(`.simmer/builds/${lines[0].build}.jsonl`);
  const written = journal.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(written.at(0).type, "BuildStarted");
  assertEquals(written.at(-1).type, "BuildCompleted");
  assertEquals(written, lines.filter((event) => written.some((other) => other.seq === event.seq)));
});

Deno.test("simmer serve runs in the foreground, and removes its lock file and socket on SIGTERM", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const serve = project.start(["serve"]);
  await serve.stderr.until("Entering server connection loop");
  const run = await project.run(["run", "hello"]);
  assertEquals([run.code, run.stdout], [0, "hello\n"], run.stderr);
  const socket = project.socket();
  serve.kill("SIGTERM");
  const { code, stderr } = await serve.finished();
  assertEquals(code, 143, stderr);
  for (const path of [`${project.root}/.simmer/lock`, socket]) {
    assertEquals(pathExists(path), false, `${path} is left`);
  }
});

Deno.test("a second simmer serve exits with 3 and names the process id of the first one", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  await project.run(["serve", "--detach"]);
  const { code, stderr } = await project.run(["serve"]);
  assertEquals(code, 3);
  assertMatch(stderr, new RegExp(`\\b${await project.serverPid()}\\b`));
});

Deno.test("R4 R5 R6 R7 a forwarded run is logged like any other run: accept, connect, command, disconnect", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const serve = project.start(["serve"]);
  await serve.stderr.until("Entering server connection loop");
  assertEquals(
    (await project.run(["run", "hello"], { env: { SECRET: "value-of-secret" } })).code,
    0,
  );
  await serve.stderr.until("Disconnecting Client");
  serve.kill("SIGTERM");
  const { stderr } = await serve.finished();
  const lines = stderr.split("\n").map((line) => line.split(" ").slice(1).join(" "));
  const words = /Accepting|Connecting|Running|Disconnecting/;
  const logged = lines.filter((line) => words.test(line)).map((line) => line.replace(/ +/g, " "));
  assertMatch(logged[0] ?? "", /^INFO Accepting \[(Command lines )?listener\]$/);
  assertEquals(logged.slice(1), [
    "INFO Connecting Client",
    "DEBUG Running command runTasks",
    "INFO Disconnecting Client",
  ]);
  assertEquals(stderr.includes("value-of-secret"), false);
});

Deno.test("R8 serve --timeout 0 --detach waits for its first client, and ends when the client has left", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stdout } = await project.run(["serve", "--timeout", "0", "--detach"]);
  assertEquals(code, 0);
  const pid = Number(stdout);
  assertEquals(JSON.parse((await project.run(["status", "--json"])).stdout).pid, pid);
  const run = await project.run(["run", "hello"]);
  assertEquals([run.code, run.stdout], [0, "hello\n"], run.stderr);
  await untilGone(pid, "the server that lost its last UI", 10_000);
  const log = await project.read(".simmer/server.log");
  assertEquals(log.match(/Entering server connection loop/g)?.length, 1, log);
  assertStringIncludes(log, "No timeout, exiting.");
});
