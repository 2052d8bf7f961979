import { assertEquals, assertStringIncludes } from "@std/assert";
import { copy } from "@std/fs";
import { Project } from "../e2e/support.ts";

Deno.test("examples/hello is built through the server", async () => {
  await using project = await Project.create({});
  const example = new URL("../../examples/hello", import.meta.url).pathname;
  await copy(example, project.root, { overwrite: true });
  const built = await project.run(["run", "build"]);
  assertEquals(built.code, 0, built.stderr);
  assertStringIncludes(built.stdout, "hob\nkettle\nladle\nsimmer\n4 words\n");
  const greeted = await project.run(["run", "greet", "--", "dear", "reader"]);
  assertEquals(greeted.stdout, "Hello, dear reader\n");
});
