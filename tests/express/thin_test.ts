import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileKind } from "../../system/files.ts";
import { Project } from "../e2e/support.ts";
import { thinScript } from "../../client/thin_script.ts";

const TASKS = {
  tasks: {
    both: "echo out && echo err 1>&2",
    fail: "exit 7",
    read: "cat",
    slow: "echo begun && cat wait.fifo",
    where: "pwd && echo $MINE $0",
  },
};

/** A project with a server, and a thin client that fails where it leaves something to simmer. */
async function open(): Promise<{ readonly project: Project; readonly thin: readonly string[] }> {
  const project = await Project.create({ "deno.json": TASKS });
  await project.runProgram(["mkfifo", "wait.fifo"]);
  await project.run(["run", "both"]);
  const path = `${project.root}/thin`;
  await Deno.writeTextFile(path, thinScript(["/bin/sh", "-c", "echo left; exit 99", "it's"]));
  await Deno.chmod(path, 0o755);
  return { project, thin: [path] };
}

Deno.test({
  name: "the thin client: streams apart, exit codes, stdin, environment, no runtime started",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { project, thin } = await open();
    await using _project = project;
    const both = await project.runProgram([...thin, "run", "both"]);
    assertEquals([both.code, both.stdout], [0, "out\n"]);
    assertStringIncludes(both.stderr, "err\n");
    assertMatch(both.stderr, /1 task run in \d+ ms\n$/);
    assertEquals((await project.runProgram([...thin, "run", "fail"])).code, 7);
    const read = await project.runProgram([...thin, "run", "read"], { stdin: "given\n" });
    assertEquals([read.code, read.stdout], [0, "given\n"]);
    const mine = { env: { MINE: "an 'odd' $value\nof two lines" } };
    const where = await project.runProgram([...thin, "run", "where"], mine);
    assertStringIncludes(where.stdout, project.root);
    assertStringIncludes(where.stdout, "an 'odd' $value");
    const unknown = await project.runProgram([...thin, "run", "nobody"]);
    assertEquals(unknown.code, 5, unknown.stderr);
  },
});

Deno.test({
  name: "the thin client passes Ctrl-C on, and is missed when it is killed",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { project, thin } = await open();
    await using _project = project;
    const interrupted = project.startProgram([...thin, "run", "slow"]);
    await interrupted.stdout.until("begun");
    interrupted.kill("SIGINT");
    assertEquals((await interrupted.finished()).code, 130);
    const killed = project.startProgram([...thin, "run", "slow"]);
    await killed.stdout.until("begun");
    killed.kill("SIGKILL");
    await killed.finished();
    const next = await project.runProgram([...thin, "run", "both"]);
    assertEquals([next.code, next.stdout], [0, "out\n"]);
  },
});

Deno.test({
  name: "the thin client says so when the server is killed, and leaves to simmer what it can't do",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { project, thin } = await open();
    await using _project = project;
    const running = project.startProgram([...thin, "run", "slow"]);
    await running.stdout.until("begun");
    Deno.kill(await project.serverPid(), "SIGKILL");
    const { code, stderr } = await running.finished();
    assertEquals([code, stderr.includes("the server ended")], [3, true], stderr);
    const left = { code: 99, stdout: "left\n", stderr: "" };
    assertEquals(await project.runProgram([...thin, "run", "both"]), left);
    await project.run(["run", "both"]);
    for (const words of [["tasks"], ["run", "--cwd=.", "both"], ["run", "-h"], []]) {
      assertEquals(await project.runProgram([...thin, ...words]), left, words.join(" "));
    }
    const redirected = ["sh", "-c", '"$0" run both > out.txt; cat out.txt', ...thin];
    assertEquals((await project.runProgram(redirected)).stdout, "left\n");
  },
});

Deno.test({
  name: "the thin client that no server has taken is sent away by the next one",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { project, thin } = await open();
    await using _project = project;
    const pid = await project.serverPid();
    Deno.kill(pid, "SIGSTOP");
    const waiting = project.startProgram([...thin, "run", "both"]);
    // Nothing tells when somebody else has made a pipe.
    while (fileKind(`${project.root}/.simmer/thin/${waiting.pid}`) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    Deno.kill(pid, "SIGKILL");
    assertEquals((await project.run(["run", "both"])).code, 0);
    assertEquals((await waiting.finished()).stdout, "left\n");
  },
});

Deno.test("simmer install and uninstall: only what is simmer's is replaced and removed", async () => {
  await using project = await Project.create({ "deno.json": TASKS });
  const installed = await project.run(["install", "--dir", "bin"]);
  assertEquals([installed.code, installed.stdout], [0, `installed ${project.root}/bin/simmer\n`]);
  assertStringIncludes(installed.stderr, "is not on the PATH");
  const help = await project.runProgram([`${project.root}/bin/simmer`, "--version"]);
  assertMatch(help.stdout, /^simmer \d/);
  assertEquals((await project.run(["install", "--dir=bin", "--quiet"])).code, 0);
  const removed = await project.run(["uninstall", "--dir", "bin"]);
  assertEquals(removed.stdout, `removed ${project.root}/bin/simmer\n`);
  await project.write("bin/simmer", "#!/bin/sh\n");
  for (const command of ["install", "uninstall"]) {
    const { code, stderr } = await project.run([command, "--dir", "bin"]);
    assertEquals(code, 4);
    assertStringIncludes(stderr, `${project.root}/bin/simmer`);
  }
});
