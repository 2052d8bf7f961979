import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Project } from "./support.ts";

const TASKS = {
  tasks: {
    hello: "echo hello",
    both: "echo out && echo err >&2",
    fail: "echo trying && exit 7",
    first: "echo 1 > first.txt",
    second: { command: "cat first.txt", dependencies: ["first"] },
    show: "echo $GREETING",
    read: "cat",
    a: { dependencies: ["b"] },
    b: { dependencies: ["c"] },
    c: { dependencies: ["a"] },
    after_fail: { command: "echo never", dependencies: ["fail"] },
  },
};

Deno.test("simmer run writes a task's stdout and stderr to its own stdout and stderr, and exits with 0", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stdout, stderr } = await project.run(["run", "both"]);
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "out\n");
  assertStringIncludes(stderr, "Task both echo out && echo err >&2\n");
  assertStringIncludes(stderr, "\nerr\n");
  assertMatch(stderr, /1 task .*\n$/);
});

Deno.test("simmer run uses one server for all runs", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  await project.run(["run", "hello"]);
  const pid = await project.serverPid();
  const { stdout } = await project.run(["run", "hello"]);
  assertEquals(stdout, "hello\n");
  assertEquals(await project.serverPid(), pid);
});

Deno.test("simmer run exits with a failing task's code and names the task's log file", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stdout, stderr } = await project.run(["run", "after_fail"]);
  assertEquals(code, 7);
  assertEquals(stdout, "trying\n");
  const log = stderr.match(/\S*\.simmer\/logs\/\S+/)?.[0];
  assert(log !== undefined, stderr);
  assertStringIncludes(
    await Deno.readTextFile(log.startsWith("/") ? log : `${project.root}/${log}`),
    "trying\n",
  );
  assertMatch(stderr, /fail.*\b7\b/);
});

Deno.test("simmer run runs dependencies first", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stdout, stderr } = await project.run(["run", "second"]);
  assertEquals([code, stdout], [0, "1\n"], stderr);
});

Deno.test("simmer run rejects a task cycle, shows its whole path, and runs nothing", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stdout, stderr } = await project.run(["run", "a"]);
  assertEquals([code, stdout], [5, ""]);
  assertStringIncludes(stderr, "Task cycle detected: a -> b -> c -> a");
});

Deno.test("simmer run suggests the nearest name for an unknown task", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stderr } = await project.run(["run", "helo"]);
  assertEquals(code, 5);
  const [line, next] = stderr.split("\n");
  assertEquals(line, "simmer: Task not found: helo; did you mean 'hello'?");
  assertMatch(next ?? "", /^Available tasks/);
  assertEquals(stderr.match(/helo|did you mean/gi)?.length, 2, "each is said once");
});

Deno.test("simmer run -r says an unknown task once, whatever the number of members", async () => {
  await using project = await Project.create({
    "deno.json": { workspace: ["a", "b"] },
    "a/deno.json": { tasks: { hello: "echo a" } },
    "b/deno.json": { tasks: { hello: "echo b" } },
  });
  const { code, stderr } = await project.run(["run", "-r", "helo"]);
  assertEquals([code, stderr], [
    5,
    "simmer: No matching task or script 'helo' found in selected packages; did you mean 'hello'?\n",
  ]);
});

Deno.test("an unknown name after a task may be its argument: simmer shows where '--' goes", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  for (
    const [words, hint] of [
      [["run", "hello", "x"], "simmer run hello -- x"],
      [["watch", "hello", "a b", "c"], "simmer watch hello -- 'a b' c"],
      [["why", "hello", "second", "x"], "simmer why hello second -- x"],
      [["run", "--no-server", "hello", "x"], "simmer run hello -- x"],
    ] as const
  ) {
    const { code, stdout, stderr } = await project.run(words);
    assertEquals([code, stdout], [5, ""]);
    assertStringIncludes(stderr, `\nArguments for a task go after '--': ${hint}\n`);
  }
  const long = await project.run(["run", "hello", "x".repeat(300)]);
  assertStringIncludes(long.stderr, "\nArguments for a task go after '--'.\n");
  const first = await project.run(["run", "x", "hello"]);
  assertEquals(first.stderr.includes("'--'"), false, "no task precedes it");
});

Deno.test("an unknown command that is a task suggests 'simmer run'", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { build: "echo b", stats: "echo s", "my task": "echo m" } },
    "part/deno.json": { tasks: { other: "echo o" } },
  });
  for (
    const [words, line] of [
      [["build"], "unknown command 'build': did you mean 'simmer run build'?"],
      [["build", "--force", "x"], "unknown command 'build': did you mean 'simmer run build'?"],
      [["biuld"], "unknown command 'biuld': did you mean 'simmer run build'?"],
      [["stats"], "unknown command 'stats': did you mean 'simmer run stats'?"],
      [["my task"], "unknown command 'my task': did you mean 'simmer run 'my task''?"],
      [["statu"], "unknown command 'statu': did you mean 'simmer status'?"],
      [["--cwd", "part", "other"], "unknown command 'other': did you mean 'simmer run other'?"],
      [
        ["-c", "part/deno.json", "other"],
        "unknown command 'other': did you mean 'simmer run other'?",
      ],
    ] as const
  ) {
    const { code, stdout, stderr } = await project.run(words);
    assertEquals([code, stdout, stderr], [2, "", `simmer: ${line}\n`]);
  }
  const neither = "simmer: unknown command 'frobnicate': 'simmer --help' lists the commands\n" +
    "To run a task, use 'simmer run TASK'.\n";
  assertEquals((await project.run(["frobnicate"])).stderr, neither);
  await project.write("deno.json", "{");
  assertEquals((await project.run(["frobnicate"])).stderr, neither);
});

Deno.test("simmer run reports line and column of a syntax error in deno.json, and the server keeps running", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  await project.run(["run", "hello"]);
  const pid = await project.serverPid();
  await project.write("deno.json", '{\n  "tasks": {\n    "hello": echo\n  }\n}\n');
  const broken = await project.run(["run", "hello"]);
  assertEquals(broken.code, 5);
  assertMatch(broken.stderr, /deno\.json:3:14/);
  await project.write("deno.json", { tasks: { hello: "echo mended" } });
  const mended = await project.run(["run", "hello"]);
  assertEquals(mended.stdout, "mended\n");
  assertEquals(await project.serverPid(), pid);
});

Deno.test("simmer run outside of a project reports that the folder has no deno.json", async () => {
  const folder = await Deno.makeTempDir();
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stderr } = await project.run(["run", "hello", "--cwd", folder]);
  await Deno.remove(folder);
  assertEquals(code, 5);
  assertStringIncludes(stderr, "deno.json");
  assertStringIncludes(stderr, folder);
});

Deno.test("simmer run quotes arguments and passes them to the task", async () => {
  await using project = await Project.create({ "deno.json": { tasks: { say: "echo said" } } });
  const { stdout, stderr } = await project.run(["run", "say", "--", "a b", "$HOME", "it's"]);
  assertEquals(stdout, "said a b $HOME it's\n", stderr);
});

Deno.test("simmer run uses the environment of each run's client, not that of the server", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const first = await project.run(["run", "show"], { env: { GREETING: "hello" } });
  const second = await project.run(["run", "show"], { env: { GREETING: "goodbye" } });
  const third = await project.run(["run", "show"]);
  assertEquals([first.stdout, second.stdout, third.stdout], ["hello\n", "goodbye\n", "\n"]);
});

Deno.test("simmer run passes its stdin to a single task, from a pipe and from a file", async () => {
  await using project = await Project.create({ "deno.json": TASKS, "input.txt": "from a file\n" });
  const piped = await project.run(["run", "read"], { stdin: "from a pipe\n" });
  assertEquals(piped.stdout, "from a pipe\n", piped.stderr);
  const main = new URL("../../main.ts", import.meta.url).pathname;
  const redirected = await project.runProgram([
    "sh",
    "-c",
    '"$0" run -A "$1" run read < input.txt',
    Deno.execPath(),
    main,
  ]);
  assertEquals(redirected.stdout, "from a file\n", redirected.stderr);
});

Deno.test("simmer run prefixes lines of several tasks with their names, and keeps bytes with --no-prefix", async () => {
  await using project = await Project.create({
    "deno.json": {
      tasks: {
        one: "echo 1",
        three: "printf 3",
        all: { dependencies: ["one", "three"] },
      },
    },
  });
  const prefixed = await project.run(["run", "all"]);
  assertEquals(prefixed.stdout.split("\n").sort(), ["", "  [one] 1", "[three] 3"], prefixed.stderr);
  const plain = await project.run(["run", "--no-prefix", "-j1", "all"]);
  assertEquals(plain.stdout, "1\n3");
});

Deno.test("simmer run --no-server leaves no process behind and has the same result as with a server", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const local = await project.run(["run", "--no-server", "both"]);
  assertEquals(await project.processes(), []);
  const served = await project.run(["run", "both"]);
  assertEquals([local.code, local.stdout], [served.code, served.stdout], local.stderr);
});

Deno.test("simmer run starts no server if CI is set", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stdout } = await project.run(["run", "hello"], { env: { CI: "true" } });
  assertEquals([code, stdout], [0, "hello\n"]);
  assertEquals(await project.processes(), []);
});

Deno.test("simmer run in a terminal shows the task's output, and the summary as last line", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stdout } = await project.run(["run", "second"], { terminal: true });
  assertEquals(code, 0, stdout);
  assertStringIncludes(stdout, "1\r\n");
  assertMatch(stdout, /2 tasks .*\r\n$/);
});

Deno.test("simmer run --json writes events and nothing else to stdout", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const { code, stdout } = await project.run(["run", "--json", "both"]);
  assertEquals(code, 0);
  const types = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).type);
  assertEquals(types[0], "BuildStarted");
  assert(types.includes("TaskOutput"));
  assertEquals(types.filter((type) => type === "BuildCompleted").length, 1);
});

Deno.test("an invalid command line exits with 2, names the correct option or command, and starts no process", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  for (
    const [args, words] of [
      [["rum", "hello"], "run"],
      [["run", "--job", "2", "hello"], "--jobs"],
      [["run", "--jobs", "0", "hello"], "invalid value '0' for '--jobs <jobs>'"],
    ] as const
  ) {
    const { code, stderr } = await project.run(args);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, words);
  }
  assertEquals(await project.processes(), []);
});
