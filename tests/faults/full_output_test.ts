/** Output that cannot be written: each command reports it in one line and with its own exit code. */

import { assertEquals, assertMatch } from "@std/assert";
import { exists } from "@std/fs";
import { type Finished, Project, SIMMER } from "../e2e/support.ts";

const CONFIG = { tasks: { a: "echo a", fail: "echo no && exit 7" } };

/** The message for a stream on a full device. */
const LOST = /^simmer: cannot write to stdout: No space left on device \(os error 28\)$/;

/** Commands that write to stdout, whether a server runs or not. */
const COMMANDS: readonly string[] = [
  "run a",
  "run --no-server a",
  "run --json a",
  "run -n a",
  "run fail",
  "tasks",
  "tasks --json",
  "graph a",
  "why a",
  "status --json",
  "call listTasks",
  "logs",
  "help",
  "run --help",
  "--version",
  "completions bash",
  "clean --dry-run",
  "watch a",
];

/** Commands that start a server, or need a server's log. */
const NEEDS_SERVER = new Set(["watch a", "logs", "call listTasks"]);

const hasFullDevice = await exists("/dev/full");

/** Runs simmer with shell redirections. With `isCI`, simmer starts no server. */
function redirected(
  project: Project,
  command: string,
  redirections: string,
  isCI = false,
): Promise<Finished> {
  const line = `${SIMMER.map((word) => `'${word}'`).join(" ")} ${command} ${redirections}`;
  return project.runProgram(["sh", "-c", line], { env: isCI ? { CI: "1" } : {} });
}

/** Returns the lines that look like an error of simmer or of the runtime. */
function problems(stderr: string): string[] {
  return stderr.split("\n").filter((line) => /cannot|error|^ +at /i.test(line));
}

Deno.test({
  name: hasFullDevice
    ? "each command reports a full stdout in one line and with exit code 74, with and without a server"
    : "each command reports a full stdout in one line (skipped: there is no /dev/full here)",
  ignore: !hasFullDevice,
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    for (const hasServer of [false, true]) {
      if (hasServer) assertEquals((await project.run(["run", "a"])).code, 0);
      for (const command of COMMANDS) {
        if (!hasServer && NEEDS_SERVER.has(command)) continue;
        const { code, stderr } = await redirected(project, command, ">/dev/full", !hasServer);
        const shown = `simmer ${command} (server: ${hasServer}):\n${stderr}`;
        const found = problems(stderr);
        assertEquals(found.length, 1, shown);
        assertMatch(found[0] ?? "", LOST, shown);
        assertEquals(code, command === "status --json" && !hasServer ? 3 : 74, shown);
      }
    }
  },
});

Deno.test({
  name: hasFullDevice
    ? "a full stderr makes run exit with 74, keeps other exit codes, and causes no stack trace"
    : "a full stderr makes run exit with 74 (skipped: there is no /dev/full here)",
  ignore: !hasFullDevice,
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    assertEquals((await project.run(["run", "a"])).code, 0);
    const codes = [["run nosuch", 5], ["nosuch", 2], ["tasks --json", 0], ["run a", 74]] as const;
    for (const [command, expected] of codes) {
      const { code, stdout } = await redirected(project, command, "2>/dev/full");
      const isHandedOver = command === "run nosuch";
      assertEquals(code, isHandedOver ? 74 : expected, `simmer ${command}`);
      assertEquals(stdout.includes("    at "), false, stdout);
    }
  },
});

Deno.test({
  name: hasFullDevice
    ? "an observer with a full stdout exits with 74 when events come"
    : "an observer with a full stdout exits with 74 (skipped: there is no /dev/full here)",
  ignore: !hasFullDevice,
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    assertEquals((await project.run(["run", "a"])).code, 0);
    const line = `${SIMMER.map((word) => `'${word}'`).join(" ")} events >/dev/full`;
    const observer = project.startProgram(["sh", "-c", line]);
    await observer.stderr.until("observing the server");
    assertEquals((await project.run(["run", "a"])).code, 0);
    const { code, stderr } = await observer.finished();
    assertEquals([code, problems(stderr).length], [74, 1], stderr);
  },
});

Deno.test("closed standard streams behave like /dev/null", async () => {
  await using project = await Project.create({ "deno.json": CONFIG });
  for (const hasServer of [false, true]) {
    if (hasServer) assertEquals((await project.run(["run", "a"])).code, 0);
    for (const command of ["run --no-server a", "tasks", "status --json", "help"]) {
      for (const streams of [">&-", "2>&-", ">&- 2>&-", ">&- 2>&- <&-"]) {
        const { code, stderr } = await redirected(project, command, streams);
        const expected = command.startsWith("status") && !hasServer ? 3 : 0;
        assertEquals([code, problems(stderr)], [expected, []], `simmer ${command} ${streams}`);
      }
    }
  }
});
