/** Audits: which files a task uses, and what it declares of them. */

import { assertEquals, assertMatch } from "@std/assert";
import type { SimmerEvent, TaskAudited } from "../../../wire/events.ts";
import { traceObstacle } from "../../../system/process/file_trace.ts";
import { findProgram } from "../../../system/process/find_program.ts";
import { Project } from "../../e2e/support.ts";
import { DirectCooker } from "../direct_cooker.ts";

const STRACE = findProgram("strace", Deno.env.get("PATH") ?? "", "/");
const OBSTACLE = STRACE === undefined ? "strace is missing" : await traceObstacle(STRACE);

function tested(name: string): { readonly name: string; readonly ignore: boolean } {
  const ignore = OBSTACLE !== undefined;
  return { name: ignore ? `${name} (skipped: ${OBSTACLE})` : name, ignore };
}

const FILES = {
  "in.txt": "1",
  "src/a/1": "1",
  "src/a/2": "2",
  "src/b/3": "3",
  "lib/own": "x",
  "node_modules/pkg/index.js": "",
  "packages/x/y": "y",
  "packages/x/z": "z",
};

function auditsOf(events: readonly SimmerEvent[]): TaskAudited[] {
  return events.filter((event) => event.type === "TaskAudited");
}

Deno.test({
  ...tested("an audit proposes the files that a task has read and written, or their folders"),
  fn: async () => {
    await using project = await Project.create({
      ...FILES,
      "app/package.json": {},
      "app/main.js": "",
      "package.json": {
        workspaces: ["app"],
        scripts: {
          build:
            "cat src/*/* in.txt node_modules/pkg/index.js > /dev/null && mkdir -p dist/deep && " +
            "echo 1 > 'dist/a b' && echo 2 > dist/deep/new && mv dist/deep/new dist/deep/ü && " +
            "echo 3 > dist/gone && cat dist/gone && rm dist/gone && cp lib/own lib/copy",
          outside: "cd packages/x && cat y z ../../in.txt",
          changes: "cat in.txt && echo 2 > in.txt",
        },
      },
    });
    await using cooker = new DirectCooker(project.root);
    const env = { PATH: Deno.env.get("PATH") ?? "" };
    const audited = async (task: string): Promise<TaskAudited | undefined> =>
      auditsOf((await cooker.run([task], { audit: true, env })).events)[0];
    const build = await audited("build");
    assertEquals(build?.files, ["in.txt", "lib/own", "src"]);
    assertEquals(build?.output, ["dist", "lib/copy"]);
    assertEquals([build?.isDeclared, build?.changed], [false, []]);
    assertEquals((await audited("outside"))?.files, ["in.txt", "packages/x"]);
    const changes = await audited("changes");
    assertEquals([changes?.files, changes?.changed], [[], ["in.txt"]]);
    await Deno.writeTextFile(
      `${project.root}/app/package.json`,
      JSON.stringify({ scripts: { up: "cat main.js ../in.txt ../src/a/1 ../src/a/2" } }),
    );
    const run = await cooker.run(["up"], { audit: true, env, cwd: `${project.root}/app` });
    assertEquals(auditsOf(run.events)[0]?.files, ["../in.txt", "../src/a", "main.js"]);
  },
});

Deno.test({
  ...tested("an audit runs a cached task, and reports what it does not declare"),
  fn: async () => {
    await using project = await Project.create({
      ...FILES,
      "deno.json": {
        tasks: {
          first: { command: "sh -c 'echo 1 > made'", files: ["in.txt"], output: ["made"] },
          second: {
            command: "sh -c 'cat made in.txt src/a/1 > out; echo > other'",
            dependencies: ["first"],
            files: ["in.txt"],
            output: ["out"],
          },
        },
      },
    });
    await using cooker = new DirectCooker(project.root);
    await cooker.run(["second"]);
    const { events, exitCode } = await cooker.run(["second"], { audit: true });
    const found = auditsOf(events).map((
      { name, isDeclared, undeclaredReads, undeclaredWrites },
    ) => ({ name, isDeclared, undeclaredReads, undeclaredWrites }));
    assertEquals(exitCode, 0);
    assertEquals(found, [
      { name: "first", isDeclared: true, undeclaredReads: [], undeclaredWrites: [] },
      {
        name: "second",
        isDeclared: true,
        undeclaredReads: ["src/a/1"],
        undeclaredWrites: ["other"],
      },
    ]);
  },
});

Deno.test({
  ...tested(
    "a task that is cancelled during an audit leaves no process, and keeps its exit code otherwise",
  ),
  fn: async () => {
    await using project = await Project.create({
      "package.json": { scripts: { wait: "echo up; sleep 600; echo never", fails: "exit 7" } },
    });
    await using cooker = new DirectCooker(project.root);
    const run = await cooker.run(["wait"], { audit: true }, "TaskOutput");
    assertEquals(run.stdout, "up\n");
    assertEquals(await project.processes(), []);
    assertEquals((await cooker.run(["fails"], { audit: true })).exitCode, 7);
  },
});

Deno.test("without strace, an audited task runs, and a warning says what is missing", async () => {
  await using project = await Project.create({ "package.json": { scripts: { a: "echo a" } } });
  await Deno.mkdir(`${project.root}/bin`);
  await Deno.symlink("/bin/sh", `${project.root}/bin/sh`);
  await using cooker = new DirectCooker(project.root);
  const { stdout, events } = await cooker.run(["a"], {
    audit: true,
    env: { PATH: `${project.root}/bin` },
  });
  const warnings = events.flatMap((event) => event.type === "LogRecord" ? event.message : []);
  assertEquals(stdout, "a\n");
  assertMatch(warnings.join("\n"), /^Cannot record the files of a: strace is not on the PATH; /);
});

Deno.test({
  ...tested("simmer propose shows proposals and writes nothing, and --write adds them"),
  fn: async () => {
    await using project = await Project.create({
      ...FILES,
      "package.json": { scripts: { build: "mkdir -p dist && cat src/a/* > dist/all" } },
    });
    const before = await project.read("package.json");
    const shown = await project.run(["propose", "-q", "build"]);
    assertEquals(
      [shown.code, shown.stdout, shown.stderr],
      [0, 'build:\n  "files": ["src/a"]\n  "output": ["dist/all"]\n', ""],
    );
    assertEquals(await project.read("package.json"), before);
    const written = await project.run(["propose", "-q", "--write", "build"]);
    assertEquals(
      written.stderr,
      `simmer: added the settings of build to ${project.root}/package.json\n`,
    );
    const { simmer, ...rest } = JSON.parse(await project.read("package.json"));
    assertEquals(rest, JSON.parse(before));
    assertEquals(simmer, { tasks: { build: { files: ["src/a"], output: ["dist/all"] } } });
    await project.run(["run", "-q", "build"]);
    assertEquals(
      (await project.run(["run", "--json", "build"])).stdout.includes("TaskCached"),
      true,
    );
    const audited = await project.run(["run", "--audit", "build"]);
    assertMatch(audited.stderr, /\nsimmer: build used only files that it declares\n/);
  },
});
