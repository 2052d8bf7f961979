import { assertEquals, assertStringIncludes } from "@std/assert";
import { Project } from "../e2e/support.ts";

Deno.test("examples/hello is built through the server", async () => {
  await using project = await Project.create({});
  // Its files alone: whoever has tried it out has a server and results in there.
  const example = new URL("../../examples/hello", import.meta.url).pathname;
  for await (const { name, isFile } of Deno.readDir(example)) {
    if (isFile) await Deno.copyFile(`${example}/${name}`, `${project.root}/${name}`);
  }
  const built = await project.run(["run", "build"]);
  assertEquals(built.code, 0, built.stderr);
  assertStringIncludes(built.stdout, "hob\nkettle\nladle\nsimmer\n4 words\n");
  const greeted = await project.run(["run", "greet", "--", "dear", "reader"]);
  assertEquals(greeted.stdout, "Hello, dear reader\n");
});
