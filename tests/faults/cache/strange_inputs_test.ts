/** Inputs that block, are endless, cannot be read, or have names that are not UTF-8. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Finished, Project, SIMMER } from "../../e2e/support.ts";
import { canBeMortal, MORTAL } from "./mortal.ts";

/** Seconds after which a hung command is killed. The test then fails because of its exit code. */
const MAX_SECONDS = "60";

/** Runs simmer. A run that hangs is killed and exits with 137. */
async function simmer(project: Project, ...args: string[]): Promise<Finished> {
  return await project.runProgram(["timeout", "-s", "KILL", MAX_SECONDS, ...SIMMER, ...args]);
}

/** Runs a Python script in the project's folder. */
async function python(project: Project, script: string): Promise<void> {
  const { code, stderr } = await project.runProgram(["python3", "-c", script]);
  assertEquals([code, stderr], [0, ""]);
}

const TASK = {
  build: { command: "echo built | tee out.txt", files: ["src"], output: ["out.txt"] },
  list: { command: "echo listed", files: ["src/**/*.txt"] },
};

Deno.test("links to FIFOs, sockets, devices and endless files neither block the server nor make it grow", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: TASK },
    "src/a.txt": "1",
  });
  await python(
    project,
    `
import os, socket
os.mkfifo("fifo"); os.mkfifo("src/fifo.txt")
socket.socket(socket.AF_UNIX).bind("src/socket.txt")
for name, target in {"zero": "/dev/zero", "random": "/dev/urandom", "tty": "/dev/tty",
    "kmsg": "/proc/kmsg", "core": "/proc/kcore", "maps": "/proc/self/maps", "mem": "/proc/self/mem",
    "pipe": "../fifo", "stdin": "/dev/stdin",
    "loop": "loop.txt", "gone": "nowhere", "folder": "/etc"}.items():
  os.symlink(target, "src/" + name + ".txt")`,
  );
  // Changes behind links are not reported, so the first result is stored by the second run.
  for (const task of ["build", "list", "build", "list"]) {
    const first = await simmer(project, "run", task);
    assertEquals(first.code, 0, first.stderr);
  }
  await project.run(["ping"]);
  const again = await simmer(project, "run", "build", "list");
  assertEquals(again.code, 0, again.stderr);
  assertStringIncludes(again.stderr, "2 cached");
  const status = await Deno.readTextFile(`/proc/${await project.serverPid()}/status`);
  const [, peak] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? [];
  assert(Number(peak) < 600 * 1024, `the server took ${peak} kB`);
  // A file that gives no data, or does not exist, as the machine is set up.
  await Deno.symlink("/sys/kernel/tracing/trace_pipe", `${project.root}/src/trace.txt`);
  const traced = await simmer(project, "run", "build");
  assertEquals(traced.code, 0, traced.stderr);
  await Deno.remove(`${project.root}/src/trace.txt`);
  // A file that replaces a FIFO is detected.
  await Deno.remove(`${project.root}/fifo`);
  await project.write("fifo", "now a file");
  const changed = await simmer(project, "why", "list");
  assertStringIncludes(changed.stdout + changed.stderr, "src/pipe.txt was changed");
});

Deno.test("a config that is a FIFO (of a member, package.json or --config) is an error that names it, and does not block", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { a: "echo a" }, workspace: ["m"] },
    "m/deno.json": { tasks: { b: "echo b" } },
  });
  assertEquals((await simmer(project, "run", "a")).code, 0);
  await python(project, 'import os; os.remove("m/deno.json"); os.mkfifo("m/deno.json")');
  const member = await simmer(project, "run", "-r", "b");
  assertEquals(member.code, 5, member.stderr);
  assertStringIncludes(member.stderr, "m/deno.json: it is a FIFO, not a regular file");
  await python(project, 'import os; os.symlink("m/deno.json", "package.json")');
  const linked = await simmer(project, "run", "a");
  assertEquals(linked.code, 5, linked.stderr);
  assertStringIncludes(linked.stderr, "package.json: it is a FIFO, not a regular file");
  const named = await simmer(project, "run", "--config", "m/deno.json", "a");
  assertEquals(named.code, 5, named.stderr);
  assertStringIncludes(named.stderr, "m/deno.json is not a regular file");
});

Deno.test("an output that is a FIFO is not stored: a warning says why, and the task's exit code stays", async () => {
  await using project = await Project.create({
    "deno.json": {
      tasks: { make: { command: "mkfifo out", files: ["a.txt"], output: ["out"] } },
    },
    "a.txt": "1",
  });
  const made = await simmer(project, "run", "--force", "make");
  assertEquals(made.code, 0, made.stderr);
  assertStringIncludes(made.stderr, "Cannot cache results:");
  assertStringIncludes(made.stderr, "out is not a file, a link or a folder");
});

Deno.test("a task runs each time if an input's name is too long, and why names that input", async () => {
  await using project = await Project.create({ "src/a.txt": "1" });
  const long = `src/${"x".repeat(256)}`;
  await project.write("deno.json", {
    tasks: {
      long: { command: "echo run", files: ["src/a.txt", long] },
      loop: { command: "echo run", files: ["src/a.txt", "src/loop/x"] },
    },
  });
  await Deno.symlink("loop", `${project.root}/src/loop`);
  for (let run = 0; run < 2; run++) {
    const { code, stdout, stderr } = await simmer(project, "run", "long");
    assertEquals([code, stdout], [0, "run\n"], stderr);
  }
  const why = await simmer(project, "why", "long");
  assertEquals(why.code, 0, why.stderr);
  assertMatch(why.stdout, /src\/x{256} cannot be read: File name too long/);
  // A circular link counts as absent, so its task can be cached.
  assertEquals((await simmer(project, "run", "loop")).code, 0);
  assertStringIncludes((await simmer(project, "run", "loop")).stderr, "cached");
});

Deno.test("a task runs each time if the path of an input folder is too long, and why names that folder", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { build: { command: "echo run", files: ["src"] } } },
    "src/a.txt": "1",
  });
  await python(
    project,
    `
import os
os.chdir("src")
for _ in range(40):
  os.mkdir("d" * 200); os.chdir("d" * 200)
open("deep.txt", "w")`,
  );
  for (let run = 0; run < 2; run++) {
    const { code, stdout, stderr } = await simmer(project, "run", "build");
    assertEquals([code, stdout], [0, "run\n"], stderr);
  }
  const why = await simmer(project, "why", "build");
  assertMatch(why.stdout, /d{200} cannot be read: File name too long/);
  // Deno cannot remove such a deep folder by its path.
  assertEquals((await project.runProgram(["rm", "-rf", "src"])).code, 0);
});

Deno.test({
  name: "a task runs each time if an input is not readable, and why names that input" +
    (canBeMortal ? "" : " (skipped: as root only with setpriv)"),
  ignore: !canBeMortal,
  fn: async () => {
    await using project = await Project.create({
      "deno.json": {
        tasks: {
          read: { command: "echo run", files: ["read"] },
          search: { command: "echo run", files: ["search"] },
          list: { command: "echo run", files: ["list"] },
          inside: { command: "echo run", files: ["list/a.txt"] },
        },
      },
      "read/a.txt": "1",
      "search/a.txt": "1",
      "list/a.txt": "1",
    });
    await Deno.chmod(`${project.root}/read/a.txt`, 0);
    await Deno.chmod(`${project.root}/search`, 0o444);
    await Deno.chmod(`${project.root}/list`, 0);
    const mortal = async (...args: string[]): Promise<Finished> =>
      await project.runProgram([
        ...MORTAL,
        "timeout",
        "-s",
        "KILL",
        MAX_SECONDS,
        ...SIMMER,
        ...args,
      ]);
    const denied = "cannot be read: Permission denied";
    for (
      const [task, path] of [["read", "read/a.txt"], ["search", "search/a.txt"], ["list", "list"], [
        "inside",
        "list/a.txt",
      ]]
    ) {
      for (let run = 0; run < 2; run++) {
        const { code, stdout, stderr } = await mortal("run", task ?? "");
        assertEquals([code, stdout], [0, "run\n"], `${task}: ${stderr}`);
      }
      const why = await mortal("why", task ?? "");
      assertStringIncludes(why.stdout, `${path} ${denied}`, why.stderr);
    }
    await mortal("stop", "--force");
  },
});

Deno.test({
  name: "a task runs each time if an input's name is not UTF-8, and why names that input",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await Project.create({
      "deno.json": {
        tasks: {
          build: { command: "sh -c 'cat src/*'", files: ["src"] },
          other: { command: "echo run", files: ["src/*.ts"] },
        },
      },
      "src/a.txt": "1",
    });
    await python(project, String.raw`open(b"src/\xff.txt", "w").write("old")`);
    assertEquals((await simmer(project, "run", "build")).code, 0);
    await python(project, String.raw`open(b"src/\xff.txt", "w").write("new")`);
    const { code, stdout, stderr } = await simmer(project, "run", "build");
    assertEquals([code, stdout], [0, "1new"], stderr);
    const why = await simmer(project, "why", "build");
    assertStringIncludes(why.stdout, "src/\u{fffd}.txt has a name that is not UTF-8");
    // A name that really contains U+FFFD is valid.
    await python(
      project,
      String.raw`
import os
os.remove(b"src/\xff.txt")
open("src/\ufffd.ts", "w").write("1")`,
    );
    assertEquals((await simmer(project, "run", "other")).code, 0);
    assertStringIncludes((await simmer(project, "run", "other")).stderr, "cached");
    await python(project, String.raw`open(b"src/\xff.ts", "w").write("1")`);
    assertEquals((await simmer(project, "run", "other")).stdout, "run\n");
    assertEquals((await simmer(project, "run", "other")).stdout, "run\n");
  },
});

Deno.test({
  name: "commands in a project folder whose name is not UTF-8 exit with 5 and a one-line error",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await Project.create({ "deno.json": { tasks: { a: "echo a" } } });
    const words = JSON.stringify(SIMMER);
    for (const args of [["run", "a"], ["status"], ["tasks"], ["run", "--no-server", "a"]]) {
      await python(project, "import os; os.makedirs(b'bad\\xff/sub', exist_ok=True)");
      const { code, stderr } = await project.runProgram([
        "python3",
        "-c",
        `
import os, sys
open(b"bad\\xff/deno.json", "w").write('{"tasks":{"a":"echo a"}}')
os.chdir(b"bad\\xff/sub")
words = ${words} + sys.argv[1:]
os.execvp(words[0], words)`,
        ...args,
      ]);
      assertEquals(code, 5, `${args.join(" ")}: ${stderr}`);
      assertMatch(stderr, /^[^\n]*not UTF-8[^\n]*\n$/);
    }
  },
});
