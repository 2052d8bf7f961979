/** `--output`, `--timestamps` and GitHub Actions with the real command line. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Screen } from "./screen.ts";
import { Project, SIMMER } from "./support.ts";

const FILES = {
  "deno.json": {
    tasks: {
      slow: { command: "echo begin slow && sh -c 'sleep 0.3' && echo end slow" },
      fast: { command: "echo ::warning::fast && sh -c 'echo error fast >&2'" },
      bad: { command: "sh -c 'echo before; exit 7'" },
      both: { dependencies: ["slow", "fast"] },
      all: { dependencies: ["both", "bad"] },
      long: "seq 1 300000",
      longs: { dependencies: ["long", "fast"] },
      hit: { command: "echo cached", files: ["deno.json"], output: [] },
      hits: { dependencies: ["hit", "fast"] },
    },
  },
};

const BLOCKS = /^::warning::fast\nerror fast\nbegin slow\nend slow\n$/;

for (const way of [["run"], ["run", "--no-server"]]) {
  Deno.test(`simmer ${way.join(" ")} --output groups, filters and drops output`, async () => {
    await using project = await Project.create(FILES);
    const run = (args: readonly string[]): ReturnType<Project["runProgram"]> =>
      project.runProgram(["bash", "-c", `"$@" 2>&1`, "bash", ...SIMMER, ...way, "-j4", ...args]);
    const grouped = await run(["-q", "--output=grouped", "both"]);
    assertEquals([grouped.code, BLOCKS.test(grouped.stdout)], [0, true], grouped.stdout);
    const errors = await run(["-k", "--output", "errors", "all"]);
    assertEquals(errors.code, 7);
    assertMatch(
      errors.stdout,
      /^Task bad .*\nbefore\nsimmer: bad failed with exit code 7; log: .*\nsimmer: .*1 failed.*\n$/,
    );
    const none = await run(["-k", "--output=none", "all"]);
    assertMatch(none.stdout, /^simmer: bad failed .*\nsimmer: .* 1 failed.*\n$/);
    assertEquals(none.code, 7);
    const wrong = await run(["--output=all", "both"]);
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.stdout, "stream, grouped, errors, none");
  });
}

Deno.test("long output of a task is whole in its block, and bounded in memory", async () => {
  await using project = await Project.create(FILES);
  const { stdout } = await project.run(["run", "-q", "-j4", "--output=grouped", "longs"]);
  const numbers = stdout.replace("::warning::fast\n", "").trimEnd().split("\n");
  assertEquals(numbers.length, 300_000);
  assert(numbers.every((line, at) => line === `${at + 1}`));
  // Without a place for temporary files, it is shown as it comes.
  const env = { TMPDIR: "/dev/null/none" };
  const args = ["run", "-q", "-j4", "--no-server", "--output=grouped", "longs"];
  const { code, stdout: shown, stderr } = await project.run(args, { env });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "simmer: cannot hold the output of long until its end: ");
  const lines = shown.split("\n").filter((line) => /^\d+$/.test(line));
  assertEquals([lines.length, lines.at(-1)], [300_000, "300000"]);
});

Deno.test("replayed output is grouped, and times are printed on request", async () => {
  await using project = await Project.create(FILES);
  const args = ["run", "-q", "-j4", "--output=grouped", "--replay-logs=full", "hits"];
  await project.run(args);
  const { stdout } = await project.run(args);
  assertEquals(stdout.split("\n").sort(), ["", "::warning::fast", "cached"]);
  const timed = await project.run(["run", "-q", "--timestamps", "both"]);
  for (const line of timed.stdout.trimEnd().split("\n")) {
    assertMatch(line, /^ ?\[\w+\] \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S/);
  }
});

for (const server of [true, false]) {
  const how = server ? "with a server" : "without a server";
  Deno.test(`a step of GitHub Actions has groups, annotations and a summary, ${how}`, async () => {
    await using project = await Project.create(FILES);
    if (server) await project.run(["run", "slow"]);
    const env = {
      CI: "true",
      GITHUB_ACTIONS: "true",
      GITHUB_STEP_SUMMARY: `${project.root}/summary.md`,
    };
    const { code, stdout, stderr } = await project.run(["run", "-j4", "-k", "all"], { env });
    assertEquals(code, 7, stderr);
    assertStringIncludes(
      stdout,
      "::group::fast\nTask fast echo ::warning::fast && sh -c 'echo error fast >&2'\n" +
        "::warning::fast\nerror fast\n::endgroup::\n",
    );
    assertEquals(stdout.match(/^::group::/gm)?.length, stdout.match(/^::endgroup::$/gm)?.length);
    assertMatch(stderr, /^::error title=bad failed::exit code 7%0Abefore$/m);
    const summary = await project.read("summary.md");
    assertStringIncludes(summary, "| **failed** | <code>bad</code> |");
    assertStringIncludes(summary, "| not run | <code>all</code> |  |");
    // The output of a single task may be captured, and that of a nested run is part of a group.
    const single = await project.run(["run", "fast"], { env });
    assertEquals(single.stdout, "::warning::fast\n");
    const inner = `${SIMMER.join(" ")} run -j4 both`;
    const nested = await project.run(["run", "--eval", inner], { env });
    assertEquals(nested.stdout.includes("::group::"), false, nested.stdout);
    assertEquals((await project.read("summary.md")).split("###").length, 4);
  });
}

Deno.test({
  name:
    "in a terminal, blocks are above the view, and without output there is the view alone (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await Project.create({
      "deno.json": {
        tasks: {
          wait: "echo waiting && sh -c 'until test -e go; do sleep 0.05; done'",
          quick: "echo quick",
          both: { dependencies: ["wait", "quick"] },
        },
      },
    });
    await project.run(["tasks"]);
    const views = {
      grouped: /^Task quick echo quick\nquick\n +\d s {2}wait\n.*\nsimmer: 1\/3 done, \d s$/,
      none: /^ +\d s {2}wait\n.*\nsimmer: 1\/3 done, \d s$/,
    };
    for (const [mode, view] of Object.entries(views)) {
      await using screen = Screen.start(project, [
        ...SIMMER,
        "run",
        "-j4",
        "--output",
        mode,
        "both",
      ]);
      await screen.until(view);
      await project.write("go", "");
      assertEquals(await screen.finished(), 0);
      assertEquals(screen.text.includes("waiting\n"), mode === "grouped");
      await Deno.remove(`${project.root}/go`);
    }
    // A lone task has no keyboard if its output is not shown.
    await using lone = Screen.start(project, [...SIMMER, "run", "--output=none", "quick"]);
    assertEquals(await lone.finished(), 0);
    assertMatch(lone.text, /^simmer: 1 task run in .*$/);
  },
});
