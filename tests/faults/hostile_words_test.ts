/** Hostile arguments, names and environments: each has its exit code and its message. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Finished, Project, SIMMER } from "../e2e/support.ts";

const LONG = "x".repeat(100_000);
const EVIL = "a\x1b]0;title\x07\x1b[2J\x9b1m\u202eb";
/** Characters that a terminal obeys, except line ends. Task output is not checked. */
// deno-lint-ignore no-control-regex
const OBEYED = /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/;

const CONFIG = {
  name: `pkg${EVIL}`,
  workspace: ["./m"],
  tasks: {
    a: "true",
    [`evil ${EVIL}`]: { description: EVIL, command: `true "${EVIL}"`, files: [`f${EVIL}`] },
    [`evil2 ${EVIL}`]: "exit 3",
    [`loop ${EVIL}`]: { dependencies: [`loop ${EVIL}`] },
    [`lost ${EVIL}`]: { dependencies: [`none ${EVIL}`] },
  },
};
const FILES = {
  "deno.json": CONFIG,
  "m/deno.json": { name: `m${EVIL}`, tasks: { [`evil ${EVIL}`]: "true" } },
};

/** Checks for defects, stack traces, characters that a terminal obeys, and very long lines. */
function assertDecent({ code, stdout, stderr }: Finished, what: string): void {
  const shown = `simmer ${what.slice(0, 200)}: ${code}\n${stderr.slice(0, 2000)}`;
  assert(code !== 70 && code !== 1, shown);
  assertEquals(/^ +at |Stack backtrace|error in simmer/m.test(stderr), false, shown);
  assertEquals(OBEYED.test(stdout + stderr), false, `${shown}\n${JSON.stringify(stdout)}`);
  assert(stderr.split("\n").every((line) => line.length < 5000), shown);
}

Deno.test("invalid arguments exit with 2, 3 or 5, and the messages have no control characters", async () => {
  await using project = await Project.create(FILES);
  const lines: readonly (readonly [expected: number, ...args: string[]])[] = [
    [2, LONG],
    [2, EVIL],
    [2, `--${EVIL}`],
    [5, "run", LONG],
    [5, "run", EVIL],
    [2, "run", `--${LONG}`],
    [2, "run", `--jobs=${EVIL}`, "a"],
    [2, "run", "-j", "1e9", "a"],
    [2, "run", "-j", "99999999999999999999", "a"],
    [2, "run", "--timeout", "-5", "a"],
    [2, "run", "--max-rss", "1", "a"],
    [2, "run", "--color", EVIL, "a"],
    [5, "run", "--cwd", LONG, "a"],
    [5, "run", "--cwd", EVIL, "a"],
    [5, "run", "-c", LONG, "a"],
    [2, "run", "-f", `no ${EVIL}`, "a"],
    [5, "run", `loop ${EVIL}`],
    [5, "run", `lost ${EVIL}`],
    [2, "status", "--server", `unix:${LONG}`],
    [2, "status", "--server", `unix:${"y".repeat(200)}/bitbake.sock`],
    [2, "status", "--server", EVIL],
    [3, "status", "--server", "unix:/dev/null"],
    [3, "status", "--server", "localhost:1"],
    [2, "call", EVIL],
    [2, "call", "status", EVIL],
    [2, "completions", EVIL],
    [2, "help", EVIL],
    [2, "clean", "--max-size", EVIL],
    [2, "serve", "--xmlrpc", EVIL],
    [2, "logs", "-n", "-1"],
  ];
  for (const hasServer of [false, true]) {
    if (hasServer) assertEquals((await project.run(["run", "a"])).code, 0);
    for (const [expected, ...args] of lines) {
      const finished = await project.run(args);
      const what = args.join(" ");
      assertDecent(finished, what);
      assertEquals(finished.code, expected, `${what.slice(0, 200)}\n${finished.stderr}`);
    }
  }
  const { stderr } = await project.run(["status", "--server", "localhost:1"]);
  assertStringIncludes(stderr, "cannot connect to localhost:1: no server");
});

Deno.test("commands show names from the configuration without control characters", async () => {
  await using project = await Project.create(FILES);
  const commands: readonly (readonly [expected: number, ...args: string[]])[] = [
    [0, "tasks"],
    [0, "tasks", "-r"],
    [0, "run", "evil *"],
    [3, "run", "evil2 *"],
    [3, "run", "-r", "-k", "evil*"],
    [0, "run", "-n", "evil *"],
    [0, "graph", "evil *"],
    [0, "graph", "evil *", "--format", "dot"],
    [0, "graph", "evil *", "--format", "mermaid"],
    [0, "why", "evil *"],
    [0, "status"],
  ];
  for (const how of [["--no-server"], []]) {
    for (const [expected, name = "", ...args] of commands) {
      const isRun = name === "run" && !args.includes("-n");
      if (how.length > 0 && !isRun) continue;
      const finished = await project.run([name, ...(isRun ? how : []), ...args]);
      assertDecent(finished, [name, ...how, ...args].join(" "));
      assertEquals(finished.code, expected, finished.stderr);
    }
  }
  const json = await project.run(["tasks", "--json"]);
  assert(json.stdout.includes("\\u001b"), "programs get names as they are");
});

Deno.test({
  name:
    "an argument that is not UTF-8 is rejected, because the runtime has replaced its bytes (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await Project.create({ "deno.json": { tasks: { a: "echo" } } });
    assertEquals((await project.run(["run", "a"])).code, 0);
    const line = `${SIMMER.map((word) => `'${word}'`).join(" ")} run a -- "$(printf '\\377')"`;
    const { code, stdout, stderr } = await project.runProgram(["sh", "-c", line]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^simmer: an argument is not UTF-8: .*\n$/);
    // A real U+FFFD is valid.
    assertEquals((await project.run(["run", "a", "--", "\ufffd"])).stdout, "\ufffd\n");
  },
});

Deno.test("variables that are empty, relative, not UTF-8 or unusable do not crash simmer", async () => {
  await using project = await Project.create({ "deno.json": { tasks: { a: "echo a" } } });
  const simmer = SIMMER.map((word) => `'${word}'`).join(" ");
  const denoDir = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  const { denoDir: folder } = JSON.parse(new TextDecoder().decode(denoDir.stdout));
  const cases: readonly (readonly [expected: number, line: string])[] = [
    [0, `HOME= XDG_CACHE_HOME= SIMMER_CACHE_DIR= ${simmer} run --no-server a`],
    [0, `HOME=rel XDG_CACHE_HOME=rel SIMMER_CACHE_DIR=rel ${simmer} run --no-server a`],
    [0, `XDG_RUNTIME_DIR="$(printf '\\377')" ${simmer} run --no-server a`],
    [0, `SIMMER_CACHE_DIR="$(printf '/\\377')" HOME=/proc ${simmer} run --no-server a`],
    [0, `SIMMER_CACHE_DIR=/dev/null ${simmer} run --no-server a`],
    [0, `SIMMER_CACHE_DIR=/${"y".repeat(300)} ${simmer} run --no-server a`],
    [4, `SIMMER_CACHE_DIR=/${"y".repeat(300)} ${simmer} clean`],
    [2, `SIMMER_SERVER_TIMEOUT=1e9 ${simmer} run --no-server a`],
    [2, `SIMMER_MAX_RSS=-1 ${simmer} run --no-server a`],
  ];
  for (const [expected, line] of cases) {
    const finished = await project.runProgram(["sh", "-c", line], { env: { DENO_DIR: folder } });
    const what = line.replaceAll(simmer, "simmer");
    assertDecent(finished, what);
    assertEquals(finished.code, expected, `${what}\n${finished.stderr}`);
  }
});

Deno.test("Labels handles 200,000 tasks at once", async () => {
  const { Labels } = await import("../../client/render/tasks/labels.ts");
  const { PLAIN } = await import("../../client/render/style.ts");
  const labels = new Labels();
  for (let index = 0; index < 200_000; index++) {
    labels.add({
      type: "TaskQueued",
      build: "b",
      task: `t${index}`,
      name: `t${index}`,
      dependencies: [],
      prefixed: true,
    });
  }
  assertEquals(labels.of("t7", PLAIN), "     [t7] ");
});
