/** The examples do what their texts and README say. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Project } from "./support.ts";

/** Copies an example to a new project. */
async function exampleOf(name: string): Promise<Project> {
  const folder = new URL(`../../examples/${name}`, import.meta.url).pathname;
  const project = await Project.create({});
  const script = 'tar -C "$0" --exclude=.simmer --exclude=out --exclude=dist -c . | tar -x';
  assertEquals((await project.runProgram(["sh", "-c", script, folder])).code, 0);
  return project;
}

Deno.test("examples/hello runs its tasks once and again after an edit, and why names the edited file", async () => {
  await using project = await exampleOf("hello");
  const first = await project.run(["run", "build"]);
  assertEquals(first.code, 0, first.stderr);
  assertStringIncludes(first.stderr, "3 tasks run in");
  const second = await project.run(["run", "build"]);
  assertStringIncludes(second.stderr, "0 tasks run, 3 cached in");
  await project.write("words.txt", `${await project.read("words.txt")}more\n`);
  const why = await project.run(["why", "build"]);
  assertStringIncludes(why.stdout, "  - words.txt was changed\n");
  const third = await project.run(["run", "build"]);
  assertStringIncludes(third.stderr, "3 tasks run in");
  assertStringIncludes(third.stdout, "more\n");
});

Deno.test("examples/workspace builds a member after the member that it imports, and caches both", async () => {
  await using project = await exampleOf("workspace");
  const first = await project.run(["run", "-r", "build"]);
  assertEquals(first.code, 0, first.stderr);
  const lines = first.stdout.trimEnd().split("\n");
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[0] ?? "", "3 words");
  assertStringIncludes(lines[1] ?? "", "<p>There are 3 words.</p>");
  const second = await project.run(["run", "-r", "build"]);
  assertStringIncludes(second.stderr, "0 tasks run, 2 cached in");
  await project.write("words/words.txt", "one\n");
  const why = await project.run(["why", "-r", "build"]);
  assertEquals(why.stdout.match(/words\.txt was changed/g)?.length, 2, why.stdout);
});
