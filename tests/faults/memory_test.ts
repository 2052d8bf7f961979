import { assertEquals } from "@std/assert";
import { Project } from "../e2e/support.ts";

// A server uses more memory than this from the start.
const env = { SIMMER_MAX_RSS: "32M" };

Deno.test("a server over its memory limit is replaced after its build, and watch and run continue", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { part: { command: "cat in.txt", files: ["in.txt"] } } },
    "in.txt": "first\n",
  });
  const watch = project.start(["watch", "part"], { env });
  await watch.stdout.until("first\n");
  const before = await project.serverPid();
  await watch.stderr.until("Starting a new server.");
  await watch.stderr.until("(cached, inputs unchanged)");
  await watch.stderr.until("1 cached");
  await project.write("in.txt", "second\n");
  await watch.stdout.until("second\n");
  assertEquals((await project.run(["run", "part"], { env })).code, 0);
  assertEquals(await project.serverPid() === before, false);
  watch.kill("SIGINT");
  assertEquals((await watch.finished()).code, 130);
});
