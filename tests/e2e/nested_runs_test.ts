/** Builds inside tasks, beside other builds. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pathExists } from "../../system/files/path_exists.ts";
import { builds, create, ends, FILES, letGo } from "./many_builds_project.ts";
import { PLACES, Project } from "./support.ts";

/** Options that run tasks on a server, one at a time on it, and without a server. */
const WAYS = PLACES.flatMap((place) => [place, [...place, "-j1"]]);

function hasNpm(): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => pathExists(`${folder}/npm`));
}

Deno.test("a dev server, a test run, a watch and a nested run go on at once", async () => {
  await using project = await create();
  const dev = project.start(["run", "-q", "-j4", "dev"], { terminal: true });
  await dev.stdout.until("dev begun");
  const watch = project.start(["watch", "watched"]);
  await watch.stdout.until("first\n");
  const [test, nested] = await Promise.all([
    project.run(["run", "-q", "test"]),
    project.run(["run", "-q", "by-sh"]),
  ]);
  assertEquals([test.code, test.stdout.endsWith("tested\n")], [0, true], test.stderr);
  assertEquals([nested.code, nested.stdout.endsWith("after\n")], [0, true], nested.stderr);
  await project.write("watched.txt", "second\n");
  await watch.stdout.until("second\n");
  assertEquals((await builds(project)).length, 1);
  watch.kill("SIGINT");
  assertEquals((await watch.finished()).code, 130);
  await dev.type("\x03");
  assertEquals((await dev.finished()).code, 130);
});

Deno.test("a run inside a task ends with its own result, with one job and without a server, too", async () => {
  await using project = await create();
  const tasks = ["by-sh", "by-deno", "twice", ...(hasNpm() ? ["by-npm"] : [])];
  for (const task of tasks) {
    for (const way of WAYS) {
      await project.write("in.txt", `${task} ${way.join(" ")}\n`);
      const { code, stdout, stderr } = await project.run(["run", "-q", ...way, task]);
      assertEquals(code, 0, `${task} ${way}: ${stderr}`);
      assertStringIncludes(stdout, `${task} ${way.join(" ")}\n`, `${task} ${way}: ${stderr}`);
    }
  }
});

Deno.test("a run inside a task goes on although a dev server has the only slot", async () => {
  await using project = await create();
  const late = project.start(["run", "-q", "-j1", "late"]);
  await late.stdout.until("late begun");
  const dev = project.start(["run", "-q", "-j1", "dev"]);
  while ((await builds(project)).length < 2);
  await letGo(project, "late");
  // While the late task waits for its own build, the dev server gets its slot.
  const { code, stdout, stderr } = await late.finished();
  assertEquals([code, stdout.endsWith("input\n")], [0, true], stderr);
  await dev.stdout.until("dev begun");
  dev.kill("SIGINT");
  assertEquals((await dev.finished()).code, 130);
});

Deno.test("tasks that run themselves or each other fail with the cycle, exit code 5", async () => {
  await using project = await create();
  for (const way of [[], ["-j1"]]) {
    const byFiles = await project.run(["run", ...way, "self-files"]);
    assertEquals(byFiles.code, 5, byFiles.stderr);
    assertStringIncludes(byFiles.stderr, "self-files → self-files");
    const endless = await project.run(["run", ...way, "self"]);
    assertEquals(endless.code, 5, endless.stderr);
    assertStringIncludes(endless.stderr, "self → self");
  }
  const both = ["one", "other"].map((task) => project.start(["run", "-j4", task]));
  const finished = await ends(both);
  assertEquals(finished.map(({ code }) => code), [5, 5], JSON.stringify(finished));
  const said = finished.map(({ stderr }) => stderr).join("");
  assert(/one → other → one|other → one → other/.test(said), said);
});

Deno.test("a nested run is served by a server for one client at a time, too", async () => {
  await using project = await Project.create(FILES);
  const server = project.start(["serve", "--single"]);
  await server.stderr.until("Socket: ");
  for (const task of ["by-sh", "twice"]) {
    const { code, stdout, stderr } = await project.run(["run", "-q", task]);
    assertEquals([code, stdout.includes("after\n")], [0, true], stderr);
  }
  await project.run(["stop"]);
  await server.finished();
});
