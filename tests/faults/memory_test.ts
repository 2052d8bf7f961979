import { assertEquals } from "@std/assert";
import { Project } from "../e2e/support.ts";

// A server uses more from the beginning.
const env = { SIMMER_MAX_RSS: "32M" };

Deno.test("servers over their memory limit make room when their builds are done; nobody notices, watch goes on", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { part: { command: "cat in.txt", files: ["in.txt"] } } },
    "in.txt": "first\n",
  });
  const watch = project.start(["watch", "part"], { env });
  await watch.stdout.until("first\n");
  const before = await project.serverPid();
  await watch.stderr.until("Starting a new one.");
  await watch.stderr.until("(cached, inputs unchanged)");
  await watch.stderr.until("1 cached");
  await project.write("in.txt", "second\n");
  await watch.stdout.until("second\n");
  assertEquals((await project.run(["run", "part"], { env })).code, 0);
  assertEquals(await project.serverPid() === before, false);
  watch.kill("SIGINT");
  assertEquals((await watch.finished()).code, 130);
});
