/** Behaviour of clients that send their command line to a server, such as the quick client. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Project, SENDS_COMMAND_LINES, SIMMER } from "./support.ts";

const CONFIG = {
  tasks: {
    a: "echo a",
    env: "sh -c 'printenv ODD EMPTY'",
    words: "printf '[%s]'",
    both: "sh -c 'echo out; echo err >&2; exit 7'",
    big: "sh -c 'head -c 30000000 /dev/zero'",
    cat: "cat",
    slow: "bash -c 'echo up; exec sleep 600'",
    open: "bash -c 'ls -l /proc/self/fd; echo up; exec sleep 601'",
    many: "yes",
    where: "pwd",
  },
};

/** Creates a project and starts its server. */
async function served(): Promise<Project> {
  const project = await Project.create({ "deno.json": CONFIG, "sub/x": "" });
  assertEquals((await project.run(["run", "-q", "a"])).code, 0);
  return project;
}

/** Runs a bash script in which `"$@"` runs simmer. */
function shell(project: Project, script: string, env: Record<string, string> = {}): Promise<
  { readonly code: number; readonly stdout: string; readonly stderr: string }
> {
  return project.runProgram(["bash", "-c", script, "bash", ...SIMMER], { env });
}

Deno.test("arguments, variables and exit codes pass through a client unchanged", async () => {
  await using project = await served();
  const words = ["", "a b", "'", '"$HOME"', "ä\u{1f600}", "\\n", "x\ny", "-x", "--"];
  const { stdout } = await project.run(["run", "-q", "words", "--", ...words]);
  assertEquals(stdout, words.map((word) => `[${word}]`).join(""));
  const env = { ODD: "a=b\nc 'd' \"e\" \\ ä", EMPTY: "" };
  const shown = await project.run(["run", "-q", "env"], { env });
  assertEquals(shown.stdout, `${env.ODD}\n\n`);
  const both = await project.run(["run", "-q", "both"]);
  assertEquals([both.code, both.stdout], [7, "out\n"]);
  assertStringIncludes(both.stderr, "err\n");
});

Deno.test("an environment of 1 MB and an output of 30 MB pass through a client", async () => {
  await using project = await served();
  const env = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`BIG_${index}`, "x".repeat(50_000)]),
  );
  const { stdout } = await shell(project, '"$@" run -q big | wc -c', env);
  assertEquals(Number(stdout), 30_000_000);
});

Deno.test("a client exits with 141 when its reader closes the pipe", async () => {
  await using project = await served();
  const { stdout, stderr } = await shell(
    project,
    '"$@" run -q many | head -1; echo ${PIPESTATUS[0]}',
  );
  assertEquals([stdout, stderr], ["y\n141\n", ""]);
});

Deno.test("closed standard streams behave like empty streams, and no other file takes their place", async () => {
  await using project = await served();
  const closed = await shell(project, '"$@" run -q cat <&-; echo $?');
  assertEquals([closed.stdout, closed.stderr], ["0\n", ""]);
  const silent = await shell(project, '"$@" run -q both >&- 2>&-; echo $?');
  assert(["7\n", "74\n"].includes(silent.stdout), silent.stdout);
});

Deno.test("a task shares the file positions of the client's stdin and stdout", async () => {
  await using project = await served();
  const script = 'printf "1\\n2\\n3\\n" > in; { read x; "$@" run -q cat; } < in; ' +
    '{ echo before; "$@" run -q a; echo after; } > out; cat out';
  assertEquals((await shell(project, script)).stdout, "2\n3\nbefore\na\nafter\n");
});

Deno.test("SIGINT and SIGTERM end the client with 130 and 143", async () => {
  await using project = await served();
  for (const [signal, code] of [["INT", 130], ["TERM", 143]] as const) {
    const script = `set -m; "$@" run -q slow > up & until [ -s up ]; do sleep 0.01; done; ` +
      `kill -${signal} $!; wait $!; echo $?; rm up`;
    assertEquals((await shell(project, script)).stdout, `${code}\n`, signal);
  }
});

Deno.test("a task started from a subfolder runs in the project's root", async () => {
  await using project = await served();
  const { stdout } = await project.run(["run", "-q", "where"], { folder: "sub" });
  assertEquals(stdout, `${project.root}\n`);
});

Deno.test("commands that a client leaves to the whole client work: without a server, with --cwd or -c, and others", async () => {
  await using project = await Project.create({ "deno.json": CONFIG, "sub/x": "" });
  const lines = [
    ["run", "-q", "a"],
    ["run", "-q", "--no-server", "a"],
    ["run", "-q", "--cwd", project.root, "a"],
    ["run", "-q", "-c", "deno.json", "a"],
  ];
  for (const words of lines) {
    const { code, stdout, stderr } = await project.run(words);
    assertEquals([code, stdout], [0, "a\n"], `${words}: ${stderr}`);
  }
  assertEquals((await project.run(["--version"])).code, 0);
  assertEquals((await project.run(["nonsense"])).code, 2);
});

Deno.test({
  name:
    "a server is replaced if a run names a config that it does not have, and the next run works",
  ignore: !SENDS_COMMAND_LINES,
  fn: async () => {
    await using project = await served();
    const before = await project.serverPid();
    // The whole client replaces the server, which has no named config.
    const { code, stderr } = await project.run(["run", "-q", "a", "--config", "deno.json"]);
    assertEquals(code, 0, stderr);
    assert(await project.serverPid() !== before, "a server with a config that was named");
    const again = await project.run(["run", "-q", "a"]);
    assertEquals([again.code, again.stdout], [0, "a\n"], again.stderr);
  },
});

Deno.test({
  name:
    "a task has no descriptor of its client's own, and ends with a client that is killed (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await served();
    const run = project.start(["run", "-q", "open"]);
    await run.stdout.until("up\n");
    assertEquals(run.stdout.text.match(/socket|lock/g), null, run.stdout.text);
    run.kill("SIGKILL");
    await run.finished();
    while ((await project.processes()).some((words) => words.includes("sleep 601"))) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  },
});
