import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Project } from "./support.ts";

const TASKS = {
  tasks: {
    join: {
      command: "cat src/*.txt > joined.txt && echo joined",
      files: ["src/*.txt"],
      output: ["joined.txt"],
    },
    count: { command: "cat joined.txt", dependencies: ["join"] },
  },
};

const FILES = { "deno.json": TASKS, "src/a.txt": "a\n", "src/b.txt": "b\n" };

Deno.test("a task with unchanged inputs is a cache hit, and its outputs are restored", async () => {
  await using project = await Project.create(FILES);
  const first = await project.run(["run", "join"]);
  assertEquals([first.code, first.stdout], [0, "joined\n"], first.stderr);
  await Deno.remove(`${project.root}/joined.txt`);
  const second = await project.run(["run", "join"]);
  assertEquals([second.code, second.stdout], [0, ""]);
  assertMatch(
    second.stderr,
    /^Task join cat .* \(cached, inputs unchanged\)\nsimmer: 0 tasks run, 1 cached in /,
  );
  assertEquals(await project.read("joined.txt"), "a\nb\n");
  const replayed = await project.run(["run", "--replay-logs", "full", "join"]);
  assertEquals(replayed.stdout, "joined\n");
  const local = await project.run(["run", "--no-server", "join"]);
  assertStringIncludes(local.stderr, "(cached, inputs unchanged)");
});

Deno.test("why and --dry-run say what would run, and graph shows dependencies, but no task runs", async () => {
  await using project = await Project.create(FILES);
  const anew = await project.run(["why", "count"]);
  assertEquals(
    anew.stdout,
    "join: would run  cat src/*.txt > joined.txt && echo joined\n" +
      "  - it has not succeeded here before\n" +
      'count: runs every time  cat joined.txt\n  - it declares no "files", so it runs every time\n',
  );
  await project.run(["run", "count"]);
  await project.write("src/a.txt", "changed\n");
  const why = await project.run(["why", "join", "--json"]);
  assertEquals(JSON.parse(why.stdout).reasons, [
    { kind: "file-changed", subject: "src/a.txt", text: "src/a.txt was changed" },
  ]);
  const dry = await project.run(["run", "-n", "count"]);
  assertStringIncludes(dry.stdout, "join: would run");
  assertEquals(dry.stderr, "simmer: 2 would run, 0 cached\n");
  assertEquals(await project.read("joined.txt"), "a\nb\n");
  const graphs = await Promise.all(
    ["text", "dot", "mermaid"].map((format) => project.run(["graph", "count", "--format", format])),
  );
  assertEquals(graphs.map(({ stdout }) => stdout), [
    "count\n└── join\n",
    'digraph tasks {\n  "join";\n  "count";\n  "count" -> "join";\n}\n',
    'flowchart LR\n  t0["join"]\n  t1["count"]\n  t1 --> t0\n',
  ]);
  const { code, stderr } = await project.run(["why", "cuont"]);
  assertEquals(code, 5);
  assertStringIncludes(stderr, "did you mean 'count'?");
});

Deno.test("clean --dry-run reports results that clean removes, and an invalid size is rejected", async () => {
  await using project = await Project.create(FILES);
  await project.run(["run", "join"]);
  const dry = await project.run(["clean", "--all", "--dry-run"]);
  assertMatch(dry.stdout, /: 1 results, .*; would remove 1 results, /);
  const { stdout } = await project.run(["clean", "--all", "--json"]);
  assertEquals(JSON.parse(stdout).removedRecords, 1);
  const wrong = await project.run(["clean", "--max-size", "lots"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, "invalid value 'lots' for '--max-size <size>'");
});

Deno.test("watch reports a changed file and runs again, survives an invalid config, and ends on SIGINT", async () => {
  await using project = await Project.create(FILES);
  const watch = project.start(["watch", "count"]);
  await watch.stdout.until("a\nb\n");
  await watch.stderr.until("watching for changes");
  await project.write("src/a.txt", "new\n");
  await watch.stderr.until("src/a.txt changed: running again");
  await watch.stdout.until("new\nb\n");
  await project.write("deno.json", '{ "tasks": { "count": 7 } }');
  await watch.stderr.until("Invalid config");
  await project.write("deno.json", { tasks: { count: "echo mended" } });
  await watch.stdout.until("mended\n");
  await watch.stderr.until("watching for changes; Ctrl-C stops\n");
  watch.kill("SIGINT");
  assertEquals((await watch.finished()).code, 130);
});

Deno.test("watch cancels a running task whose input has changed, and runs it again", async () => {
  await using project = await Project.create({
    "deno.json": {
      tasks: {
        slow: {
          command: "cat in.txt && cat in.txt > begun.txt && cat wait.fifo",
          files: ["in.txt"],
        },
      },
    },
    "in.txt": "first\n",
  });
  await project.runProgram(["mkfifo", "wait.fifo"]);
  const watch = project.start(["watch", "slow"]);
  await watch.stdout.until("first\n");
  await project.write("in.txt", "second\n");
  await watch.stdout.until("second\n");
  watch.kill("SIGTERM");
  assertEquals((await watch.finished()).code, 143);
  assertEquals(await project.read("begun.txt"), "second\n");
});

Deno.test("completions prints scripts for bash, zsh and fish, and bash can use its script", async () => {
  await using project = await Project.create(FILES);
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await project.run(["completions", shell]);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "replay-logs");
    if (shell !== "bash") continue;
    const tryOut = "COMP_WORDS=(simmer wa); COMP_CWORD=1; _simmer; echo ${COMPREPLY[0]}\n";
    await project.write("complete.sh", `${stdout}\n${tryOut}`);
    const completed = await project.runProgram(["bash", "complete.sh"]);
    assertEquals([completed.code, completed.stdout], [0, "watch\n"], completed.stderr);
  }
  assertEquals((await project.run(["completions", "tcsh"])).code, 2);
});

Deno.test("-r runs a task in every member, and prefixes each output line with the package", async () => {
  await using project = await Project.create({
    "deno.json": { workspace: ["a", "b"] },
    "a/deno.json": { name: "@x/a", tasks: { t: "echo one" } },
    "b/deno.json": { name: "@x/b", tasks: { t: "echo two" }, imports: { "@x/a": "jsr:@x/a" } },
    "c/deno.json": { name: "@x/c", tasks: { t: "echo no member" } },
  });
  const { code, stdout, stderr } = await project.run(["run", "-r", "t"]);
  assertEquals([code, stdout], [0, "[@x/a#t] one\n[@x/b#t] two\n"], stderr);
  assertStringIncludes(stderr, "Task @x/a#t echo one\nTask @x/b#t echo two\n");
  const none = await project.run(["run", "-r", "nothing"]);
  assertEquals(none.code, 5);
  assertEquals((await project.run(["run", "--members", "-r", "t"])).code, 2);
});

Deno.test("a script of a package.json is cached if its settings declare its files", async () => {
  await using project = await Project.create({
    "package.json": {
      scripts: { build: "mkdir -p dist && cp src/a dist/a", test: "cat dist/a" },
      simmer: {
        tasks: {
          build: { files: ["src"], output: ["dist"] },
          test: { files: ["src"], dependencies: ["build"] },
        },
      },
    },
    "src/a": "1\n",
  });
  const summary = async (): Promise<string> => {
    const { code, stderr } = await project.run(["run", "test"]);
    assertEquals(code, 0, stderr);
    return stderr.match(/\d+ tasks? run(?:, \d+ cached)?/)?.[0] ?? stderr;
  };
  assertEquals(await summary(), "2 tasks run");
  await Deno.remove(`${project.root}/dist`, { recursive: true });
  assertEquals(await summary(), "0 tasks run, 2 cached");
  assertEquals(await Deno.readTextFile(`${project.root}/dist/a`), "1\n");
  await project.write("src/a", "2\n");
  assertEquals(await summary(), "2 tasks run");
});
